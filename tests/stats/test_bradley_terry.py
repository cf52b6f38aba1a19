"""Strengths from comparisons: two solvers, a peer library, and cases that have no maximum by themselves."""

from __future__ import annotations

from collections.abc import Callable

import evalica
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalapp.stats.comparisons.bradley_terry import (
    LEFT,
    RIGHT,
    TIE,
    Comparisons,
    Strengths,
    cluster_covariance,
    count_comparisons,
    expected_outcomes,
    fit_mm,
    fit_newton,
)

TRUTH = np.array([0.8, 0.3, 0.0, -0.4, -0.7])
SIDE, TIES = 0.3, np.log(0.5)


def games(n: int, seed: int = 0, ties: float = TIES, side: float = SIDE) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    left = rng.integers(5, size=n)
    right = (left + rng.integers(1, 5, size=n)) % 5
    a, b = np.exp(side + TRUTH[left]), np.exp(TRUTH[right])
    tie = np.exp(ties) * np.sqrt(a * b)
    coin = rng.random(n) * (a + b + tie)
    return left, right, np.where(coin < a, LEFT, np.where(coin < a + b, RIGHT, TIE))


def test_strengths_ties_and_the_side_are_found() -> None:
    found = fit_newton(count_comparisons(*games(40_000), 5))
    assert np.allclose(found.theta - found.theta.mean(), TRUTH - TRUTH.mean(), atol=0.05)
    assert (found.side, found.ties) == (pytest.approx(SIDE, abs=0.04), pytest.approx(TIES, abs=0.04))


@pytest.mark.parametrize("ties", [TIES, -30.0])
@pytest.mark.parametrize("solve", [fit_newton, fit_mm])
def test_the_covariance_inverts_minus_the_second_derivatives(solve: Callable[..., Strengths], ties: float) -> None:
    """A twin by finite differences of the likelihood, written anew, virtual games with a player of strength 0."""
    data, ridge = count_comparisons(*games(300, 7, ties), 5), 0.3
    found = solve(data, ridge=ridge)
    with_ties = bool(np.isfinite(found.ties))
    at = np.r_[found.theta, found.side, found.ties] if with_ties else np.r_[found.theta, found.side]

    def likelihood(x: np.ndarray) -> float:
        total = ridge * float(np.log(1 / (1 + np.exp(-x)) / (1 + np.exp(x))).sum())
        for i in range(5):
            for j in range(5):
                a, b = np.exp(x[5] + x[i]), np.exp(x[j])
                tie = np.exp(x[6]) * np.sqrt(a * b) if with_ties else 0.0
                shares = np.log(np.array([a, b, tie if with_ties else 1.0]) / (a + b + tie))
                total += shares @ np.array([data.left[i, j], data.right[i, j], data.ties[i, j]])
        return total

    step, size = 1e-3, len(at)
    steps = np.eye(size) * step
    second = np.array([
        [sum(s * t * likelihood(at + s * one + t * other) for s in (1, -1) for t in (1, -1)) for other in steps]
        for one in steps
    ]) / (4 * step**2)  # fmt: skip
    assert found.covariance[:size, :size] == pytest.approx(np.linalg.inv(-second), rel=1e-3, abs=1e-5)


def test_two_voters_make_the_covariance_of_clusters_twice_as_wide_as_their_scores() -> None:
    left, right, outcomes = games(60, 4)
    data = count_comparisons(left, right, outcomes, 5)
    fitted = fit_newton(data)
    two = cluster_covariance(fitted, left, right, outcomes, np.arange(60) % 2, data)
    half, tie = expected_outcomes(fitted)
    scores = np.zeros((2, 7))
    for voter, (a, b, outcome) in enumerate(zip(left, right, outcomes, strict=True)):
        missed = {LEFT: 1.0, RIGHT: 0.0, TIE: 0.5}[int(outcome)] - half[a, b]
        scores[voter % 2] += missed * (np.eye(7)[a] - np.eye(7)[b] + np.eye(7)[5])
        scores[voter % 2, 6] += (outcome == TIE) - tie[a, b]
    meat = 2 * sum(np.outer(score, score) for score in scores)
    assert two.covariance == pytest.approx(fitted.covariance @ meat @ fitted.covariance, rel=1e-6, abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 60), st.sampled_from([0.0, -30.0]))
def test_both_solvers_find_the_same_maximum(seed: int, n: int, ties: float) -> None:
    data = count_comparisons(*games(n, seed, ties), 5)
    one, other = fit_newton(data), fit_mm(data)
    assert np.allclose(one.theta, other.theta, atol=1e-6)
    assert one.side == pytest.approx(other.side, abs=1e-6)
    assert one.ties == other.ties == -np.inf or one.ties == pytest.approx(other.ties, abs=1e-6)


def test_without_ties_and_sides_it_is_what_evalica_says() -> None:
    left, right, outcomes = games(4000, 3, ties=-30.0, side=0.0)
    # The same games with the sides exchanged: nothing is left for the side to explain.
    data = count_comparisons(np.r_[left, right], np.r_[right, left], np.r_[outcomes, 1 - outcomes], 5)
    winners = [evalica.Winner.X if one == LEFT else evalica.Winner.Y for one in outcomes]
    peer = evalica.bradley_terry([str(one) for one in left], [str(one) for one in right], winners, tolerance=1e-10)
    theirs = np.log([peer.scores[str(one)] for one in range(5)])
    ours = fit_newton(data, ridge=1e-6).theta
    assert np.allclose(ours - ours.mean(), theirs - theirs.mean(), atol=1e-4)


def test_one_who_won_everything_and_one_who_met_nobody_have_finite_strengths() -> None:
    left = np.zeros((4, 4))
    left[0, 1], left[0, 2] = 5, 5
    data = Comparisons(left, np.zeros((4, 4)), np.zeros((4, 4)))
    for found in (fit_newton(data), fit_mm(data)):
        assert np.isfinite(found.theta).all()
        assert abs(found.theta[3]) < 1e-6
        assert found.theta[0] > found.theta[3] > found.theta[1]


def test_the_better_of_two_is_known_by_its_votes() -> None:
    better = fit_newton(count_comparisons(*games(4000), 5)).chance_better()
    assert better[0, 4] > 0.999
    assert better[4, 0] == pytest.approx(1 - better[0, 4])
    assert np.diagonal(better).tolist() == [0.5] * 5


def test_voters_who_repeat_themselves_are_worth_one() -> None:
    left, right, outcomes = games(600)
    copies = [np.repeat(part, 10) for part in (left, right, outcomes)]
    voters = np.repeat(np.arange(600), 10)
    data, once = count_comparisons(*copies, 5), count_comparisons(left, right, outcomes, 5)
    wide = cluster_covariance(fit_newton(data), *copies, voters, data)
    single = cluster_covariance(fit_newton(once), left, right, outcomes, np.arange(600), once)
    ratio = np.diagonal(wide.covariance)[5:] / np.diagonal(single.covariance)[5:]
    assert np.allclose(ratio, 1, atol=0.1)
    plain = np.diagonal(fit_newton(data).covariance)[5:] / np.diagonal(single.covariance)[5:]
    assert np.allclose(plain, 0.1, atol=0.03)
