"""How long people wait while 64 connections stall or drip beside them, against how long they wait without.

The same gunicorn as `serve`'s, real HTTP, people who swipe once a second; both in turns, so that a slow minute of the
machine hits both. Probes are asked all the while, and everybody has to be answered.
Run: python tests/benchmarks/bench_stalled.py [--quick]
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.attacks import note
from tests.benchmarks import bench_voting
from tests.benchmarks.harness import at_most, print_table
from tests.swipers import Swiper, read_message

STALLED, PEOPLE = 64, 50
_PATIENCE = 20.0
_BEGINNINGS = (
    b"POST /api/v1/votes/ HTTP/1.1\r\nHost: localhost\r\nContent-Le",
    b"POST /api/v1/votes/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    b"",
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT",
    b"POST /language/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
)
_DRIPS = {2: b"x", 4: b"T", 5: b"1\r\nx\r\n"}
_STAYS = 6
"""Half a head, half a body, one that drips for ever, one that says nothing, half a request behind a whole one, a body
in chunks that nobody reads, and one that does not hang up; what some of them drip, and which one stays."""


def main() -> int:
    """Measure, print, and fail where the target is missed."""
    quick = "--quick" in sys.argv
    with tempfile.TemporaryDirectory() as folder, bench_voting.served(Path(folder)) as (web, _database, seeding):
        seeding.study("large", pairs=1_000 if quick else 10_000)
        plain, beside, probes = asyncio.run(_in_turns(web.port, 4.0 if quick else 15.0, 1 if quick else 5))
    who = f"p99 of {PEOPLE} people who swipe once a second, beside {STALLED} stalled or dripping connections"
    row = at_most(who, beside, plain, "s", 2.0)
    print_table("Patience (bare: the same people without)", [row])
    print(f"slowest probe meanwhile: {probes:.2f} s")
    found = (
        f"{row.ratio:.2f} times ({1000 * beside:.0f} over {1000 * plain:.0f} ms), slowest probe {1000 * probes:.0f} ms"
    )
    note(who, "≤ 2 times what it is without, probes answer", found, whole=not quick)
    return 0 if row.met else 1


async def _in_turns(port: int, seconds: float, rounds: int) -> tuple[float, float, float]:
    """Medians over rounds of the slowest of a hundred without and beside stalled connections; the slowest probe."""
    await _waits(port, 2.0)
    plain, beside, probes = [], [], [0.0]
    for _ in range(rounds):
        plain.append(await _waits(port, seconds))
        async with _stalled(port):
            asking = asyncio.create_task(_probe(port, seconds))
            beside.append(await _waits(port, seconds))
            probes.append(await asking)
    return statistics.median(plain), statistics.median(beside), max(probes)


async def _waits(port: int, seconds: float) -> float:
    """The slowest of a hundred requests of people who swipe once a second."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    swipe = bench_voting.page("large", 10, pause=1.0)

    async def visit() -> None:
        swiper = Swiper("127.0.0.1", port)
        while time.perf_counter() < end:
            times.extend(await swipe(swiper))
        swiper.close()

    await asyncio.gather(*(visit() for _ in range(PEOPLE)))
    return sorted(times)[int(len(times) * 0.99)]


@asynccontextmanager
async def _stalled(port: int) -> AsyncIterator[None]:
    """So many connections that never say what they want; whoever is hung up on comes again."""

    async def stall(kind: int) -> None:
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(_BEGINNINGS[kind])
                while not reader.at_eof():
                    with suppress(TimeoutError):
                        await asyncio.wait_for(reader.read(1000), 1.0)
                    writer.write(_DRIPS.get(kind, b""))
                if kind == _STAYS:
                    await asyncio.sleep(5.0)
                writer.close()
            await asyncio.sleep(0.2)

    tasks = [asyncio.create_task(stall(number % len(_BEGINNINGS))) for number in range(STALLED)]
    await asyncio.sleep(1.0)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _probe(port: int, seconds: float) -> float:
    """Ask whether the server lives and is well, ten times in all; the slowest answer."""
    slowest = 0.0
    for number in range(10):
        begin = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        path = b"/livez" if number % 2 else b"/healthz"
        writer.write(b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path)
        status, _, _ = await asyncio.wait_for(read_message(reader), _PATIENCE)
        assert " 200 " in status, status
        writer.close()
        slowest = max(slowest, time.perf_counter() - begin)
        await asyncio.sleep(seconds / 10)
    return slowest


if __name__ == "__main__":
    sys.exit(main())
