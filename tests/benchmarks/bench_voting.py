"""Votes and decks over real HTTP, 50 voters at once, against a bare view with one INSERT and one SELECT.

The same gunicorn, the same settings and database; the voters are one process of asyncio. A page asks for ten pairs and
sends each vote by itself: eleven requests for ten swipes; `by turns` is a vote and a deck of one, the dearest way.
Rates and costs are of voters who never pause; how long people wait is measured with voters who swipe once a second.
Run: python tests/benchmarks/bench_voting.py [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))
os.environ["DJANGO_SETTINGS_MODULE"] = "evalapp.config.settings"

from tests.benchmarks.harness import Row, at_least, at_most, print_table  # noqa: E402 - the path is set only now
from tests.servers import Database, Web  # noqa: E402
from tests.swipers import Swiper  # noqa: E402

VOTERS = 50


@dataclass(frozen=True, slots=True)
class Load:
    """What a crowd got out of the server: requests per second, seconds of processor time for each, and how long the
    slowest of a hundred waited."""

    rate: float
    cost: float
    p99: float


Swipe = Callable[[Swiper], Awaitable[list[float]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer stored votes and shorter runs")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as (web, database, seeding):
        _measure(web, database, seeding, quick)


@contextmanager
def served(folder: Path) -> Iterator[tuple[Web, Database, Any]]:
    """A web server and a database of their own, and `seeding`, which fills them."""
    database = Database(folder)
    os.environ["VAR_DIR"] = str(folder)
    database.start()
    os.environ["DATABASE_URL"] = database.url
    # The crowd is one address, and faster than people.
    limits = ("VOTER_PAIRS_PER_MINUTE", "ADDRESS_PAIRS_PER_MINUTE", "ADDRESS_VOTERS_PER_MINUTE")
    web = Web(_free_port(), dict.fromkeys(limits, "100000000"), application="tests.benchmarks.bare:application")
    try:
        seeding = _prepare()
        web.start()
        yield web, database, seeding
    finally:
        web.stop()
        database.stop()


def _prepare():  # type: ignore[no-untyped-def]
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from tests.benchmarks import bare, seeding

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(bare.TABLE)
    return seeding


def _measure(web: Web, database: Database, seeding, quick: bool) -> None:  # type: ignore[no-untyped-def]
    seconds, rounds = (2.0, 1) if quick else (4.0, 3)
    votes = 20_000 if quick else 1_000_000
    server = Server(web, database)
    small = seeding.study("small", pairs=1_000)
    large = seeding.study("large", pairs=10_000 if quick else 100_000)
    seeding.votes(small, 10_000)
    few = _in_turns(server, page("small", 10), page("large", 10), _bare, seconds=seconds, rounds=rounds)
    seeding.votes(large, votes)
    works = page("small", 10), page("large", 10), page("large", 1), _bare
    many_small, many, dearest, bare = _in_turns(server, *works, seconds=seconds, rounds=rounds)
    people = asyncio.run(_run(server, page("large", 10, pause=1.0), 3 * seconds))
    rows: list[Row] = [
        at_least("rate as the page does", many.rate, bare.rate, "req/s", 0.5),
        at_least("rate of vote and deck by turns", dearest.rate, bare.rate, "req/s", 0.5),
        at_most("cost as the page does", many.cost, bare.cost, "cpu s/req", 2.0),
        at_most("cost of vote and deck by turns", dearest.cost, bare.cost, "cpu s/req", 2.0),
        at_most("p99 of voters who swipe once a second, against 50 ms", people.p99, 0.05, "s", 1.0),
        at_most("p99 of voters who never pause, against the bare view", many.p99, bare.p99, "s", 2.0),
        at_most(f"cost with {votes:,} votes against 10,000, large", many.cost, few[1].cost, "cpu s/req", 1.3),
        at_most(f"cost with {votes:,} votes against 10,000, small", many_small.cost, few[0].cost, "cpu s/req", 1.3),
        at_most("cost with 100,000 pairs against 1,000", many.cost, many_small.cost, "cpu s/req", 1.3),
        at_most("draw of ten at 100,000 pairs, against 1 ms", seeding.draw_seconds(large), 0.001, "cpu s", 1.0),
    ]
    print_table(f"{VOTERS} voters at once on {os.cpu_count()} cores, the voters' own work included", rows)


@dataclass(frozen=True, slots=True)
class Server:
    """What works for the voters: the web server's processes and the database's."""

    web: Web
    database: Database

    def cpu(self) -> dict[int, float]:
        """Seconds of processor time that each of them has used; a process that ends takes its time along."""
        assert self.web.process is not None
        roots = [psutil.Process(self.web.process.pid), psutil.Process(self.database.pid)]
        times = {one.pid: one.cpu_times() for root in roots for one in (root, *root.children(recursive=True))}
        return {pid: time.user + time.system for pid, time in times.items()}


def _in_turns(server: Server, *swipes: Swipe, seconds: float, rounds: int) -> list[Load]:
    """Medians over rounds in which each had its turn: a slow minute of the machine hits all alike."""
    for swipe in swipes:
        asyncio.run(_run(server, swipe, 1.0))
    loads = [[asyncio.run(_run(server, swipe, seconds)) for swipe in swipes] for _ in range(rounds)]
    return [
        Load(*(statistics.median(getattr(load, name) for load in mine) for name in Load.__slots__))
        for mine in zip(*loads, strict=True)
    ]


async def _run(server: Server, swipe: Swipe, seconds: float) -> Load:
    used = server.cpu()
    end = time.perf_counter() + seconds
    times: list[float] = []

    async def visit() -> None:
        swiper = Swiper("127.0.0.1", server.web.port)
        while time.perf_counter() < end:
            times.extend(await swipe(swiper))
        swiper.close()

    begin = time.perf_counter()
    await asyncio.gather(*(visit() for _ in range(VOTERS)))
    rate = len(times) / (time.perf_counter() - begin)
    times.sort()
    spent = sum(cpu - used.get(pid, 0.0) for pid, cpu in server.cpu().items())
    return Load(rate, spent / len(times), times[int(len(times) * 0.99)])


async def _bare(swiper: Swiper) -> list[float]:
    return [await _timed(swiper, "/bare/", {"pair": 1, "verdict": "dope"}) for _ in range(10)]


def page(slug: str, n: int, pause: float = 0.0) -> Swipe:
    async def swipe(swiper: Swiper) -> list[float]:
        await asyncio.sleep(random.uniform(0, pause))
        begin = time.perf_counter()
        status, deck = await swiper.post(f"/api/v1/studies/{slug}/deck/", {"n": n})
        assert status == 200, (status, deck)
        times = [time.perf_counter() - begin]
        for shown in deck["exposures"]:
            vote = {"token": shown["token"], "verdict": "dope", "response_ms": 900, "client_id": shown["token"][:32]}
            times.append(await _timed(swiper, "/api/v1/votes/", {"votes": [vote]}))
            await asyncio.sleep(pause)
        return times

    return swipe


async def _timed(swiper: Swiper, path: str, body: object) -> float:
    begin = time.perf_counter()
    status, answer = await swiper.post(path, body)
    assert status == 200, (status, answer)
    return time.perf_counter() - begin


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
