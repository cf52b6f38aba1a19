"""An installation goes into a file and comes out of it on an empty machine; real processes, real servers."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from evalapp.core.domain.backup_files import checked_manifest
from evalapp.core.domain.errors import InvalidInput
from tests.journeys.installation import Installation, Visitor

pytestmark = pytest.mark.journey

_FILL = """
from tests.leaderboard.crowds import voted_study
from evalapp.leaderboard.services import take_snapshot
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
take_snapshot(voted_study(slug="match"))
default_storage.save("pictures/ab/a picture é.png", ContentFile(b"not really a picture" * 1000))
"""
_BOARD = """
from django.test import Client
from evalapp.leaderboard.pages.tables import TABLES
browser = Client(headers={"host": "localhost"})
for name in sorted(TABLES):
    print(name, browser.get(f"/leaderboard/match/tables/{name}.csv").content)
from evalapp.leaderboard.models import Snapshot
print(Snapshot.objects.get().document)
"""


_FACTS = """
import json
from django.db.models import Count, F, Q
from evalapp.studies.models import Pair
from evalapp.voting.models import Exposure, Vote
said = lambda word: Count("votes", filter=Q(votes__counted=True, votes__verdict=word), distinct=True)
pairs = Pair.objects.annotate(dopes=said("dope"), nopes=said("nope"))
answered = Exposure.objects.filter(answered_at__isnull=False).count()
print(json.dumps({
    "votes": Vote.objects.count(),
    "astray": pairs.exclude(dope=F("dopes"), nope=F("nopes")).count() + abs(answered - Vote.objects.count()),
}))
"""
"""Votes, and how many rows contradict each other."""


@contextmanager
def _folder() -> Iterator[Path]:
    """Not below pytest's own folder: every pytest that begins closes that to the user that PostgreSQL runs as."""
    with tempfile.TemporaryDirectory(prefix="don-backup-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def new() -> Iterator[Installation]:
    """An empty machine."""
    with _folder() as folder:
        yield Installation(folder / "var")


@pytest.fixture(scope="module")
def voted() -> Iterator[Installation]:
    """An installation with votes, a picture, a model's file, vectors and a secret key."""
    with _folder() as folder:
        yield _fill(Installation(folder / "var"))


def _fill(there: Installation) -> Installation:
    there.run("migrate", "--verbosity", "0")
    there.run("collectstatic", "--no-input", "--verbosity", "0")
    there.run("shell", "--no-imports", "-v", "0", "-c", _FILL)
    for name in ("weights/net.onnx", "embeddings/ab/shard.npy", "training/1/state.json"):
        (there.var / name).parent.mkdir(parents=True, exist_ok=True)
        (there.var / name).write_bytes(name.encode() * 500)
    return there


@pytest.fixture(scope="module")
def backup(voted: Installation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("backups") / "all.backup"
    told = voted.json("backup", str(file))
    assert told["bytes"] == file.stat().st_size
    assert file.stat().st_mode & 0o077 == 0, "it holds keys"
    return file


def test_on_an_empty_machine_boards_and_files_are_the_same_to_the_byte(
    voted: Installation, backup: Path, new: Installation
) -> None:
    told = new.run("restore", str(backup))

    assert "Vectors are not in it" in told.stdout
    shutil.copytree(voted.var / "static", new.var / "static", dirs_exist_ok=True)
    boards = [one.run("shell", "--no-imports", "-v", "0", "-c", _BOARD).stdout for one in (voted, new)]
    assert boards[0] == boards[1]
    assert boards[0].count("\n") > 3
    for name in ("secret-key", "media/pictures/ab/a picture é.png", "weights/net.onnx", "training/1/state.json"):
        assert (new.var / name).read_bytes() == (voted.var / name).read_bytes(), name
    assert (new.var / "secret-key").stat().st_mode & 0o077 == 0
    assert not (new.var / "embeddings").exists()
    assert not (new.var / "restore.partial").exists()

    again = new.run("restore", str(backup), code=1)
    assert "not empty" in again.stderr
    assert "Traceback" not in again.stderr


@pytest.mark.parametrize("fault", ["cut", "changed", "renamed", "of another format", "no backup"])
def test_a_file_that_is_not_whole_is_refused_before_anything_changes(backup: Path, tmp_path: Path, fault: str) -> None:
    data = backup.read_bytes()
    middle = data.index(b"not really a picture") + 5000
    file = tmp_path / "bad.backup"
    file.write_bytes(
        {
            "cut": data[: len(data) * 2 // 3],
            "changed": data[:middle] + b"X" + data[middle + 1 :],
            "renamed": data.replace(b"weights/net.onnx", b"weights/not.onnx", 1),
            "of another format": data.replace(b'"format": 1', b'"format": 2', 1),
            "no backup": b"a letter",
        }[fault]
    )
    with pytest.raises(InvalidInput) as caught:
        checked_manifest(file)
    assert str(file) in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("place", [0.001, 0.1, 0.5, 0.9, 0.999])
def test_wherever_it_is_cut_it_is_noticed(backup: Path, tmp_path: Path, place: float) -> None:
    data = backup.read_bytes()
    end = data.rindex(b"}") + 1
    file = tmp_path / "cut.backup"
    file.write_bytes(data[: int(end * place)])
    with pytest.raises(InvalidInput):
        checked_manifest(file)


def test_a_backup_of_a_newer_version_is_refused_in_one_line(
    voted: Installation, new: Installation, tmp_path: Path
) -> None:
    later = "from django.db.migrations.recorder import MigrationRecorder as R; from django.db import connection as c;"
    voted.run("shell", "--no-imports", "-c", later + "R(c).record_applied('voting', '9999_of_tomorrow')")
    file = tmp_path / "new.backup"
    try:
        voted.run("backup", str(file), "--vectors")
    finally:
        voted.run("shell", "--no-imports", "-c", later + "R(c).record_unapplied('voting', '9999_of_tomorrow')")
    assert checked_manifest(file)["vectors"]
    done = new.run("restore", str(file), code=2)

    assert "newer version" in done.stderr
    assert "voting.9999_of_tomorrow" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (new.var / "weights").exists()


def test_a_backup_is_never_written_over_and_never_half_there(voted: Installation, backup: Path, tmp_path: Path) -> None:
    assert "there already" in voted.run("backup", str(backup), code=1).stderr
    assert "is not a folder" in voted.run("backup", str(tmp_path / "nowhere" / "x"), code=2).stderr
    assert [path.name for path in backup.parent.iterdir()] == [backup.name]


def test_a_backup_taken_while_people_vote_is_of_one_moment(new: Installation, tmp_path: Path) -> None:
    with _folder() as folder:
        there = _fill(Installation(folder / "var", {"ADDRESS_VOTERS_PER_MINUTE": "1000000"}))
        file = tmp_path / "busy.backup"
        with there.serving() as address, ThreadPoolExecutor(4) as crowd:
            over = Event()
            voting = [crowd.submit(_vote, address, over) for _ in range(4)]
            try:
                _wait_until(lambda: _facts(there)["votes"] > 440)
                there.run("backup", str(file))
                still = [one for one in voting if not one.done()]
            finally:
                over.set()
            assert len(still) == 4, "they voted all the while"
            assert sum(one.result() for one in voting) > 40
            after = _facts(there)
    new.run("restore", str(file))
    restored = _facts(new)
    assert 440 < restored["votes"] < after["votes"]
    assert (restored["astray"], after["astray"]) == (0, 0)


def _vote(address: str, over: Event) -> int:
    """People who come one after the other; how many answers were recorded."""
    recorded = 0
    while not over.is_set():
        visitor = Visitor(address)
        for shown in visitor.post("/api/v1/studies/match/deck/", {"n": 5})["exposures"]:
            answer = visitor.post("/api/v1/votes/", {"votes": [{"token": shown["token"], "verdict": "dope"}]})
            recorded += answer["results"][0]["status"] == "recorded"
    return recorded


def _facts(there: Installation) -> Any:
    return json.loads(there.run("shell", "--no-imports", "-v", "0", "-c", _FACTS).stdout)


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_an_operator_is_made_once_with_a_password_and_a_token(voted: Installation) -> None:
    told = voted.json("create_operator", "ada", "--token")
    assert len(told["password"]) >= 12
    assert len(told["token"]) == 40
    again = voted.run("create_operator", "ada", code=1)
    assert "There is an operator ada already" in again.stderr
    from_env = Installation(voted.var, {"OPERATOR_PASSWORD": "password"})
    refused = from_env.run("create_operator", "bo", code=2)
    assert "too common" in refused.stderr
    chosen = Installation(voted.var, {"OPERATOR_PASSWORD": "a long enough one"})
    assert "password" not in json.loads(chosen.run("create_operator", "bo", "--json").stdout)
