"""Newton's method where it goes straight, where it goes too far, and when it ends."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from models_registry.training.votes.newton import newton_minimum

Floats = NDArray[np.float64]
Derivatives = Callable[[Floats], tuple[Floats, Floats]]


def _hyperbola(scale: float = 1.0) -> tuple[Callable[[Floats], float], Derivatives]:
    """sqrt(1 + x²), summed: from beyond 1 whole steps of Newton's method jump ever farther to the other side."""

    def loss(numbers: Floats) -> float:
        return scale * float(np.sqrt(1 + numbers**2).sum())

    def derivatives(numbers: Floats) -> tuple[Floats, Floats]:
        root = np.sqrt(1 + numbers**2)
        return scale * numbers / root, scale * np.diag(root**-3)

    return loss, derivatives


def _counted(derivatives: Derivatives) -> tuple[Derivatives, list[Floats]]:
    asked: list[Floats] = []

    def counted(numbers: Floats) -> tuple[Floats, Floats]:
        asked.append(numbers)
        return derivatives(numbers)

    return counted, asked


def test_a_quadratic_is_solved_in_one_step_and_seen_to_be_in_a_second() -> None:
    curvature = np.array([[3.0, 1.0], [1.0, 2.0]])
    goal = np.array([4.0, -5.0])
    derivatives, asked = _counted(lambda numbers: (curvature @ (numbers - goal), curvature))
    found = newton_minimum(
        np.zeros(2),
        lambda numbers: float((numbers - goal) @ curvature @ (numbers - goal) / 2),
        derivatives,
        close=1e-6,
        rounds=50,
    )
    assert found == pytest.approx(goal)
    assert len(asked) == 2


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_from_far_away_steps_are_halved_until_they_lead_down_whatever_the_scale_of_the_loss(scale: float) -> None:
    loss, derivatives = _hyperbola(scale)
    derivatives, asked = _counted(derivatives)
    found = newton_minimum(np.array([30.0, -4.0]), loss, derivatives, close=1e-8, rounds=60)
    assert found == pytest.approx(np.zeros(2), abs=1e-7)
    losses = [loss(numbers) for numbers in asked]
    assert losses == sorted(losses, reverse=True)


def test_a_step_that_leads_up_is_cut_into_halves_until_one_leads_down() -> None:
    """From 1.1 the step is 1.1 x 2.21 = 2.431, to -1.331, which is higher; half of it leads to -0.1155."""
    loss, derivatives = _hyperbola()
    [found] = newton_minimum(np.array([1.1]), loss, derivatives, close=1e-8, rounds=1)
    assert found == pytest.approx(1.1 - 2.431 / 2)


def test_a_step_below_close_is_the_last_and_taken_whole() -> None:
    loss, derivatives = _hyperbola()
    [gradient], [[curvature]] = derivatives(np.array([1.1]))
    step = gradient / curvature
    taken_whole = newton_minimum(np.array([1.1]), loss, derivatives, close=step * (1 + 1e-9), rounds=9)
    assert taken_whole == pytest.approx([1.1 - 2.431])
    halved = newton_minimum(np.array([1.1]), loss, derivatives, close=step, rounds=9)
    assert halved == pytest.approx([1.1 - 2.431 / 2])


def test_a_step_as_long_as_close_is_not_the_last() -> None:
    derivatives, asked = _counted(lambda numbers: (numbers, np.eye(1)))
    found = newton_minimum(
        np.array([0.5]), lambda numbers: float(numbers @ numbers / 2), derivatives, close=0.5, rounds=9
    )
    assert found.tolist() == [0.0]
    assert len(asked) == 2


def test_it_ends_after_so_many_rounds_wherever_it_is() -> None:
    loss, derivatives = _hyperbola()
    derivatives, asked = _counted(derivatives)
    start = np.array([30.0])
    assert newton_minimum(start, loss, derivatives, close=1e-8, rounds=0).tolist() == [30.0]
    found = newton_minimum(start, loss, derivatives, close=1e-8, rounds=3)
    assert len(asked) == 3
    assert 0 < abs(found[0]) < 30
    assert start.tolist() == [30.0]


def test_a_loss_of_nothing_at_the_minimum_ends_it() -> None:
    found = newton_minimum(
        np.zeros(2),
        lambda numbers: float(numbers @ numbers),
        lambda numbers: (2 * numbers, 2 * np.eye(2)),
        close=1e-6,
        rounds=9,
    )
    assert found.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("seed", range(3))
def test_a_logistic_regression_is_that_of_a_general_search(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, likes = rng.normal(size=(40, 3)), rng.random(40) < 0.4

    def loss(numbers: Floats) -> float:
        logit = rows @ numbers
        return float(np.sum(np.logaddexp(0, logit) - likes * logit) + 0.5 * numbers @ numbers)

    def derivatives(numbers: Floats) -> tuple[Floats, Floats]:
        chance = 1 / (1 + np.exp(-rows @ numbers))
        return rows.T @ (chance - likes) + numbers, (rows.T * (chance * (1 - chance))) @ rows + np.eye(3)

    found = newton_minimum(np.full(3, 5.0), loss, derivatives, close=1e-10, rounds=50)
    assert found == pytest.approx(minimize(loss, np.zeros(3), tol=1e-12).x, abs=1e-5)
