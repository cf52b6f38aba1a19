"""Ends of the sequences: where the evidence, written out anew, is exactly enough."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import betabinom, binom, binomtest

from evalapp.stats.estimators import WeightedVotes, estimate_approval
from evalapp.stats.intervals.share_intervals import BETS, beta_binomial, betting_interval, wilson_interval

VOTES = WeightedVotes.from_counts([0.5, 1.0, 2.5], [12, 40, 5], [3, 22, 6])


def test_bets_are_eight_from_a_hundredth_to_a_half() -> None:
    assert BETS.tolist() == pytest.approx([0.01 * 50 ** (k / 7) for k in range(8)])


@pytest.mark.parametrize(("successes", "trials"), [(1, 3), (8, 10), (20, 90), (499, 500)])
@pytest.mark.parametrize(("alpha", "prior"), [(0.05, 0.5), (0.2, 0.5), (0.05, 2.0), (0.3, 1.0)])
def test_beta_binomial_ends_are_where_the_likelihood_ratio_is_one_over_alpha(
    successes: int, trials: int, alpha: float, prior: float
) -> None:
    mixture = betabinom.logpmf(successes, trials, prior, prior)

    def excess(rate: float) -> float:
        return float(mixture - binom.logpmf(successes, trials, rate)) + math.log(alpha)

    found = beta_binomial(successes, trials, alpha, prior)
    share = successes / trials
    assert found.low == pytest.approx(brentq(excess, 1e-12, share, xtol=1e-13), abs=1e-10)
    assert found.high == pytest.approx(brentq(excess, share, 1 - 1e-12, xtol=1e-13), abs=1e-10)
    assert (found.estimate, found.alpha, found.method) == (share, alpha, "beta-binomial")


def test_where_all_or_none_were_liked_one_end_is_the_edge() -> None:
    for interval in (wilson_interval, beta_binomial):
        none, every = interval(0, 12), interval(12, 12)
        assert none.low == 0.0
        assert every.high == 1.0
        assert none.high == pytest.approx(1 - every.low)
        assert 0.1 < none.high < 0.5
    assert wilson_interval(12, 12).low == pytest.approx(binomtest(12, 12).proportion_ci(method="wilson").low)
    assert (wilson_interval(3, 4).method, wilson_interval(3, 4).estimate) == ("wilson", 0.75)


def test_a_single_vote_refutes_little() -> None:
    found = beta_binomial(1, 1)
    # With a flat share of 1/2 predicted, the ratio is 1 / (2 p).
    assert (found.low, found.high) == pytest.approx((0.025, 1.0))
    assert beta_binomial(1, 1, alpha=0.6).low == pytest.approx(0.3)


def test_five_percent_are_left_out_if_not_told() -> None:
    assert wilson_interval(3, 9) == wilson_interval(3, 9, 0.05)
    assert beta_binomial(3, 9) == beta_binomial(3, 9, 0.05, 0.5)
    bounds = {"weight_bound": 3.0, "variance_bound": 0.4}
    assert betting_interval(VOTES, **bounds) == betting_interval(VOTES, **bounds, alpha=0.05)


@pytest.mark.parametrize(("bound", "variance"), [(3.0, 0.4), (2.5, 0.02), (6.0, 1.0)])
@pytest.mark.parametrize("alpha", [0.05, 0.3])
def test_betting_ends_are_where_the_mean_wealth_is_two_over_alpha(bound: float, variance: float, alpha: float) -> None:
    def excess(rate: float, sign: int) -> float:
        products = []
        for bet in BETS:
            stake, product = min(bet / variance, 0.9 / bound), 1.0
            for weight, dope, nope in zip(VOTES.weights, VOTES.dope, VOTES.nope, strict=True):
                product *= (1 + sign * stake * weight * (1 - rate)) ** dope * (1 - sign * stake * weight * rate) ** nope
            products.append(product)
        return math.log(np.mean(products)) - math.log(2 / alpha)

    found = betting_interval(VOTES, weight_bound=bound, variance_bound=variance, alpha=alpha)
    share = estimate_approval(VOTES)
    assert share is not None
    assert found.low == pytest.approx(brentq(excess, 0.0, share, args=(1,), xtol=1e-13), abs=1e-10)
    assert found.high == pytest.approx(brentq(excess, share, 1.0, args=(-1,), xtol=1e-13), abs=1e-10)
    assert (found.estimate, found.alpha, found.method) == (share, alpha, "betting")


def test_without_votes_or_with_one_betting_says_nothing() -> None:
    nothing = betting_interval(WeightedVotes.from_counts([], [], []), weight_bound=1.0, variance_bound=1.0)
    assert (nothing.estimate, nothing.low, nothing.high, nothing.method) == (None, 0.0, 1.0, "betting")
    one = betting_interval(WeightedVotes.from_counts([1.0], [1], [0]), weight_bound=1.0, variance_bound=0.25)
    assert (one.estimate, one.low, one.high) == (1.0, 0.0, 1.0)


def test_a_weight_may_be_as_large_as_its_bound() -> None:
    votes = WeightedVotes.from_counts([1.0, 2.5], [3, 1], [1, 1])
    assert betting_interval(votes, weight_bound=2.5, variance_bound=1.0).estimate is not None
    assert betting_interval(votes, weight_bound=2.5 * (1 - 1e-12), variance_bound=1.0).estimate is not None
    with pytest.raises(ValueError, match="above its bound"):
        betting_interval(votes, weight_bound=2.4999, variance_bound=1.0)


@pytest.mark.parametrize("alpha", [0.0, 1.0, 1.5, -0.1])
def test_an_alpha_that_is_no_chance_is_refused(alpha: float) -> None:
    for interval in (wilson_interval, beta_binomial):
        with pytest.raises(ValueError, match="alpha"):
            interval(1, 3, alpha)
    with pytest.raises(ValueError, match="alpha"):
        betting_interval(VOTES, weight_bound=3.0, variance_bound=1.0, alpha=alpha)


@pytest.mark.parametrize("prior", [0.0, -1.0])
def test_a_prior_is_above_nothing(prior: float) -> None:
    with pytest.raises(ValueError, match="prior"):
        beta_binomial(1, 3, prior=prior)


@pytest.mark.parametrize(("weight_bound", "variance_bound"), [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (1.0, -1.0)])
def test_bounds_are_above_nothing_each(weight_bound: float, variance_bound: float) -> None:
    with pytest.raises(ValueError, match="bounds"):
        betting_interval(
            WeightedVotes.from_counts([], [], []), weight_bound=weight_bound, variance_bound=variance_bound
        )
