"""Workers that share a precompute are killed again and again, and messages get lost; nobody can tell by the result."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from evalapp.core.embedded.workers import celery
from tests.conftest import REPOSITORY
from tests.journeys.installation import Installation
from tests.journeys.real_services import fresh_database, private_redis

pytestmark = pytest.mark.journey

KILLS = 10
WORKERS = 3
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
    """Three workers and a beat; who is killed is replaced."""

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
        """Kill one of the two that live longest, so that the victim is at work and not still starting."""
        victim = self.workers.pop(chance.randrange(2))
        victim.kill()
        victim.wait()
        self.start()

    def stop(self) -> None:
        """End all at once."""
        for process in [*self.workers, *([self.beat] if self.beat else [])]:
            process.kill()
            process.wait()

    def _celery(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(celery(*words, "--loglevel", "ERROR"), cwd=REPOSITORY, env=self.installation.env)


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


def _set_up(installation: Installation, folder: Path) -> None:
    installation.run("migrate", "--verbosity", "0")
    installation.run("draw_demo", str(folder), "--products", "75")
    installation.run("import_catalogue", "drawn", str(folder / "items.csv"))
    installation.run("register_model", "tiny-vgg", "--name", "tiny", "--size", "96")
    installation.run("register_model", "colour-histogram", "--name", "colours")
    words = [word for contender in CONTENDERS for word in ("--contender", contender)]
    installation.run("create_study", "drawn", "--catalogue", "drawn", *words, "--seed", "3", "--top-k", "3")


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


def _disturb(crew: Crew, database: str, lose_messages: Any) -> int:
    """Kill workers at random as the work goes on, and lose all messages halfway; how many were killed."""
    chance = random.Random(11)
    kills = 0
    deadline = time.monotonic() + 120
    while (state := _state(database))[0] not in {"done", "done with errors", "failed", "cancelled"}:
        assert time.monotonic() < deadline, f"the job is stuck: {state}"
        _, done, total = state
        if kills < KILLS and total and done >= kills * total // (KILLS + 1) + 1:
            time.sleep(chance.uniform(0.0, 0.3))
            crew.kill_one(chance)
            kills += 1
            if kills == KILLS // 2:
                lose_messages()
        time.sleep(0.05)
    return kills


def test_a_precompute_whose_workers_are_killed_ends_as_a_quiet_one(tmp_path: Path) -> None:
    pace = {"WORKER_SILENCE_SECONDS": "4", "CHUNK_PICTURES": "8", "OMP_NUM_THREADS": "1"}
    with fresh_database() as database, private_redis(tmp_path) as redis:
        quiet = Installation(tmp_path / "quiet", {**pace, "DATABASE_URL": database})
        _set_up(quiet, tmp_path / "pictures")
        with fresh_database(template=database) as other:
            shutil.copytree(quiet.var, tmp_path / "killed")
            quiet.run("precompute", "drawn", "--wait")
            killed = Installation(tmp_path / "killed", {**pace, "DATABASE_URL": other, "CELERY_BROKER_URL": redis.url})

            def lose_messages() -> None:
                redis.kill()
                redis.start()

            with _crew(killed) as crew:
                killed.run("precompute", "drawn")
                kills = _disturb(crew, other, lose_messages)

            assert kills == KILLS
            assert _rows(other, "SELECT state, error FROM core_job") == [("done", "")]
            assert _rows(other, RESULT) == _rows(database, RESULT) != []
            assert _keys(killed) == _keys(quiet)
            for keys in _keys(killed).values():
                assert len(keys) == len(set(keys)), "a vector was written twice"
            ((chunks, claims),) = _rows(other, "SELECT count(*), sum(claim) FROM core_chunk")
            assert chunks < claims <= chunks + kills, "a death costs one chunk at most, and some cost one"
