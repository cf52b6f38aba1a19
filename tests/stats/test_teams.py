"""Strengths where several contenders stand behind a candidate: where none share, as if each met alone."""

from __future__ import annotations

import numpy as np
import pytest

from evalapp.stats.comparisons.bradley_terry import LEFT, RIGHT, TIE, cluster_covariance, count_comparisons, fit_newton
from evalapp.stats.comparisons.shared_bradley_terry import count_team_comparisons, team_strengths
from evalapp.stats.intervals.normal_mixture import mixture_radius

THETA, SIDE, TIES = np.array([0.8, 0.0, -0.8]), 0.4, -0.7


def games(n: int, voters: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Left, right, outcome and voter of n comparisons of two out of three."""
    random = np.random.default_rng(seed)
    left = random.integers(0, 3, n)
    right = (left + random.integers(1, 3, n)) % 3
    a, b = SIDE + THETA[left], THETA[right]
    weights = np.exp(np.stack([a, b, TIES + (a + b) / 2]))
    drawn = random.random(n) * weights.sum(axis=0)
    outcomes = (drawn[None] > np.cumsum(weights, axis=0)[:2]).sum(axis=0)
    return left, right, outcomes, random.integers(0, voters, n)


def test_without_sharing_it_is_bradley_terry_with_voters_as_clusters() -> None:
    left, right, outcomes, voters = games(900, 40)
    data = count_comparisons(left, right, outcomes, 3)
    plain = cluster_covariance(fit_newton(data), left, right, outcomes, voters, data)
    found = team_strengths(np.eye(3, dtype=bool)[left], np.eye(3, dtype=bool)[right], outcomes, voters).fitted
    assert found.theta == pytest.approx(plain.theta)
    assert (found.side, found.ties) == pytest.approx((plain.side, plain.ties))
    assert found.covariance == pytest.approx(plain.covariance * 39 / 40)


def test_a_comparison_counts_for_everyone_behind_a_candidate() -> None:
    random = np.random.default_rng(3)
    owner = random.integers(0, 3, (200, 4))  # behind the left one, the right one, or neither
    left, right = owner == 0, owner == 1
    outcomes = random.integers(0, 3, 200)
    data = count_team_comparisons(left, right, outcomes)
    for said, table in ((LEFT, data.left), (RIGHT, data.right), (TIE, data.ties)):
        slow = [
            [sum(left[t, i] and right[t, j] for t in range(200) if outcomes[t] == said) for j in range(4)]
            for i in range(4)
        ]
        assert table.tolist() == slow


def test_two_that_always_answer_alike_are_as_strong_and_tell_of_no_more() -> None:
    left, right, outcomes, voters = games(900, 40)
    one, other = np.eye(3, dtype=bool)[left], np.eye(3, dtype=bool)[right]
    twice = team_strengths(one[:, [0, 1, 2, 2]], other[:, [0, 1, 2, 2]], outcomes, voters)
    once = team_strengths(one, other, outcomes, voters)
    assert twice.fitted.theta[2] == pytest.approx(twice.fitted.theta[3])
    gaps = [found.fitted.theta[0] - found.fitted.theta[2] for found in (once, twice)]
    assert gaps[0] == pytest.approx(gaps[1], abs=0.05)
    errors = [
        found.fitted.covariance[0, 0] + found.fitted.covariance[2, 2] - 2 * found.fitted.covariance[0, 2]
        for found in (once, twice)
    ]
    assert errors[1] == pytest.approx(errors[0], rel=0.15)


def test_the_interval_holds_at_every_look() -> None:
    """In 60 studies, at five looks each, the truth is left out of a 95% interval in at most a few."""
    truth = 1 / (1 + np.exp(-(THETA - THETA.mean())))
    missed = np.zeros(3)
    for seed in range(60):
        left, right, outcomes, voters = games(1500, 60, seed)
        one, other = np.eye(3, dtype=bool)[left], np.eye(3, dtype=bool)[right]
        ever = np.zeros(3, dtype=bool)
        for n in range(300, 1501, 300):
            found = team_strengths(one[:n], other[:n], outcomes[:n], voters[:n]).against_average
            ever |= (truth < found.low) | (truth > found.high)
        missed += ever
        assert found.high[0] - found.low[0] < 0.3
    # More than 8 of 60 would have a chance below one in a hundred at 5 %.
    assert missed.max() <= 8


def test_few_voters_say_nothing() -> None:
    left, right, outcomes, _ = games(900, 1)
    one, other = np.eye(3, dtype=bool)[left], np.eye(3, dtype=bool)[right]
    few = team_strengths(one, other, outcomes, np.arange(900) % 19).against_average
    assert (few.low.tolist(), few.high.tolist()) == ([0] * 3, [1] * 3)
    heavy = team_strengths(one, other, outcomes, np.where(np.arange(900) < 870, np.arange(900) % 4, np.arange(900)))
    assert heavy.against_average.high[0] - heavy.against_average.low[0] > 0.99


def test_one_that_was_never_compared_has_no_strength() -> None:
    left, right, outcomes, voters = games(300, 30)
    one, other = np.eye(4, dtype=bool)[left], np.eye(4, dtype=bool)[right]
    found = team_strengths(one, other, outcomes, voters).against_average
    assert np.isnan(found.estimates[3])
    assert (found.low[3], found.high[3]) == (0, 1)


def crowds(n: int = 400, seed: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of four contenders each stands behind the left candidate, the right one, or neither."""
    random = np.random.default_rng(seed)
    owner = random.integers(0, 3, (n, 4))
    left, right = owner == 0, owner == 1
    chances = np.exp(0.3 + left @ np.array([0.6, 0.2, 0.0, -0.5]) - right @ np.array([0.6, 0.2, 0.0, -0.5]))
    won = np.where(random.random(n) < chances / (1 + chances), LEFT, RIGHT)
    return left, right, np.where(random.random(n) < 0.2, TIE, won)


@pytest.mark.parametrize("ties", [True, False])
def test_scores_of_shared_candidates_are_those_of_every_two_as_if_they_had_met_alone(ties: bool) -> None:
    left, right, outcomes = crowds()
    outcomes = outcomes if ties else np.where(outcomes == TIE, LEFT, outcomes)
    voters = np.arange(400) % 35
    met = [(t, i, j) for t in range(400) for i in range(4) for j in range(4) if left[t, i] and right[t, j]]
    shown, one, other = np.array(met).T
    data = count_comparisons(one, other, outcomes[shown], 4)
    plain = cluster_covariance(fit_newton(data), one, other, outcomes[shown], voters[shown], data)
    found = team_strengths(left, right, outcomes, voters).fitted
    assert found.theta == pytest.approx(plain.theta)
    assert found.covariance == pytest.approx(plain.covariance * 34 / 35)


@pytest.mark.parametrize("alpha", [0.05, 0.3])
def test_intervals_are_mixture_radii_around_the_strength_over_the_mean(alpha: float) -> None:
    left, right, outcomes = crowds(1200)
    voters = np.random.default_rng(0).integers(0, 60, 1200)
    found = team_strengths(left, right, outcomes, voters, alpha)
    fitted = fit_newton(count_team_comparisons(left, right, outcomes))
    masses = np.bincount(voters)
    effective = masses.sum() ** 2 / (masses**2).sum()
    for place in range(5):
        told = np.zeros(6)
        if place < 4:
            told[:4] = -0.25
            told[place] += 1
        else:
            told[4] = 1
        value = float(told @ np.r_[fitted.theta, fitted.side, 0.0])
        weight = 1 / float(told @ fitted.covariance @ told)
        variance = float(told @ found.fitted.covariance @ told) * effective / (effective - 5)
        half = float(mixture_radius(weight**2 * variance, alpha)) / weight
        share, at = (found.against_average, place) if place < 4 else (found.left, 0)
        expected = 1 / (1 + np.exp(-np.array([value, value - half, value + half])))
        assert [share.estimates[at], share.low[at], share.high[at]] == pytest.approx(expected.tolist())
    assert found.left.estimates.shape == (1,)
    if alpha == 0.05:
        assert team_strengths(left, right, outcomes, voters).left.low[0] == found.left.low[0]


@pytest.mark.parametrize(("count", "says"), [(19, False), (20, True)])
def test_only_voters_who_voted_count_among_the_twenty(count: int, says: bool) -> None:
    left, right, outcomes = crowds(900)
    found = team_strengths(left, right, outcomes, 3 * (np.arange(900) % count) + 2)
    assert bool(found.against_average.low[0] > 0) == says
    assert bool(found.left.high[0] < 1) == says


def test_without_comparisons_nobody_has_a_strength_and_no_side_an_advantage() -> None:
    none = np.zeros((0, 3), dtype=bool)
    found = team_strengths(none, none, np.zeros(0, dtype=int), np.zeros(0, dtype=int))
    assert np.isnan(found.against_average.estimates).all()
    assert np.isnan(found.left.estimates).all()
    assert (found.left.low.tolist(), found.left.high.tolist()) == ([0], [1])


def test_voters_of_a_single_comparison_count_in_full() -> None:
    left, right, outcomes = crowds(40)
    found = team_strengths(left, right, outcomes, np.arange(40)).against_average
    assert ((found.low > 0) & (found.high < 1)).all()
    few = team_strengths(left[:19], right[:19], outcomes[:19], np.arange(19)).against_average
    assert (few.low.max(), few.high.min()) == (0, 1)
