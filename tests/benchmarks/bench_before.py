"""This checkout against an earlier one, in turns: a slow minute of the machine hits both.

Votes and decks: both products serve at once, each from a database of its own with the same settings and rows, and are
loaded one after the other by 50 voters over real HTTP. Board and neighbours: each checkout's own benchmark in turns,
and of its table what the product took. Medians of the turns; a change of 5 % is what the machine itself is good for.
Run: git worktree add /tmp/old COMMIT; python tests/benchmarks/bench_before.py /tmp/old [--only votes] [--write]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.benchmarks.bench_voting import VOTERS, Swipe, page  # noqa: E402 - the path is set only now
from tests.benchmarks.harness import Row, at_least, at_most, keep, kept, print_table  # noqa: E402
from tests.swipers import Swiper  # noqa: E402

MOST = 1.05
PARTS = ("votes", "board", "neighbours")
DOCUMENT = REPOSITORY / "docs" / "performance.md"
_BEGIN, _END = "<!-- before: begin -->\n", "<!-- before: end -->"
_OWN = {"board": ["bench_board.py", "--quick"], "neighbours": ["bench_neighbours.py", "--quick"]}
_WAYS: dict[str, Swipe] = {"as the page sends them": page("large", 10), "deck and vote by turns": page("large", 1)}
"""A deck of ten pairs and ten votes; a deck of one and a vote."""


@dataclass(frozen=True, slots=True)
class Served:
    """A product that serves: where, and the processes that work for it."""

    port: int
    pids: list[int]

    def cpu(self) -> dict[int, float]:
        """Seconds of processor time by process."""
        roots = [psutil.Process(pid) for pid in self.pids]
        times = {one.pid: one.cpu_times() for root in roots for one in (root, *root.children(recursive=True))}
        return {pid: spent.user + spent.system for pid, spent in times.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="another checkout of this repository")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each load of votes")
    parser.add_argument("--write", action="store_true", help=f"the table, into {DOCUMENT.name}")
    options = parser.parse_args()
    met = True
    for part in options.only:
        rows = _votes(options) if part == "votes" else _own(part, options)
        print_table(f"{part}, over {_commit(options.other)}", rows)
        keep(f"before-{part}", _commit(options.other), rows)
        met = met and all(row.met for row in rows)
    if options.write:
        write()
    return 0 if met else 1


def _votes(options: argparse.Namespace) -> list[Row]:
    with ExitStack() as stack:
        ours, theirs = (stack.enter_context(_served(where)) for where in (REPOSITORY, options.other))
        rows = []
        for name, way in _WAYS.items():
            for one in (ours, theirs):
                asyncio.run(_load(one, way, 2.0))
            turns = [
                [asyncio.run(_load(one, way, options.seconds)) for one in (ours, theirs)] for _ in range(options.turns)
            ]
            rate, cost = (
                [statistics.median(turn[side][figure] for turn in turns) for side in (0, 1)] for figure in (0, 1)
            )
            rows.append(at_least(f"requests a second, {name}", rate[0], rate[1], "req/s", 1 / MOST))
            rows.append(at_most(f"processor time of a request, {name}", cost[0], cost[1], "cpu s", MOST))
    return rows


@contextmanager
def _served(where: Path) -> Iterator[Served]:
    with tempfile.TemporaryDirectory() as folder:
        script = str(Path(__file__).with_name("served_checkout.py"))
        process = subprocess.Popen(
            [sys.executable, script, folder], cwd=where, env={**os.environ, "PYTHONPATH": str(where.resolve())},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Served(**json.loads(process.stdout.readline()))
        finally:
            process.stdin.close()
            process.wait(60)


async def _load(served: Served, swipe: Swipe, seconds: float) -> tuple[float, float]:
    """Requests a second, and seconds of processor time for each."""
    used = served.cpu()
    begin = time.perf_counter()
    counts = await asyncio.gather(*(_visit(served.port, swipe, begin + seconds) for _ in range(VOTERS)))
    took = time.perf_counter() - begin
    spent = sum(cpu - used.get(pid, 0.0) for pid, cpu in served.cpu().items())
    return sum(counts) / took, spent / sum(counts)


async def _visit(port: int, swipe: Swipe, end: float) -> int:
    swiper, requests = Swiper("127.0.0.1", port), 0
    while time.perf_counter() < end:
        requests += len(await swipe(swiper))
    swiper.close()
    return requests


def _own(part: str, options: argparse.Namespace) -> list[Row]:
    turns = [[_figures(part, where) for where in (REPOSITORY, options.other)] for _ in range(options.turns)]
    rows = []
    for name, (_, unit) in turns[0][0].items():
        if all(name in figures for turn in turns for figures in turn):
            ours, theirs = (statistics.median(turn[side][name][0] for turn in turns) for side in (0, 1))
            rows.append(at_most(name, ours, theirs, unit, MOST))
    return rows


def _figures(part: str, where: Path) -> dict[str, tuple[float, str]]:
    """What the product took by its own benchmark's table, with the unit."""
    script, *words = _OWN[part]
    command = [sys.executable, f"tests/benchmarks/{script}", *words]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPATH": str(where.resolve()), "VAR_DIR": folder}
        told = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)
    rows = [re.split(r"\s{2,}", line.strip()) for line in told.stdout.splitlines()]
    found = {row[0]: (float(row[1].replace(",", "")), row[3]) for row in rows if len(row) >= 5 and _is_number(row[1])}
    assert found, told.stderr[-2000:]
    return found


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[\d,.e+-]+", text) is not None


def _commit(where: Path) -> str:
    words = ["git", "-C", str(where), "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def write() -> None:
    """Put what was kept last of each part into the document."""
    lines = ["| what | now | before | ratio |\n|---|---|---|---|\n"]
    for part in PARTS:
        commit, rows = kept(f"before-{part}")
        for row in rows:
            missed = "" if row.met else ", **more than 5 %**"
            lines.append(
                f"| {row.name} | {row.value:,.4g} {row.unit} | {row.bare:,.4g} {row.unit} | {row.ratio:.2f}{missed} |\n"
            )
    text = DOCUMENT.read_text(encoding="utf-8")
    begin, end = text.index(_BEGIN) + len(_BEGIN), text.index(_END)
    DOCUMENT.write_text(f"{text[:begin]}Before is commit {commit}.\n\n{''.join(lines)}{text[end:]}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
