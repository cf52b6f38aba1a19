"""Live tests of an encoder against itself: how many of 1,000 stay inside their confidence sequence all the time.

The product's own draft and its own sequence, looked at after every visitor that brings verdicts. People differ: in how
many answers they judge, in what share of them they like, and in how much they like what stands first; some judge much
more than others. Both teams propose the same answers, so that whoever is preferred is preferred wrongly.

Run: python tests/benchmarks/bench_live_test.py [--quick] [--keep]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from evalapp.stats.interleaving import live_preference, team_draft  # noqa: E402 - the path is set only now
from tests.benchmarks.harness import Row, at_least, keep, print_table  # noqa: E402

ANSWERS, VISITORS = 8, 200


def stays_inside(chance: np.random.Generator, visitors: int, *, second_is_better: float = 0.0) -> bool:
    """One live test, looked at after each visitor: whether nobody was ever preferred."""
    earned = np.zeros((visitors, 3))
    for number in range(visitors):
        liking, heavy = chance.beta(2, 3), chance.random() < 0.05
        for _ in range(10 if heavy else 1 + chance.poisson(0.5)):
            ranked = chance.permutation(ANSWERS * 2).tolist()
            other = ranked if not second_is_better else sorted(ranked, key=lambda one: one + chance.normal(0, 6))
            for rank, one in enumerate(team_draft(ranked, other, ANSWERS, chance)):
                if chance.random() > 0.35:
                    continue
                taste = liking + 0.2 / (1 + rank) + second_is_better * (one.team == "b")
                earned[number, "ab".index(one.team)] += 1 if chance.random() < taste else -1
                earned[number, 2] += 1
        if live_preference(*earned[: number + 1].T).preferred is not None:
            return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="50 tests")
    parser.add_argument("--keep", action="store_true", help="for the table in the documentation")
    asked = parser.parse_args()
    tests = 50 if asked.quick else 1_000
    inside = sum(stays_inside(np.random.default_rng([5, number]), VISITORS) for number in range(tests))
    seen = sum(
        not stays_inside(np.random.default_rng([6, number]), VISITORS, second_is_better=0.15)
        for number in range(tests // 20)
    )
    rows: list[Row] = [
        at_least(f"A/A: inside all the time, {VISITORS} visitors each", inside, tests, "tests", 0.95),
        Row("B liked 15 points more: seen", seen, tests // 20, "tests", seen / (tests // 20)),
    ]
    title = f"Live tests, {tests:,} simulated, looked at after every visitor"
    print_table(title, rows)
    if asked.keep:
        keep("search-live-test", title, rows)


if __name__ == "__main__":
    main()
