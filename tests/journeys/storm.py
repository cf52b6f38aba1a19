"""A crowd that swipes while everything breaks: what the clients hold as sent must be in the database, once.

`python -m tests.journeys.storm [--votes 100000] [--clients 200]`, or `make faults`.

A proxy drops, delays, doubles and reorders requests; web workers, the whole web server, a worker process and the
database are killed with SIGKILL and started again. Each client keeps an outbox as the play page does: an answer stays
in it until the server has said what became of it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

from tests.journeys.installation import free_port
from tests.journeys.weather import Weather
from tests.servers import REPOSITORY, Database, Web
from tests.swipers import Lost, Swiper

SLUG = "storm"
_SENDERS = 2
"""Batches that a client has under way at once, like two tabs of one browser."""


@dataclass(slots=True)
class Client:
    """One visitor. `held` maps the tokens that the server has confirmed to the verdict it says stands."""

    weather: Weather
    rng: random.Random
    wanted: int
    swiper: Swiper
    outbox: dict[str, dict[str, object]] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)

    async def visit(self) -> None:
        """Swipe until enough was said and all of it is confirmed."""
        await self._deal()
        tabs = [Swiper(self.swiper.host, self.swiper.port, self.swiper.cookie) for _ in range(_SENDERS)]
        while len(self.held) < self.wanted:
            if len(self.outbox) < 5 and len(self.held) + len(self.outbox) < self.wanted:
                await self._deal()
            await asyncio.gather(*(self._send(tab) for tab in tabs))
        for tab in (*tabs, self.swiper):
            tab.close()

    async def _deal(self) -> None:
        answer = await self._patiently(self.swiper, f"/api/v1/studies/{SLUG}/deck/", {"n": 10})
        for shown in answer["exposures"]:
            if shown["token"] not in self.held and len(self.held) + len(self.outbox) < self.wanted:
                vote = {"verdict": self.rng.choice(["dope", "nope", "skip"]), "client_id": shown["token"][:16]}
                self.outbox.setdefault(shown["token"], {"token": shown["token"], "response_ms": 700, **vote})

    async def _send(self, tab: Swiper) -> None:
        """A few answers, some of them sent before, perhaps with another verdict: the server says what stands."""
        if not self.outbox:
            return
        batch = self.rng.sample(list(self.outbox.values()), min(len(self.outbox), self.rng.randint(1, 8)))
        if self.held and self.rng.random() < 0.1:
            batch.append({"token": self.rng.choice(list(self.held)), "verdict": "nope"})
        results = (await self._patiently(tab, "/api/v1/votes/", {"votes": batch}))["results"]
        for result in results:
            assert result["status"] in {"recorded", "already_recorded"}, result
            stands = self.held.setdefault(result["token"], result["verdict"])
            assert stands == result["verdict"], "what stood has changed"
            self.outbox.pop(result["token"], None)

    async def _patiently(self, tab: Swiper, path: str, body: object) -> dict[str, list[dict[str, str]]]:
        while True:
            try:
                status, answer = await tab.post(path, body)
            except Lost:
                self.faults["lost"] += 1
            else:
                if status == 200:
                    return dict(answer)
                assert status >= 500, (status, answer)
                self.faults[str(status)] += 1
            await asyncio.sleep(self.rng.uniform(0.05, 0.5))


@dataclass(frozen=True, slots=True)
class Storm:
    """How much is swiped, by how many, how many seconds pass between two blows, and after how many it is over.

    `patience`: so many seconds at most may all of it take.
    """

    votes: int
    clients: int
    calm: float
    blows: int = 1_000
    patience: float = 3_600
    with_worker: bool = True


def rage(storm: Storm, folder: Path, say: Callable[[str], None] = print) -> dict[str, int]:
    """Let it happen in a fresh database; returns what was found, after proving that nothing was lost or doubled."""
    database = Database(folder / "var")
    database.start()
    environment = {
        "DATABASE_URL": database.url,
        "VAR_DIR": str(folder / "var"),
        "EXPOSURE_LEASE_SECONDS": "20",
        "VOTER_PAIRS_PER_MINUTE": "1000000",
        "ADDRESS_PAIRS_PER_MINUTE": "10000000",
        "ADDRESS_VOTERS_PER_MINUTE": "100000",
        "LOG_LEVEL": "CRITICAL",
    }
    web = Web(free_port(), environment)
    worker = Worker(environment) if storm.with_worker else None
    try:
        words = [sys.executable, "-m", "tests.journeys.storm_seed", SLUG, str(storm.votes // storm.clients)]
        subprocess.run(words, cwd=REPOSITORY, env={**os.environ, **environment}, check=True)
        web.start()
        if worker:
            worker.start()
        # In a thread of its own: whoever calls may have a loop running here, as browser tests do.
        with ThreadPoolExecutor(1) as thread:
            happening = thread.submit(lambda: asyncio.run(_happen(storm, web, database, worker)))
            clients, blows, seconds = happening.result()
        say(f"{sum(len(one.held) for one in clients):,} answers of {len(clients)} clients in {seconds:.0f} s; {blows}")
        say(f"Faults that clients met: {dict(sum((one.faults for one in clients), Counter()))}")
        return _proven(database, clients)
    finally:
        if worker:
            worker.stop()
        web.stop()
        database.stop()


async def _happen(
    storm: Storm, web: Web, database: Database, worker: Worker | None
) -> tuple[list[Client], dict[str, int], float]:
    weather = Weather("127.0.0.1", web.port, random.Random(7))
    port = await weather.open()
    clients = [
        Client(weather, random.Random(number), storm.votes // storm.clients, Swiper("127.0.0.1", port))
        for number in range(storm.clients)
    ]
    begin = time.monotonic()
    blows = Counter[str]()
    lightning = asyncio.create_task(_strike(storm, web, database, worker, blows))
    try:
        await asyncio.wait_for(asyncio.gather(*(client.visit() for client in clients)), storm.patience)
        assert not lightning.done() or not lightning.exception(), lightning.exception()
    finally:
        lightning.cancel()
        await weather.close()
    # A blow that was under way is brought to its end, so that the database can be asked.
    await asyncio.gather(lightning, return_exceptions=True)
    await asyncio.to_thread(_stand_up, database)
    return clients, dict(blows) | dict(weather.done), time.monotonic() - begin


async def _strike(storm: Storm, web: Web, database: Database, worker: Worker | None, blows: Counter[str]) -> None:
    """One blow after the other, in a fixed order."""
    kinds: list[tuple[str, Callable[[], Awaitable[object]]]] = [
        ("web workers killed", lambda: asyncio.to_thread(web.kill_a_worker)),
        ("databases killed", lambda: _restart(database)),
        ("web servers killed", lambda: asyncio.to_thread(web.restart)),
    ]
    if worker:
        kinds.append(("worker processes killed", lambda: asyncio.to_thread(worker.restart)))
    for name, blow in islice(cycle(kinds), storm.blows):
        await asyncio.sleep(storm.calm)
        await _whole(blow())
        blows[name] += 1


async def _whole(blow: Awaitable[object]) -> None:
    """Nobody is left half struck when the storm ends."""
    task = asyncio.ensure_future(blow)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def _restart(database: Database) -> None:
    await asyncio.to_thread(database.kill)
    await asyncio.sleep(0.5)
    await asyncio.to_thread(database.start)


def _stand_up(database: Database) -> None:
    if not database.is_running():
        database.start()


@dataclass
class Worker:
    """A worker process of the product."""

    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; nobody waits for it."""
        words = ["worker", "--pool", "solo", "--beat", "--queues", "default", "--loglevel", "CRITICAL"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "celery", "--app", "evalapp.config.celery", *words],
            cwd=REPOSITORY,
            env={**os.environ, **self.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def restart(self) -> None:
        """Kill it and start another."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """Kill it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def _proven(database: Database, clients: list[Client]) -> dict[str, int]:
    """Every answer that a client holds as confirmed stands, once, and nothing else does; pairs count what stands."""
    held = {token.split(":")[0]: verdict for one in clients for token, verdict in one.held.items()}
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT replace(exposure.token::text, '-', ''), vote.verdict FROM voting_vote vote"
            " JOIN voting_exposure exposure ON exposure.id = vote.exposure_id"
        )
        rows = cursor.fetchall()
        stored = dict(rows)
        cursor.execute("SELECT count(*) FROM voting_exposure WHERE answered_at IS NOT NULL")
        (answered,) = cursor.fetchone()
        cursor.execute(
            "SELECT coalesce(sum(abs(pair.dope - coalesce(tally.dope, 0)) + abs(pair.nope - coalesce(tally.nope, 0))"
            " + abs(pair.skip - coalesce(tally.skip, 0))), 0) FROM studies_pair pair LEFT JOIN ("
            " SELECT vote.pair_id, count(*) FILTER (WHERE verdict = 'dope') dope,"
            " count(*) FILTER (WHERE verdict = 'nope') nope, count(*) FILTER (WHERE verdict = 'skip') skip"
            " FROM voting_vote vote JOIN voting_exposure exposure ON exposure.id = vote.exposure_id"
            " WHERE vote.counted AND exposure.kind IN ('study', 'control') GROUP BY vote.pair_id"
            ") AS tally ON tally.pair_id = pair.id"
        )
        (miscounted,) = cursor.fetchone()
    found = {
        "held": len(held),
        "stored": len(rows),
        "lost": len(held.keys() - stored.keys()),
        "doubled": len(rows) - len(stored),
        "changed": sum(stored.get(token, verdict) != verdict for token, verdict in held.items()),
        "unasked": len(stored.keys() - held.keys()),
        "miscounted": int(miscounted),
        "answered": answered,
    }
    wrong = {name: found[name] for name in ("lost", "doubled", "changed", "unasked", "miscounted") if found[name]}
    assert not wrong, found
    assert answered == len(rows), found
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--votes", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--calm", type=float, default=12.0, help="seconds between two blows")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(rage(Storm(options.votes, options.clients, options.calm), Path(folder)))
