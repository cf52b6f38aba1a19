"""Approval within categories: the same as a slow loop over voters."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from evalapp.stats.intervals.fixed_time import wilson_of_error
from evalapp.stats.intervals.normal_mixture import mixture_radius
from evalapp.stats.intervals.share_intervals import wilson_interval
from evalapp.stats.pooling import pool_groups
from evalapp.stats.strata import StratumSums, share_and_error, stratum_approvals


def summed(strata: list[list[tuple[float, float, int]]]) -> StratumSums:
    """Out of (L, M, votes) of every voter of every stratum."""
    columns = []
    for voters in strata:
        liked, mass, votes = (np.array(values) for values in zip(*voters, strict=True)) if voters else [np.zeros(0)] * 3
        columns.append(
            [liked.sum(), mass.sum(), liked @ liked, liked @ mass, mass @ mass, votes.sum(), float(len(voters))]
        )
    return StratumSums(*np.array(columns, dtype=float).T)


def crowd(seed: int, voters: int, share: float, weight: float = 3.0) -> list[tuple[float, float, int]]:
    random = np.random.default_rng(seed)
    votes = random.integers(1, 9, voters)
    return [(weight * random.binomial(n, share), weight * n, int(n)) for n in votes]


def test_estimate_and_interval_are_those_of_a_loop_over_voters() -> None:
    people = crowd(1, 60, 0.7)
    found = stratum_approvals(summed([people, crowd(2, 40, 0.3)]))
    mass = sum(m for _, m, _ in people)
    estimate = sum(liked for liked, _, _ in people) / mass
    effective = mass**2 / sum(m**2 for _, m, _ in people)
    squares = sum((liked - estimate * m) ** 2 for liked, m, _ in people) * effective / (effective - 5)
    votes = sum(n for _, _, n in people)
    half = float(mixture_radius(squares * (votes / mass) ** 2)) / votes
    assert found.estimates[0] == pytest.approx(estimate)
    assert (found.low[0], found.high[0]) == pytest.approx((estimate - half, min(1, estimate + half)))


def test_what_weights_are_measured_in_changes_nothing() -> None:
    light, heavy = (stratum_approvals(summed([crowd(1, 60, 0.7, weight)])) for weight in (1.0, 4000.0))
    for name in ("estimates", "low", "high"):
        assert getattr(light, name) == pytest.approx(getattr(heavy, name))


def test_few_voters_say_nothing_and_none_even_less() -> None:
    found = stratum_approvals(summed([crowd(1, 19, 0.7), []]))
    assert (found.low.tolist(), found.high.tolist()) == ([0, 0], [1, 1])
    assert np.isnan(found.estimates[1])
    assert found.pooled[1] == pytest.approx(found.estimates[0])


def test_a_few_heavy_voters_count_for_what_they_tell() -> None:
    """As many voters and votes, but four cast nearly all: the interval knows that these are hardly more than four."""
    even = [(5.0 + (-1) ** k, 10.0, 10) for k in range(40)]
    heavy = [(45.0 + (-1) ** k, 90.0, 90) for k in range(4)] + [(0.5, 10 / 9, 1)] * 36
    uneven = stratum_approvals(summed([heavy]))
    assert (uneven.low[0], uneven.high[0]) == (0, 1)
    assert stratum_approvals(summed([even])).low[0] > 0.3
    # Six or seven: wider than n/(n - 1) of the forty that there are would have it, by the root of n/(n - 5).
    some = [(30.0 + (-1) ** k * 3, 60.0, 60) for k in range(6)] + [(0.5, 1.0, 1)] * 34
    found, (_, error) = stratum_approvals(summed([some])), share_and_error(summed([some]))
    votes, effective = 394, 394**2 / (6 * 60**2 + 34)
    before = float(mixture_radius((float(error[0]) * votes) ** 2)) / votes
    after = float(mixture_radius((float(error[0]) * votes) ** 2 * 39 / 40 * effective / (effective - 5))) / votes
    assert found.high[0] - found.estimates[0] == pytest.approx(after)
    assert after > 1.1 * before


def test_a_group_in_which_all_agree_is_still_drawn_towards_the_others() -> None:
    unanimous = [(1.0, 1.0, 1)] * 3
    found = stratum_approvals(summed([unanimous, crowd(1, 80, 0.5), crowd(2, 80, 0.5)]))
    assert found.estimates[0] == 1
    assert found.pooled[0] < 0.95


def test_with_one_vote_each_the_fixed_time_interval_is_wilsons() -> None:
    """Its error divides by n - 1 where Wilson's divides by n; the difference is that of n and n - 1 votes."""
    people = [(1.0, 1.0, 1)] * 60 + [(0.0, 1.0, 1)] * 40
    estimate, error = share_and_error(summed([people]))
    found = wilson_of_error(float(estimate[0]), float(error[0]) * math.sqrt(99 / 100))
    theirs = wilson_interval(60, 100)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))


def test_the_fixed_time_interval_covers_although_voters_resemble_themselves() -> None:
    runs, hits = 400, 0
    for seed in range(runs):
        random = np.random.default_rng(seed)
        own = random.beta(6, 4, 60)
        people = [(float(random.binomial(12, share)), 12.0, 12) for share in own]
        estimate, error = share_and_error(summed([people]))
        found = wilson_of_error(float(estimate[0]), float(error[0]))
        hits += found.low <= 0.6 <= found.high
    assert binomtest(hits, runs, 0.95, alternative="less").pvalue > 0.01


def test_nothing_follows_from_one_voter_or_from_unanimity() -> None:
    assert (wilson_of_error(0.4, 0.0).low, wilson_of_error(0.4, 0.0).high) == (0, 1)
    assert wilson_of_error(1.0, 0.1).low == 0
    with pytest.raises(ValueError, match="needed"):
        wilson_of_error(1.2, 0.1)


def test_errors_and_pooling_are_those_of_the_formulas() -> None:
    of_one_mind = [(30.0 * (k % 3 > 0), 30.0, 10) for k in range(24)]
    crowds = [crowd(3, 25, 0.7), crowd(4, 30, 0.2), of_one_mind, [(3.0, 3.0, 1)]]
    sums = summed(crowds)
    found, (shares, errors) = stratum_approvals(sums), share_and_error(sums)
    variances = []
    for place, people in enumerate(crowds):
        mass, n = sum(m for _, m, _ in people), len(people)
        share = sum(liked for liked, _, _ in people) / mass
        squares = sum((liked - share * m) ** 2 for liked, m, _ in people)
        assert shares[place] == pytest.approx(share)
        assert errors[place] == pytest.approx(math.sqrt(squares * n / (n - 1)) / mass if n > 1 else 0.0)
        votes = sum(count for _, _, count in people)
        smoothed = (share * votes + 1) / (votes + 2)
        variances.append(max(errors[place] ** 2, smoothed * (1 - smoothed) / votes))
    assert found.pooled.tolist() == pytest.approx(pool_groups(shares, variances).estimates.tolist())
    assert variances[3] == pytest.approx(2 / 9)


def test_two_voters_have_an_error_and_one_or_none_has_not() -> None:
    sums = summed([[(1.0, 1.0, 1), (0.0, 1.0, 1)], [(1.0, 2.0, 2)], []])
    shares, errors = share_and_error(sums)
    # Residuals of 1/2 and -1/2, times 2, over a mass of 2.
    assert errors.tolist() == pytest.approx([1 / 2, 0.0, 0.0])
    assert shares[:2].tolist() == [0.5, 0.5]
    assert np.isnan(shares[2])
    found = stratum_approvals(sums)
    assert (found.low.tolist(), found.high.tolist()) == ([0] * 3, [1] * 3)


def test_the_twentieth_voter_and_alpha_decide_how_much_is_said() -> None:
    people = [(float(k % 4 > 0) * 10, 10.0, 10) for k in range(20)]
    few, enough = (stratum_approvals(summed([people[:n]])) for n in (19, 20))
    assert (few.low[0], few.high[0]) == (0, 1)
    assert enough.low[0] > 0
    assert (
        stratum_approvals(summed([people]), 0.05).low[0]
        == enough.low[0]
        < stratum_approvals(summed([people]), 0.3).low[0]
    )


def test_nothing_is_known_of_strata_that_nobody_voted_in() -> None:
    found = stratum_approvals(summed([[], []]))
    assert np.isnan(found.estimates).all()
    assert np.isnan(found.pooled).all()
    assert (found.low.tolist(), found.high.tolist()) == ([0, 0], [1, 1])


def test_votes_of_little_weight_are_votes() -> None:
    light, plain = (summed([crowd(1, 60, 0.7, weight), [(weight, weight, 1)]]) for weight in (1e-4, 1.0))
    for name in ("estimates", "low", "high", "pooled"):
        assert getattr(stratum_approvals(light), name) == pytest.approx(getattr(stratum_approvals(plain), name))
    for found, expected in zip(share_and_error(light), share_and_error(plain), strict=True):
        assert found == pytest.approx(expected)
