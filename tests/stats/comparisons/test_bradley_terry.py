"""Strengths from comparisons: two solvers, a peer library, a general optimiser, and cases without a maximum."""

from __future__ import annotations

from collections.abc import Callable

import evalica
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import norm

from evalapp.stats.comparisons.bradley_terry import (
    LEFT,
    RIDGE,
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

Array = NDArray[np.float64]
Solver = Callable[..., Strengths]
SOLVERS = pytest.mark.parametrize("solve", [fit_newton, fit_mm])
WITH_TIES = Comparisons(
    np.array([[0.0, 14.0, 4.0], [3.0, 0.0, 6.0], [1.0, 2.0, 0.0]]),
    np.array([[0.0, 2.0, 5.0], [8.0, 0.0, 1.0], [6.0, 3.0, 0.0]]),
    np.array([[0.0, 3.0, 1.0], [2.0, 0.0, 0.0], [4.0, 1.0, 0.0]]),
)
WITHOUT_TIES = Comparisons(WITH_TIES.left, WITH_TIES.right, np.zeros((3, 3)))
LOPSIDED = Comparisons(
    np.array([[0.0, 80.0, 1.0], [0.0, 0.0, 60.0], [0.0, 0.0, 0.0]]),
    np.array([[0.0, 0.0, 0.0], [20.0, 0.0, 0.0], [2.0, 10.0, 0.0]]),
    np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),
)


def log_likelihood(parameters: Array, data: Comparisons, ridge: float = RIDGE) -> float:
    """Of strengths, side and, where there are as many, ties; virtual games have neither side nor ties."""
    count = data.contenders
    theta, side = parameters[:count], parameters[count]
    total = float((ridge * (-np.logaddexp(0, -parameters) - np.logaddexp(0, parameters))).sum())
    for i in range(count):
        for j in range(count):
            strong, weak = np.exp(theta[i] + side), np.exp(theta[j])
            tie = np.exp(parameters[count + 1]) * np.sqrt(strong * weak) if len(parameters) > count + 1 else 0.0
            every = strong + weak + tie
            total += data.left[i, j] * np.log(strong / every) + data.right[i, j] * np.log(weak / every)
            total += data.ties[i, j] * np.log(tie / every) if tie else 0.0
    return total


def told_by(found: Strengths) -> Array:
    return np.r_[found.theta, found.side, found.ties if np.isfinite(found.ties) else []]


@SOLVERS
@pytest.mark.parametrize("data", [WITH_TIES, WITHOUT_TIES, LOPSIDED])
@pytest.mark.parametrize("ridge", [RIDGE, 2.0])
def test_the_maximum_is_that_of_a_general_optimiser(solve: Solver, data: Comparisons, ridge: float) -> None:
    size = data.contenders + 1 + bool(data.ties.any())
    peer = minimize(lambda x: -log_likelihood(x, data, ridge), np.zeros(size), method="BFGS", options={"gtol": 1e-7})
    found = solve(data, ridge=ridge)
    np.testing.assert_allclose(told_by(found), peer.x, atol=2e-5)
    assert (found.ridge, found.solver) == (ridge, "newton" if solve is fit_newton else "mm")


@SOLVERS
def test_the_ridge_that_is_not_told_is_half_a_win(solve: Solver) -> None:
    found, told = solve(WITH_TIES), solve(WITH_TIES, ridge=0.5)
    np.testing.assert_allclose(told_by(found), told_by(told))
    assert found.ridge == 0.5


@SOLVERS
@pytest.mark.parametrize("data", [WITH_TIES, WITHOUT_TIES, LOPSIDED])
def test_no_round_goes_down_and_each_is_counted(solve: Solver, data: Comparisons) -> None:
    heights = [log_likelihood(np.zeros(5 if data.ties.any() else 4), data, 0.01)]
    for rounds in range(1, 8):
        found = solve(data, ridge=0.01, rounds=rounds, close=0.0)
        assert found.rounds == rounds
        heights.append(log_likelihood(told_by(found), data, 0.01))
    assert (np.diff(heights) >= -1e-9).all()
    assert heights[2] > heights[1] > heights[0]


def test_newton_is_there_in_a_few_rounds_and_the_other_needs_more() -> None:
    newton, slow = fit_newton(WITH_TIES), fit_mm(WITH_TIES)
    assert 3 <= newton.rounds <= 8
    assert 12 < slow.rounds <= 60
    assert fit_mm(WITH_TIES, close=1e-3).rounds < slow.rounds
    assert fit_newton(WITH_TIES, close=1.0).rounds < newton.rounds
    for solve in (fit_newton, fit_mm):
        unmoved = solve(WITH_TIES, rounds=0)
        assert (unmoved.theta.tolist(), unmoved.side, unmoved.ties, unmoved.rounds) == ([0, 0, 0], 0, 0, 0)


def test_the_first_step_of_newton_is_the_gradient_over_the_curvature() -> None:
    step = 1e-4

    def slope(at: Array, axis: int) -> float:
        shift = step * np.eye(5)[axis]
        return (log_likelihood(at + shift, WITH_TIES) - log_likelihood(at - shift, WITH_TIES)) / (2 * step)

    start = np.zeros(5)
    gradient = np.array([slope(start, axis) for axis in range(5)])
    curvature = np.array([
        [(slope(start + step * np.eye(5)[other], axis) - slope(start - step * np.eye(5)[other], axis)) / (2 * step)
         for other in range(5)]
        for axis in range(5)
    ])  # fmt: skip
    found = fit_newton(WITH_TIES, rounds=1)
    np.testing.assert_allclose(told_by(found), np.linalg.solve(-curvature, gradient), atol=2e-6)


@SOLVERS
def test_without_any_tie_ties_are_impossible_and_touch_nothing(solve: Solver) -> None:
    found = solve(WITHOUT_TIES)
    assert found.ties == -np.inf
    assert found.covariance.shape == (5, 5)
    assert not found.covariance[4, :4].any()
    assert not found.covariance[:4, 4].any()
    assert expected_outcomes(found)[1].max() < 1e-12
    assert solve(WITH_TIES).covariance[4, :4].any()


def test_expected_points_and_ties_are_those_of_the_model() -> None:
    theta, side, ties = np.array([0.7, -0.2, 0.1]), 0.3, -0.4
    points, tied = expected_outcomes(Strengths(theta, side, ties, np.eye(5), 1, "newton", RIDGE))
    for i in range(3):
        for j in range(3):
            strong, weak = np.exp(side + theta[i]), np.exp(theta[j])
            tie = np.exp(ties) * np.sqrt(strong * weak)
            assert tied[i, j] == pytest.approx(tie / (strong + weak + tie))
            assert points[i, j] == pytest.approx((strong + tie / 2) / (strong + weak + tie))
    points, tied = expected_outcomes(Strengths(theta, side, -np.inf, np.eye(5), 1, "newton", RIDGE))
    assert points[0, 1] == pytest.approx(1 / (1 + np.exp(-(side + 0.9))))
    # Strengths far beyond what a number can hold stay chances.
    far = expected_outcomes(Strengths(np.array([900.0, -900.0]), 0.0, 0.0, np.eye(4), 1, "newton", RIDGE))
    assert far[0].tolist() == [[0.5, 1.0], [0.0, 0.5]]


def test_counts_are_those_of_a_loop() -> None:
    random = np.random.default_rng(0)
    left, right, outcomes = random.integers(3, size=80), random.integers(3, size=80), random.integers(3, size=80)
    found = count_comparisons(left, right, outcomes, 4)
    for said, table in ((LEFT, found.left), (RIGHT, found.right), (TIE, found.ties)):
        slow = np.zeros((4, 4))
        for one, other, outcome in zip(left, right, outcomes, strict=True):
            slow[one, other] += outcome == said
        assert table.tolist() == slow.tolist()
    none = np.zeros(0, dtype=np.intp)
    empty = count_comparisons(none, none, none, 2)
    assert (empty.contenders, empty.left.sum(), empty.ties.shape) == (2, 0, (2, 2))


def test_the_chance_to_be_stronger_is_that_of_a_normal_gap() -> None:
    covariance = np.diag([0.04, 0.09, 0.01, 9.0, 9.0])
    covariance[0, 1] = covariance[1, 0] = 0.02
    found = Strengths(np.array([0.5, 0.2, 0.2]), 0.0, 0.0, covariance, 1, "newton", RIDGE).chance_better()
    assert found[0, 1] == pytest.approx(norm.cdf(0.3 / np.sqrt(0.04 + 0.09 - 0.04)))
    assert found[0, 2] == pytest.approx(norm.cdf(0.3 / np.sqrt(0.05)))
    assert found[2, 0] == pytest.approx(norm.cdf(-0.3 / np.sqrt(0.05)))
    assert (found[1, 2], found[0, 0]) == (0.5, 0.5)


@pytest.mark.parametrize("with_ties", [True, False])
@pytest.mark.parametrize("voters", [[0] * 8, [0, 2, 2, 0, 7, 7, 2, 0]])
def test_clustered_covariance_is_the_sandwich_of_each_voters_scores(with_ties: bool, voters: list[int]) -> None:
    left, right = np.array([0, 0, 1, 2, 1, 2, 0, 1]), np.array([1, 2, 2, 0, 0, 1, 1, 2])
    outcomes = np.array([LEFT, LEFT, RIGHT, LEFT, TIE if with_ties else LEFT, RIGHT, RIGHT, LEFT])
    data = count_comparisons(left, right, outcomes, 3)
    fitted = fit_newton(data, ridge=0.8)
    found = cluster_covariance(fitted, left, right, outcomes, np.array(voters), data)
    at, step = told_by(fitted), 1e-5
    scores: dict[int, Array] = {}
    for place, voter in enumerate(voters):
        row = slice(place, place + 1)
        alone = count_comparisons(left[row], right[row], outcomes[row], 3)
        score = np.zeros(5)
        for axis in range(len(at)):
            shift = step * np.eye(len(at))[axis]
            score[axis] = (log_likelihood(at + shift, alone, 0.0) - log_likelihood(at - shift, alone, 0.0)) / (2 * step)
        scores[voter] = scores.get(voter, np.zeros(5)) + score
    n = len(scores)
    meat = sum(np.outer(one, one) for one in scores.values()) * (n / (n - 1) if n > 1 else 1.0)
    np.testing.assert_allclose(found.covariance, fitted.covariance @ meat @ fitted.covariance, rtol=1e-4, atol=1e-8)
    assert found.theta.tolist() == fitted.theta.tolist()
    assert (found.side, found.ties, found.rounds, found.ridge, found.solver) == (
        fitted.side, fitted.ties, fitted.rounds, 0.8, "newton",
    )  # fmt: skip


def test_steps_that_would_overshoot_are_halved_until_they_climb() -> None:
    """Thousands of games in circles: a whole step of Newton goes down here."""
    data = Comparisons(
        np.array([[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [7422.0, 584.0, 0.0]]),
        np.array([[0.0, 5906.0, 0.0], [412.0, 0.0, 1.0], [0.0, 153.0, 0.0]]),
        np.array([[0.0, 0.0, 0.0], [7594.0, 0.0, 0.0], [0.0, 158.0, 0.0]]),
    )
    heights = [log_likelihood(told_by(fit_newton(data, rounds=rounds)), data) for rounds in range(1, 16)]
    assert (np.diff(heights) >= -1e-6).all()
    found = fit_newton(data)
    assert found.rounds < 20
    for step in 1e-3 * np.vstack([np.eye(5), -np.eye(5)]):
        assert log_likelihood(told_by(found) + step, data) < heights[-1]


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
