"""Intervals against peers, slow twins and the laws they must keep."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from evalapp.stats.estimators import WeightedVotes
from evalapp.stats.intervals.share_intervals import BETS, Interval, beta_binomial, betting_interval, wilson_interval

COUNTS = st.integers(0, 400)


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (1, 1), (7, 10), (50, 100), (999, 1000), (3, 3000)])
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.3])
def test_wilson_agrees_with_scipy(successes: int, trials: int, alpha: float) -> None:
    theirs = binomtest(successes, trials).proportion_ci(1 - alpha, method="wilson")
    mine = wilson_interval(successes, trials, alpha)
    assert mine.low == pytest.approx(theirs.low, abs=1e-12)
    assert mine.high == pytest.approx(theirs.high, abs=1e-12)


@pytest.mark.parametrize("interval", [wilson_interval, beta_binomial])
def test_nothing_is_known_without_trials(interval: Callable[[int, int], Interval]) -> None:
    nothing = interval(0, 0)
    assert (nothing.estimate, nothing.low, nothing.high) == (None, 0.0, 1.0)


@pytest.mark.parametrize(("successes", "trials", "alpha"), [(-1, 3, 0.05), (4, 3, 0.05), (1, 3, 0.0), (1, 3, 1.0)])
def test_counts_that_cannot_be_are_refused(successes: int, trials: int, alpha: float) -> None:
    for interval in (wilson_interval, beta_binomial):
        with pytest.raises(ValueError, match=r"cannot be|alpha"):
            interval(successes, trials, alpha)


@given(COUNTS, COUNTS)
def test_the_beta_binomial_sequence_holds_just_the_rates_that_are_not_refuted(dope: int, nope: int) -> None:
    interval = beta_binomial(dope, dope + nope)
    for rate in np.linspace(0.001, 0.999, 41):
        # The martingale written out vote by vote: each is predicted by the mixture's posterior mean.
        wealth, liked, seen = 0.0, 0.5, 1.0
        for vote in [1] * dope + [0] * nope:
            predicted = liked / seen if vote else 1 - liked / seen
            wealth += math.log(predicted / (rate if vote else 1 - rate))
            liked, seen = liked + vote, seen + 1
        clearly_out, clearly_in = wealth > math.log(20) + 1e-6, wealth < math.log(20) - 1e-6
        assert not (clearly_out and interval.low < rate < interval.high)
        assert not (clearly_in and not interval.low <= rate <= interval.high)


def test_the_beta_binomial_sequence_is_wider_than_wilson_but_not_by_much() -> None:
    for trials in (20, 100, 3000):
        valid, snapshot = beta_binomial(trials // 2, trials), wilson_interval(trials // 2, trials)
        assert 1.3 < (valid.high - valid.low) / (snapshot.high - snapshot.low) < 2.0


@st.composite
def weighted(draw: st.DrawFn) -> WeightedVotes:
    kinds = draw(st.integers(1, 5))
    weights = draw(st.lists(st.floats(0.05, 8), min_size=kinds, max_size=kinds, unique=True))
    counts = st.lists(st.integers(0, 300), min_size=kinds, max_size=kinds)
    return WeightedVotes.from_counts(weights, draw(counts), draw(counts))


def _slow_wealth(votes: WeightedVotes, rate: float, stakes: list[float]) -> float:
    """Log of the mean over bets of the product over votes, one vote after another."""
    fortunes = [0.0] * len(stakes)
    for weight, dope, nope in zip(votes.weights, votes.dope, votes.nope, strict=True):
        for answer in [1] * int(dope) + [0] * int(nope):
            for number, stake in enumerate(stakes):
                fortunes[number] += math.log(1 + stake * weight * (answer - rate))
    most = max(fortunes)
    return most + math.log(sum(math.exp(fortune - most) for fortune in fortunes) / len(fortunes))


@given(weighted(), st.floats(0.01, 0.3))
def test_the_betting_sequence_ends_where_the_slow_bets_reach_their_limit(votes: WeightedVotes, alpha: float) -> None:
    bound, variance = 8.0, 0.7
    interval = betting_interval(votes, weight_bound=bound, variance_bound=variance, alpha=alpha)
    stakes = [min(bet / variance, 0.9 / bound) for bet in BETS]
    limit = math.log(2 / alpha)
    for end, side in ((interval.low, votes), (1 - interval.high, votes.swap_verdicts())):
        if 0 < end < 1:
            assert _slow_wealth(side, end, stakes) == pytest.approx(limit, abs=1e-6)
        elif end == 0:
            assert _slow_wealth(side, 0.0, stakes) <= limit + 1e-9


@given(weighted())
def test_the_estimate_lies_in_its_interval(votes: WeightedVotes) -> None:
    interval = betting_interval(votes, weight_bound=8.0, variance_bound=0.7)
    if interval.estimate is not None:
        assert 0 <= interval.low <= interval.estimate <= interval.high <= 1


@given(weighted())
def test_exchanging_dope_and_nope_mirrors_the_interval(votes: WeightedVotes) -> None:
    one = betting_interval(votes, weight_bound=8.0, variance_bound=0.7)
    other = betting_interval(votes.swap_verdicts(), weight_bound=8.0, variance_bound=0.7)
    assert (1 - other.high, 1 - other.low) == pytest.approx((one.low, one.high), abs=1e-12)


@given(weighted())
def test_more_confidence_gives_a_wider_interval(votes: WeightedVotes) -> None:
    narrow = betting_interval(votes, weight_bound=8.0, variance_bound=0.7, alpha=0.05)
    wide = betting_interval(votes, weight_bound=8.0, variance_bound=0.7, alpha=0.005)
    assert wide.low <= narrow.low
    assert wide.high >= narrow.high


def test_the_betting_sequence_narrows_with_votes() -> None:
    widths = []
    for votes in (40, 400, 4000, 40_000):
        interval = betting_interval(
            WeightedVotes.from_counts([1.0], [votes * 0.7], [votes * 0.3]), weight_bound=1, variance_bound=0.25
        )
        widths.append(interval.high - interval.low)
        assert interval.low < 0.7 < interval.high
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.025


def test_without_weights_betting_is_about_as_tight_as_the_beta_binomial_sequence() -> None:
    for votes in (200, 2000, 20_000):
        bets = betting_interval(
            WeightedVotes.from_counts([1.0], [votes / 2], [votes / 2]), weight_bound=1, variance_bound=0.25
        )
        peer = beta_binomial(votes // 2, votes)
        assert (bets.high - bets.low) / (peer.high - peer.low) < 1.35


def test_a_weight_above_its_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="above its bound"):
        betting_interval(WeightedVotes.from_counts([3.0], [1], [1]), weight_bound=2.0, variance_bound=1.0)


@pytest.mark.parametrize(("weight_bound", "variance_bound"), [(0.0, 1.0), (1.0, 0.0)])
def test_bounds_must_be_above_zero(weight_bound: float, variance_bound: float) -> None:
    with pytest.raises(ValueError, match="bounds"):
        betting_interval(
            WeightedVotes.from_counts([], [], []), weight_bound=weight_bound, variance_bound=variance_bound
        )
