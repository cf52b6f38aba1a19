"""How often an interval that is looked at after every vote ever misses: at most as often as it says."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest

from evalapp.stats.estimators import WeightedVotes
from evalapp.stats.intervals.share_intervals import BETS, beta_binomial, betting_interval, wilson_interval

ALPHA = 0.05
RUNS = 400
Array = NDArray[np.float64]


def _at_most(misses: int, runs: int, alpha: float) -> bool:
    """Whether so many misses are no evidence (at 1 %) that the true rate is above alpha."""
    return bool(binomtest(misses, runs, alpha, alternative="greater").pvalue > 0.01)


def _ever_misses(weights: Array, answers: Array, truth: float, bound: float, variance: float) -> NDArray[np.bool_]:
    """Per run [runs, votes] whether the bets against the truth, on either side, ever reach 2 / alpha."""
    missed = np.zeros(len(weights), dtype=bool)
    for sign in (1, -1):
        factors = (1 + sign * min(bet / variance, 0.9 / bound) * weights * (answers - truth) for bet in BETS)
        logs = np.stack([np.cumsum(np.log(factor), axis=1) for factor in factors])
        wealth = np.logaddexp.reduce(logs, axis=0) - np.log(len(BETS))
        missed |= (wealth >= np.log(2 / ALPHA)).any(axis=1)
    return missed


def _adaptive_runs(rng: np.random.Generator, votes: int) -> tuple[Array, Array, float]:
    """30 queries with two candidates each; the sampler runs after what was liked and floors at 0.25."""
    liked = rng.uniform(0.1, 0.9, size=30)
    weights, answers = np.zeros((RUNS, votes)), np.zeros((RUNS, votes))
    hope = np.full(RUNS, 0.5)
    for turn in range(votes):
        share = np.clip(hope, 0.25, 0.75)
        query = rng.integers(30, size=RUNS)
        mine = rng.random(RUNS) < share
        answer = rng.random(RUNS) < liked[query]
        weights[:, turn] = np.where(mine, 1 / share, 0.0)
        answers[:, turn] = answer
        hope = np.where(mine, 0.9 * hope + 0.1 * answer, hope)
    return weights, answers, float(liked.mean())


def test_weighted_votes_are_unbiased_under_an_adaptive_sampler() -> None:
    weights, answers, truth = _adaptive_runs(np.random.default_rng(10), 500)
    sums = (weights * answers).mean(axis=1)
    assert abs(sums.mean() - truth) < 3 * sums.std() / np.sqrt(RUNS)
    shares = (weights * answers).sum(axis=1) / weights.sum(axis=1)
    assert abs(shares.mean() - truth) < 3 * shares.std() / np.sqrt(RUNS) + 0.002


def test_the_betting_sequence_covers_under_an_adaptive_sampler() -> None:
    weights, answers, truth = _adaptive_runs(np.random.default_rng(11), 2000)
    missed = _ever_misses(weights, answers, truth, bound=4.0, variance=0.5)
    assert _at_most(int(missed.sum()), RUNS, ALPHA)


def test_the_interval_misses_exactly_when_the_bets_against_the_truth_have_won() -> None:
    """The simulation above watches the bets; here they are tied to the function, a false truth among them."""
    weights, answers, truth = _adaptive_runs(np.random.default_rng(12), 600)
    for claim in (truth, truth + 0.08):
        for run in range(25):
            seen = weights[run] > 0
            kinds, where = np.unique(weights[run][seen], return_inverse=True)
            yes = np.bincount(where, answers[run][seen], len(kinds))
            no = np.bincount(where, 1 - answers[run][seen], len(kinds))
            interval = betting_interval(
                WeightedVotes.from_counts(kinds, yes, no), weight_bound=4.0, variance_bound=0.5, alpha=ALPHA
            )
            last = _won_at_the_end(weights[run], answers[run], claim)
            assert last == (not interval.low <= claim <= interval.high)


def _won_at_the_end(weights: Array, answers: Array, claim: float) -> bool:
    wealth = [
        np.logaddexp.reduce(
            [np.log(1 + sign * min(bet / 0.5, 0.9 / 4) * weights * (answers - claim)).sum() for bet in BETS]
        )
        for sign in (1, -1)
    ]
    return bool(max(wealth) - np.log(len(BETS)) >= np.log(2 / ALPHA))


def test_voters_who_see_the_whole_pool_do_not_break_the_coverage() -> None:
    """Every voter sees all 24 queries, drawn without replacement with renormalised propensities."""
    rng = np.random.default_rng(13)
    liked = rng.uniform(0.1, 0.9, size=24)
    orders = rng.permuted(np.tile(np.arange(24), (RUNS * 40, 1)), axis=1)
    answers = (rng.random(orders.shape) < liked[orders]).astype(float).reshape(RUNS, -1)
    weights = np.tile((24 - np.arange(24)) / 24, (RUNS, 40))
    assert _at_most(int(_ever_misses(weights, answers, float(liked.mean()), 1.0, 0.25).sum()), RUNS, ALPHA)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_the_beta_binomial_sequence_covers_while_wilson_peeked_at_does_not(rate: float) -> None:
    rng = np.random.default_rng(14)
    looks = np.unique(np.geomspace(20, 1000, 60).astype(int))
    misses = {beta_binomial: 0, wilson_interval: 0}
    for _ in range(RUNS):
        hits = np.cumsum(rng.random(1000) < rate)
        for interval in misses:
            found = [interval(int(hits[look - 1]), int(look), ALPHA) for look in looks]
            misses[interval] += any(not one.low <= rate <= one.high for one in found)
    assert _at_most(misses[beta_binomial], RUNS, ALPHA)
    assert misses[wilson_interval] > 4 * ALPHA * RUNS
