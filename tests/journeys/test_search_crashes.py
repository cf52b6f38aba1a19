"""Search while its generations are swapped and its processes are killed: nothing is lost, and afterwards it answers
what an index built from nothing answers.

The suite does a short form. `make search-crashes` asks 5,000 times while generations are swapped, and kills 50 times.
"""

from __future__ import annotations

import csv
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.journeys.installation import Installation, free_port, wait_for
from tests.servers import Database

pytestmark = pytest.mark.journey

REQUESTS = int(os.environ.get("DON_SEARCH_REQUESTS", "200"))
KILLS = int(os.environ.get("DON_SEARCH_KILLS", "4"))
PHOTOS, CLIENTS, ASKED = 60, 4, 15
INDEXES = ("whole", "lists")
LIFE = 6.0
"""Seconds that a process is let live at least: a role that dies again and again at once is taken for broken."""
VERIFY = """
from pathlib import Path
from django.conf import settings
from evalapp.contenders.pipeline import embeddings
from evalapp.search.models import Generation
from models_registry.index import verify_generation
for one in Generation.objects.exclude(folder="").select_related("index__embedding__model"):
    embedding = one.index.embedding
    found = verify_generation(
        Path(settings.INDEXES_DIR) / one.folder, embeddings.folder_of(embedding.model, embedding.tap)
    )
    assert (found.rows, found.sha256) == (one.rows, one.sha256), one
"""


@dataclass
class Shop:
    """An installation that serves two indexes of some photographs, its database, and its operator's token."""

    installation: Installation
    database: Database
    photographs: Path
    keys: list[str]
    token: str = ""
    port: int = 0
    serve: subprocess.Popen[bytes] | None = None
    killed_at: dict[str, float] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None, *, patience: float = 30) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience)
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, f"/api/v1/{path}", json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if answer.status < 500 and text else None
        finally:
            connection.close()

    def answers(self, index: str, key: str) -> list[str] | None:
        """Keys of the nearest by vectors; None where there is no such answer."""
        status, found = self.ask("POST", f"search/{index}/item/", {"key": key, "k": 10})
        if status != 200 or found["by"] != "vectors":
            return None
        return [one["key"] for one in found["answers"]]

    def kill(self, role: str) -> None:
        """As a power cut would."""
        self.killed_at[role] = time.monotonic()
        if role == "database":
            self.database.kill()
            time.sleep(0.3)
            self.database.start()
            return
        assert self.serve is not None
        for child in psutil.Process(self.serve.pid).children():
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                if MARKS[role] in " ".join(child.cmdline()):
                    os.killpg(child.pid, signal.SIGKILL)


MARKS = {"search": "search_service", "worker": "gpu@"}


@pytest.fixture
def shop(tmp_path: Path, shared: Callable[[str], Path]) -> Iterator[Shop]:
    table = shared("data/clothing/items.csv")
    with table.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    folder = tmp_path / "photographs"
    for row in rows[:: len(rows) // PHOTOS][:PHOTOS]:
        target = folder / row["category"] / Path(row["image"]).name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(table.parent / row["image"], target)
    database = Database(tmp_path / "database")
    database.start()
    limits = {"ADDRESS_SEARCHES_PER_MINUTE": "1000000", "SEARCH_SECONDS": "10", "WORKER_SILENCE_SECONDS": "4"}
    installation = Installation(tmp_path / "var", {**limits, "DATABASE_URL": database.url})
    installation.run("migrate", "--verbosity", "0")
    installation.run("import_catalogue", "photos", str(folder))
    installation.run("register_model", "colour-histogram", "--name", "colours")
    for name, engine in zip(INDEXES, ("exact", "faiss"), strict=True):
        words = ("--catalogue", "photos", "--encoder", "colours", "--engine", engine)
        installation.run("create_index", name, *words)
        installation.run("build_index", name, "--wait")
    keys = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.jpg"))
    made = Shop(installation, database, folder, keys, _operator(installation))
    try:
        with _serving(made):
            yield made
    finally:
        database.stop()


def _operator(installation: Installation) -> str:
    installation.environment["DJANGO_SUPERUSER_PASSWORD"] = "a long secret"
    installation.run("createsuperuser", "--noinput", "--username", "olga", "--email", "olga@example.org")
    return installation.run("drf_create_token", "olga").stdout.split()[2]


@contextmanager
def _serving(shop: Shop) -> Iterator[None]:
    shop.port = free_port()
    shop.serve = shop.installation.start("serve", "--port", str(shop.port))
    try:
        wait_for(f"http://127.0.0.1:{shop.port}/healthz", shop.serve)
        for index in INDEXES:
            _wait_until(lambda name=index: shop.answers(name, shop.keys[0]) is not None)  # type: ignore[misc]
        yield
    finally:
        shop.serve.send_signal(signal.SIGINT)
        shop.serve.wait(30)


def _wait_until(holds: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OSError, http.client.HTTPException):
            if holds():
                return
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.2)


@dataclass
class Crowd:
    """Clients who share a number of requests; `lost` are those that vectors did not answer."""

    shop: Shop
    lost: list[str] = field(default_factory=list)

    def begin(self, requests: int) -> list[threading.Thread]:
        """Let them ask."""
        left = threading.Semaphore(requests)
        made = [threading.Thread(target=self._ask, args=(number, left)) for number in range(CLIENTS)]
        for one in made:
            one.start()
        return made

    def _ask(self, number: int, left: threading.Semaphore) -> None:
        chance = random.Random(number)
        while left.acquire(blocking=False):
            key = chance.choice(self.shop.keys)
            try:
                if self.shop.answers(chance.choice(INDEXES), key) is None:
                    self.lost.append(f"{key}: not by vectors")
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(f"{key}: {error!r}")


def test_no_request_is_lost_while_generations_are_swapped(shop: Shop) -> None:
    def generations() -> list[int]:
        return [shop.ask("GET", f"indexes/{index}/")[1]["generation"] for index in INDEXES]

    crowd, before, requests = Crowd(shop), generations(), REQUESTS
    # The short form may be through before the first swap: then they go on asking until there was one.
    while requests == REQUESTS or any(now == then for now, then in zip(generations(), before, strict=True)):
        asking = crowd.begin(requests)
        requests = 20
        while any(one.is_alive() for one in asking):
            for index in INDEXES:
                assert shop.ask("POST", f"indexes/{index}/build/")[0] == 202
            time.sleep(1.0)
        for one in asking:
            one.join()
    assert crowd.lost == []


def test_after_kills_it_answers_as_an_index_built_from_nothing(shop: Shop) -> None:
    chance = random.Random(23)
    kills = {"search": 0, "worker": 0, "database": 0}
    while sum(kills.values()) < KILLS:
        _change_something(shop, chance)
        with suppress(OSError, http.client.HTTPException):
            shop.ask("POST", f"indexes/{chance.choice(INDEXES)}/build/", patience=5)
        time.sleep(chance.uniform(0.2, 2.0))
        now = time.monotonic()
        rested = [role for role in kills if now - shop.killed_at.get(role, -LIFE) >= LIFE]
        if not rested:
            continue
        # Each of them once before any of them twice.
        victim = min(rested, key=lambda role: (kills[role], chance.random()))
        shop.kill(victim)
        kills[victim] += 1
    _settle(shop)
    for name, engine in zip(INDEXES, ("exact", "faiss"), strict=True):
        words = ("--catalogue", "photos", "--encoder", "colours", "--engine", engine)
        shop.installation.run("create_index", f"{name}-anew", *words)
        shop.installation.run("build_index", f"{name}-anew", "--wait")
        _wait_until(lambda index=name: shop.answers(f"{index}-anew", _shown(shop)[0]) is not None)  # type: ignore[misc]
        for key in _shown(shop)[:ASKED]:
            assert shop.answers(name, key) == shop.answers(f"{name}-anew", key), (name, key)
    shop.installation.run("shell", "-v", "0", "-c", VERIFY)


def _change_something(shop: Shop, chance: random.Random) -> None:
    """Whether it came to be or was cut short, the rows say afterwards."""
    some = chance.sample(shop.keys, 3)
    with suppress(OSError, http.client.HTTPException):
        act = chance.choice(["flag", "lift", "remove", "bring"])
        if act == "remove":
            shop.ask("DELETE", "catalogues/photos/items/", {"keys": some}, patience=5)
        elif act == "bring":
            shop.installation.run("import_catalogue", "photos", str(shop.photographs))
        else:
            words = {"keys": some, "reason": "bad box"}
            shop.ask("POST" if act == "flag" else "DELETE", "catalogues/photos/flags/", words, patience=5)


def _settle(shop: Shop) -> None:
    """Until no build is under way and the search process has heard of every change."""

    def is_quiet() -> bool:
        states = {index["index"]: index for index in shop.ask("GET", "indexes/")[1]}
        jobs = shop.ask("GET", "jobs/")[1]["jobs"]
        unfinished = [job for job in jobs if job["state"] in {"pending", "running"}]
        return not unfinished and all(
            states[index]["lag"] == 0 and states[index]["waiting"] == 0 and states[index]["replicas"] == 1
            for index in INDEXES
        )

    _wait_until(is_quiet, 300)
    time.sleep(3)


def _shown(shop: Shop) -> list[str]:
    """Keys of the items that are there."""
    items = shop.ask("GET", "catalogues/photos/items/?limit=1000")[1]["items"]
    return [item["key"] for item in items]
