"""Workers that share a precompute are killed again and again, Redis loses its messages, PostgreSQL is cut off; nobody
can tell by the result.

The suite does a short form with two workers. `make crashes` kills twenty of three over many real photographs.
"""

from __future__ import annotations

import csv
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psycopg2
import pytest

from evalapp.core.services.embedded.workers import celery_command
from tests.conftest import REPOSITORY
from tests.journeys.installation import Installation
from tests.journeys.real_services import private_postgres, private_redis

pytestmark = pytest.mark.journey

KILLS = int(os.environ.get("DON_KILLS", "3"))
PHOTOS = int(os.environ.get("DON_PHOTOS", "48"))
WORKERS = int(os.environ.get("DON_WORKERS", "2"))
CONTENDERS = ("tiny.fc6:l2", "tiny.fc6:hamming", "tiny.fc7:cosine", "colours:l1")
RESULT = """
    SELECT contender.name, asked.key, shown.key, nomination.rank, nomination.distance, pair.slot
    FROM studies_nomination nomination
    JOIN studies_contender contender ON contender.id = nomination.contender_id
    JOIN studies_pair pair ON pair.id = nomination.pair_id
    JOIN studies_query query ON query.id = pair.query_id
    JOIN catalog_item asked ON asked.id = query.item_id
    JOIN catalog_item shown ON shown.id = pair.candidate_id
    ORDER BY 1, 2, 4, 3
"""


@dataclass
class Crew:
    """Workers and a beat; who is killed is replaced."""

    installation: Installation
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    beat: subprocess.Popen[bytes] | None = None
    started: int = 0

    def start(self) -> None:
        """Start the beat and fill the places of workers."""
        if self.beat is None:
            self.beat = self._celery("beat", "--pidfile", "")
        while len(self.workers) < WORKERS:
            self.started += 1
            self.workers.append(
                self._celery(
                    "worker", "--pool", "solo", "--queues", "gpu,default", "--hostname", f"{self.started}@%h",
                    "--without-gossip", "--without-mingle", "--without-heartbeat",
                )
            )  # fmt: skip

    def kill_one(self, chance: random.Random) -> None:
        """Kill one of those that live longest, so that the victim is at work and not still starting."""
        victim = self.workers.pop(chance.randrange(WORKERS - 1))
        victim.kill()
        victim.wait()
        self.start()

    def stop(self) -> None:
        """End all at once."""
        for process in [*self.workers, *([self.beat] if self.beat else [])]:
            process.kill()
            process.wait()

    def _celery(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            celery_command(*words, "--loglevel", "ERROR"), cwd=REPOSITORY, env=self.installation.env
        )


@contextmanager
def _crew(installation: Installation) -> Iterator[Crew]:
    crew = Crew(installation)
    try:
        crew.start()
        yield crew
    finally:
        crew.stop()


def _rows(database: str, query: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def _photos(folder: Path, shared: Callable[[str], Path]) -> Path:
    """A table of some of the real photographs, every so many of the list."""
    table = shared("data/clothing/items.csv")
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    folder.mkdir()
    for row in rows[:: max(1, len(rows) // PHOTOS)][:PHOTOS]:
        target = folder / row["category"] / Path(row["image"]).name
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(table.parent / row["image"], target)
    return folder


SET_UP = """
from django.core.management import call_command as run
run("migrate", verbosity=0)
run("import_catalogue", "photos", {photos!r})
run("register_model", "tiny-vgg", name="tiny")
run("register_model", "colour-histogram", name="colours")
run("create_study", "photos", catalogue="photos", contenders={contenders!r}, seed=3, top_k=3)
"""


def _set_up(installation: Installation, photos: Path) -> None:
    """All commands in one process: five times the start of Python would be most of their time."""
    installation.run("shell", "-v", "0", "-c", SET_UP.format(photos=str(photos), contenders=CONTENDERS))


WORK = """
from evalapp.core.pipeline import chunk_work
from evalapp.core.services.jobs import request_job
from evalapp.studies.models import Study

job = request_job("precompute", f"study:{Study.objects.get().pk}")
while chunk_work.work_on(job.pk):
    pass
"""
"""A worker's turns without any message: nobody disturbs them."""


def _state(database: str) -> tuple[str, int, int]:
    """The job's state, its chunks of embeddings that are done, and all of them."""
    return _rows(  # type: ignore[return-value]
        database,
        "SELECT (SELECT state FROM core_job), count(*) FILTER (WHERE state = 'done'), count(*)"
        " FROM core_chunk WHERE stage = 'embed'",
    )[0]


def _keys(installation: Installation) -> dict[str, list[bytes]]:
    """The keys of all vectors, by encoder and tap, as often as they were written."""
    found: dict[str, list[bytes]] = {}
    root = installation.var / "embeddings"
    for file in sorted(root.rglob("keys.bin")):
        if not file.parent.name.startswith("."):
            raw = file.read_bytes()
            keys = [raw[start : start + 32] for start in range(0, len(raw), 32)]
            found.setdefault(str(file.parents[1].relative_to(root)), []).extend(keys)
    return {tap: sorted(keys) for tap, keys in found.items()}


def _vectors(installation: Installation) -> dict[tuple[str, bytes], bytes]:
    """The bytes of every vector, by encoder, tap and key."""
    found = {}
    root = installation.var / "embeddings"
    for file in sorted(root.rglob("keys.bin")):
        raw, rows = file.read_bytes(), np.load(file.with_name("vectors.npy"))
        for number, row in enumerate(rows):
            found[str(file.parents[1].relative_to(root)), raw[32 * number : 32 * number + 32]] = row.tobytes()
    return found


def _rows_outside(database: str, statement: str) -> None:
    """A statement that no transaction may be around."""
    with closing(psycopg2.connect(database)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)


def _disturb(crew: Crew, database: str, outages: list[Callable[[], None]]) -> int:
    """Kill workers at random as the work goes on, with the outages in between; how many were killed."""
    chance = random.Random(11)
    kills = 0
    deadline = time.monotonic() + 600
    while (state := _state(database))[0] not in {"done", "done with errors", "failed", "cancelled"}:
        assert time.monotonic() < deadline, f"the job is stuck: {state}"
        _, done, total = state
        if kills < KILLS and total and done >= kills * total // (KILLS + 1) + 1:
            time.sleep(chance.uniform(0.0, 0.3))
            crew.kill_one(chance)
            kills += 1
            if outages and kills >= KILLS // 2:
                outages.pop(0)()
        time.sleep(0.05)
    return kills


def test_a_precompute_whose_workers_are_killed_ends_as_a_quiet_one(
    tmp_path: Path, shared: Callable[[str], Path]
) -> None:
    pace = {"WORKER_SILENCE_SECONDS": "4", "CHUNK_PICTURES": "6", "OMP_NUM_THREADS": "1"}
    photos = _photos(tmp_path / "photos", shared)
    with private_postgres() as postgres, private_redis(tmp_path) as redis:
        other = postgres.url
        database = f"{other.rpartition('/')[0]}/quiet"
        quiet = Installation(tmp_path / "quiet", {**pace, "DATABASE_URL": database})
        _rows_outside(other, 'CREATE DATABASE "quiet"')
        _set_up(quiet, photos)
        _rows_outside(other, 'CREATE DATABASE "killed" TEMPLATE "quiet"')
        other = f"{other.rpartition('/')[0]}/killed"
        shutil.copytree(quiet.var, tmp_path / "killed")
        quiet.run("shell", "-v", "0", "-c", WORK)
        killed = Installation(tmp_path / "killed", {**pace, "DATABASE_URL": other, "CELERY_BROKER_URL": redis.url})

        def lose_messages() -> None:
            redis.kill()
            redis.start()

        def lose_the_database() -> None:
            postgres.cut_off()
            time.sleep(1)
            postgres.start()

        with _crew(killed) as crew:
            killed.run("precompute", "photos")
            outages = [lose_messages, lose_the_database]
            kills = _disturb(crew, other, outages)

        assert kills == KILLS
        assert outages == []
        assert _rows(other, "SELECT state, error FROM core_job") == [("done", "")]
        assert _rows(other, RESULT) == _rows(database, RESULT) != []
        assert _keys(killed) == _keys(quiet)
        for keys in _keys(killed).values():
            assert len(keys) == len(set(keys)), "a vector was written twice"
        assert _vectors(killed) == _vectors(quiet), "byte for byte"
        ((chunks, claims),) = _rows(other, "SELECT count(*), sum(claim) FROM core_chunk")
        # A death costs one chunk at most; so does an outage of the database, of every worker.
        assert chunks < claims <= chunks + kills + WORKERS
