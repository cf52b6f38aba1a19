"""The file that a notebook copies: real HTTP, a real worker's turn, three lines to a data frame."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client as Browser
from pytest_django.live_server_helper import LiveServer
from rest_framework.authtoken.models import Token

from evalapp.core.models import FINAL_STATES, Job
from evalapp.core.pipeline.chunk_work import work_on
from evalapp.exports.domain.notebook_client import Client, ServerError
from evalapp.studies.models import Study
from evalapp.voting.models import Vote
from tests import cast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


@pytest.fixture
def study(settings: LazySettings, tmp_path: Path) -> Study:
    settings.EXPORTS_DIR = tmp_path / "exports"
    study = cast.open_study()
    cast.cleo(study)
    return study


@pytest.fixture
def token() -> str:
    operator = get_user_model().objects.create_user("operator", is_staff=True)
    return str(Token.objects.create(user=operator).key)


@pytest.fixture
def worker() -> Iterator[None]:
    """Somebody who does every job that is asked for."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(0.05):
            for job in Job.objects.exclude(state__in=FINAL_STATES):
                work_on(job.pk)
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    stop.set()
    thread.join()


def test_three_lines_give_data_frames(study: Study, token: str, live_server: LiveServer, worker: None) -> None:
    tables = Client(live_server.url, token=token).export("match")
    assert set(tables) == {"votes", "pairs", "nominations", "items", "triplets"}
    assert len(tables["votes"]) == Vote.objects.count()
    assert set(tables["votes"].verdict) == {"dope", "nope"}


def test_the_standings_come_as_a_frame(study: Study, token: str, live_server: LiveServer) -> None:
    frame = Client(live_server.url, token=token).leaderboard("match")
    assert set(frame.contender) == {cast.FC6, cast.FC7, cast.CONTROL}


def test_a_no_of_the_server_is_told_with_its_code(token: str, live_server: LiveServer) -> None:
    with pytest.raises(ServerError, match="no study nowhere") as caught:
        Client(live_server.url, token=token).export("nowhere")
    assert caught.value.code == "not_found"
    with pytest.raises(ServerError) as caught:
        Client(live_server.url, token="wrong").export("nowhere")
    assert caught.value.code == "not_authenticated"


def test_patience_ends(study: Study, token: str, live_server: LiveServer) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        Client(live_server.url, token=token).export("match", patience=0.1)
    assert time.monotonic() - began < 30


def test_the_server_hands_the_file_out_and_it_stands_alone(tmp_path: Path, db: None) -> None:
    answer = Browser().get("/api/client.py")
    assert answer.status_code == 200
    (tmp_path / "client.py").write_bytes(answer.content)
    script = (
        "import sys; sys.path.insert(0, '.'); import client; client.Client('http://x', 't');"
        " assert not {'django', 'evalapp'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-I", "-c", script], cwd=tmp_path, check=True)
