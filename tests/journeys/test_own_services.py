"""The same work with a PostgreSQL and a broker of one's own, and workers started by their command lines."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import REPOSITORY
from tests.journeys.installation import Installation
from tests.journeys.real_services import fresh_database
from tests.studies.conftest import draw_cards

pytestmark = pytest.mark.journey

BROKERS = {
    "redis": os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9"),
    "rabbitmq": os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//"),
}


def _is_reachable(url: str) -> bool:
    parts = urlsplit(url)
    with closing(socket.socket()) as probe:
        probe.settimeout(2)
        return probe.connect_ex((parts.hostname or "127.0.0.1", parts.port or 0)) == 0


@pytest.fixture
def database() -> Iterator[str]:
    with fresh_database() as address:
        yield address


@pytest.mark.parametrize("broker", sorted(BROKERS))
def test_workers_of_ones_own_do_the_work(broker: str, database: str, tmp_path: Path) -> None:
    if not _is_reachable(BROKERS[broker]):
        pytest.skip(f"no {broker} answers at {BROKERS[broker]}")
    installation = Installation(tmp_path / "var", {"DATABASE_URL": database, "CELERY_BROKER_URL": BROKERS[broker]})
    (tmp_path / "cards").mkdir()
    installation.run("migrate", "--verbosity", "0")
    installation.run("import_catalogue", "cards", str(draw_cards(tmp_path / "cards")))
    installation.run("register_model", "colour-histogram", "--name", "colours")
    installation.run("create_study", "cards", "--catalogue", "cards", "--contender", "colours:l1")

    worker = subprocess.Popen(
        [
            sys.executable, "-m", "celery", "--app", "evalapp.config.celery", "worker",
            "--pool", "solo", "--queues", "gpu,default", "--loglevel", "WARNING",
        ],
        cwd=REPOSITORY,
        env=installation.env,
    )  # fmt: skip
    try:
        installation.run("precompute", "cards", "--wait")
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(30)

    assert not (installation.var / "postgres").exists()
    line = installation.json("evaluate", "cards")["contenders"][0]
    assert line["category_match"] == 1.0
    doctor = installation.json("doctor")
    told = {finding["about"]: finding["text"] for finding in doctor["findings"]}
    assert "DATABASE_URL" in told["database"]
    assert "folder" not in told["broker"]
