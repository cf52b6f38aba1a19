"""`make proofs`: the promises of the board, simulated at full length; the table goes into docs/statistics.md.

Usage: python -m tests.proofs.prove [--write | --part SHARE] [--only NAME ...]

`--part 0.1` makes a tenth of the runs, to see that everything works; only the whole may be written down. `--only` makes
some of the proofs and prints their rows.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from evalapp.stats.sums.contender_sums import Evidence
from tests.simulation.many import look_after_every_vote
from tests.simulation.rows import CLOSE, MODELS, NEAR, ORIGINAL, TIE, TWELVE, Row, garivier_kaufmann, own_votes
from tests.simulation.run import Study
from tests.simulation.scenarios import SCENARIOS, Scenario, watch
from tests.simulation.world import People, world_of

LINES = list[tuple[str, str, str, str]]
Proof = Callable[[float], LINES]
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "statistics.md"
BEGIN, END = "<!-- proofs: begin -->", "<!-- proofs: end -->"
SEED = 31
"""Of the votes to a decision. No constant was chosen on it, so that these numbers are fresh."""
MARGIN = 0.02
HARD = People(taste=0.7, blind=0.2, heavy=0.05)


def coverage(part: float) -> LINES:
    """Ever-miss over 10,000 looks, and unbiasedness, among people who make it hard."""
    rng = np.random.default_rng(7)
    runs = _some(400, part)
    world = world_of([0.55, 0.5, 0.45], 0.4, rng, queries=60, people=HARD)
    looks = look_after_every_vote(world, runs, 10_000, rng)
    pairs = looks.differences[:, [0, 0, 1], [1, 2, 2]]
    bias, error = looks.estimates.mean(axis=0) - world.truth, looks.estimates.std(axis=0) / np.sqrt(runs)
    plain = np.abs(looks.plain.mean(axis=0) - world.truth).max()
    gap = looks.paired[:, [0, 0, 1]] - looks.paired[:, [1, 2, 2]]
    true_gap = world.truth[[0, 0, 1]] - world.truth[[1, 2, 2]]
    apart = np.abs((gap.mean(axis=0) - true_gap) / (gap.std(axis=0) / np.sqrt(runs))).max()
    return [
        *(
            _at_most(f"approval {k + 1} ever missed, 10,000 looks", int(looks.approvals[:, k].sum()), runs)
            for k in range(3)
        ),
        *(_at_most(f"difference {k + 1} ever missed, 10,000 looks", int(pairs[:, k].sum()), runs) for k in range(3)),
        _line("largest bias of an approval, in standard errors", np.abs(bias / error).max(), "≤ 3", 3),
        _line("largest bias of a paired difference, in standard errors", apart, "≤ 3", 3),
        (
            "largest bias of crediting without weights",
            f"{100 * plain:.1f} points",
            "shown to be biased",
            _yes(plain > 0.03),
        ),
    ]


def wrong_winners(part: float) -> LINES:
    """With a unique best among heavy voters with tastes of their own, and with a tie at the top."""
    lines, worst = [], []
    runs = _some(100, part)
    for row, people, votes in ((ORIGINAL, HARD, 1500), (TIE, People(), 2000)):
        wrong = declared = 0
        for run in range(runs):
            rng = np.random.default_rng([17, run])
            study = Study(row.world(rng, people, queries=200), rng)
            study.run(votes, lambda one: one.decided() >= 0)
            winner = study.decided()
            declared += winner >= 0
            wrong += winner >= 0 and study.world.truth[winner] < study.world.truth.max() - 1e-5
        worst.append(wrong)
        if row is TIE:
            lines.append(_at_most("a tie at the top decided within 2,000 votes", declared, runs))
            lines.append(_at_most("one below the tie declared", wrong, runs))
        else:
            lines.append(_at_most(f"wrong winner, heavy voters with tastes ({declared} decided)", wrong, runs))
    return lines


def decisions(row: Row, runs: int, most: int, wilson: float, valid: float | None, fewest: int) -> Proof:
    """Votes to a decision against own votes."""

    def prove(part: float) -> LINES:
        rng = np.random.default_rng(SEED)
        peeked = np.median([own_votes(row.approvals, rng, most=most, valid=False) for _ in range(60)])
        sure = np.median([own_votes(row.approvals, rng, most=4 * most, valid=True) for _ in range(15)])
        needed, wrong = [], 0
        for run in range(_some(runs, part)):
            mine = np.random.default_rng([SEED, run])
            study = Study(row.world(mine), mine)
            needed.append(study.run(60_000, lambda one: one.decided() >= 0))
            wrong += study.world.truth[study.decided()] < study.world.truth.max() - 1e-5
        found, bound = float(np.median(needed)), garivier_kaufmann(row.approvals)
        low, high = np.quantile(needed, [0.1, 0.9])
        lines: LINES = [
            (
                f"**{row.name}**: votes to a decision, {len(needed)} runs",
                f"{found:,.0f} ({low:,.0f}–{high:,.0f})",
                f"≤ {fewest:,}",
                _yes(found <= fewest),
            ),
            _line(
                f"times fewer than own votes, Wilson and Bonferroni peeked ({peeked:,.0f})",
                peeked / found,
                f"≥ {wilson:g}",
                wilson,
                most=False,
            ),
            _line(
                f"times fewer than own votes, valid sequence ({sure:,.0f})",
                sure / found,
                f"≥ {valid:g}" if valid else "",
                valid,
                most=False,
            ),
            _line(
                f"over the bound without sharing (Garivier and Kaufmann, {bound:,.0f})",
                found / bound,
                "< 1" if row is CLOSE else "",
                1 if row is CLOSE else None,
            ),
            _at_most("wrong winners", wrong, len(needed)),
        ]
        return lines

    return prove


def as_it_is(scenario: Scenario) -> Proof:
    """Whether anything was ever false in 3,000 votes, looked at after each published design: the worst of the
    approvals, the worst of the differences, the winner, and "practically as good as the best"."""

    def prove(part: float) -> LINES:
        runs = _some(20, part)
        found = [
            watch(scenario.begin(np.random.default_rng([SEED, SCENARIOS.index(scenario), run])), 3_000)
            for run in range(runs)
        ]
        approvals = int(np.sum([one.approvals for one in found], axis=0).max())
        differences = int(np.sum([one.differences for one in found], axis=0).max())
        name = f"**{scenario.name}**"
        return [
            _at_most(f"{name}: the approval, and", approvals, runs),
            _at_most("the difference, most often missed", differences, runs),
            _at_most("wrong winner", sum(one.winner for one in found), runs),
            _at_most("wrongly practically as good as the best", sum(one.practically for one in found), runs),
        ]

    return prove


def either_way(row: Row, runs: int, most: int) -> Proof:
    """Votes to "the best, or within 2 points of it", decided in either way."""

    def prove(part: float) -> LINES:
        needed, wrong, near = [], 0, 0
        for run in range(_some(runs, part)):
            rng = np.random.default_rng([SEED, 2, run])
            study = Study(row.world(rng), rng, margin=MARGIN)
            needed.append(study.run(40_000, lambda one: one.decided() >= 0))
            said, truth = study.concluded(), study.world.truth
            allowed = MARGIN if said.kind == "within_margin" else 0.0
            near += said.kind == "within_margin"
            wrong += truth[said.winner] < truth.max() - allowed - 1e-5
        found = float(np.median(needed))
        low, high = np.quantile(needed, [0.1, 0.9])
        told = f"{found:,.0f} ({low:,.0f}–{high:,.0f})"
        name = f"**{row.name}**: votes to best or within 2 points, {len(needed)} runs ({near} within)"
        target = (f"≤ {most:,}", _yes(found <= most)) if most else ("", "")
        return [(name, told, *target), _at_most("wrong, in either way", wrong, len(needed))]

    return prove


def together(mode: str) -> Proof:
    """Where several are shown together: bets on the leader against bets on all, for 12 contenders."""

    def prove(part: float) -> LINES:
        needed: dict[bool, list[int]] = {False: [], True: []}
        for leaderless, votes in needed.items():
            for run in range(_some(8, part)):
                rng = np.random.default_rng([SEED, 3, run])
                world = TWELVE.world(rng, queries=300)
                study = Study(world, rng, mode=mode, without_replacement=True, leaderless=leaderless)
                votes.append(study.run(40_000, lambda one: one.decided() >= 0))
        led, open_bets = (float(np.median(needed[one])) for one in (False, True))
        name = f"{mode}, 12 contenders: votes with a leader ({led:,.0f}) over those without ({open_bets:,.0f}), 8 runs"
        return [_line(name, led / open_bets, "≤ 0.55", 0.55)]

    return prove


def stored(_: float) -> LINES:
    """What the sums of 200 contenders take after ten entries, in millions of bytes."""
    evidence = Evidence.before_votes(200, eras=11)
    size = sum(np.size(getattr(evidence, one.name)) for one in fields(Evidence)) * 8 / 1e6
    return [_line("stored sums of 200 contenders after ten entries, MB", size, "≤ 8", 8)]


PROOFS: dict[str, Proof] = {
    "coverage": coverage,
    **{f"world-{number}": as_it_is(scenario) for number, scenario in enumerate(SCENARIOS)},
    "wrong": wrong_winners,
    "original": decisions(ORIGINAL, 60, 20_000, 2.3, 4.0, 530),
    "models": decisions(MODELS, 30, 200_000, 18.0, None, 2_000),
    "close": decisions(CLOSE, 12, 900_000, 25.0, None, 4_600),
    "original-near": either_way(ORIGINAL, 60, 520),
    "models-near": either_way(MODELS, 30, 1_750),
    "close-near": either_way(CLOSE, 20, 2_100),
    "second-near": either_way(NEAR, 30, 0),
    "two": together("two"),
    "grid": together("grid"),
    "stored": stored,
}


def _at_most(name: str, times: int, runs: int, limit: float = 0.05) -> tuple[str, str, str, str]:
    test = binomtest(times, runs, limit, alternative="greater")
    interval = binomtest(times, runs).proportion_ci(0.95)
    told = f"{times} of {runs} ({100 * interval.low:.1f}–{100 * interval.high:.1f} %)"
    return name, told, f"≤ {limit:.0%}", _yes(bool(test.pvalue > 0.01))


def _line(name: str, value: float, target: str, limit: float | None, *, most: bool = True) -> tuple[str, str, str, str]:
    met = "" if limit is None else _yes(value <= limit if most else value >= limit)
    return name, f"{value:.2f}", target, met


def _yes(met: bool) -> str:
    return "yes" if met else "**no**"


def _some(runs: int, part: float) -> int:
    return max(2, round(runs * part))


def _prove(task: tuple[str, float]) -> tuple[str, LINES, float]:
    name, part = task
    start = time.perf_counter()
    return name, PROOFS[name](part), time.perf_counter() - start


def main() -> int:
    """Run all proofs on two processes; 1 if one fails."""
    words = argparse.ArgumentParser(description=__doc__)
    which = words.add_mutually_exclusive_group()
    which.add_argument("--write", action="store_true")
    which.add_argument("--part", type=float, default=1.0)
    words.add_argument("--only", nargs="+", choices=PROOFS, default=list(PROOFS))
    words.add_argument("--processes", type=int, default=2)
    told = words.parse_args()
    found: dict[str, LINES] = {}
    with multiprocessing.get_context("spawn").Pool(told.processes) as pool:
        for name, lines, seconds in pool.imap_unordered(_prove, [(name, told.part) for name in told.only]):
            print(f"{name}: {seconds:.0f} s", file=sys.stderr, flush=True)
            found[name] = lines
    rows = [line for name in told.only for line in found[name]]
    table = "\n".join(
        ["| what | found | target | met |", "|---|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    )
    print(table)
    if told.write:
        text = DOCUMENT.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        DOCUMENT.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")
    return int(any("no" in row[3] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
