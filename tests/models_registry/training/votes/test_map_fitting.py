"""Maps against the formula written out: cross-entropy of cosines, one pair after the other, in double precision."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import approx_fprime, minimize

from models_registry.training.votes.map_fitting import Fitted, Shape, _MapProblem, fit_map
from models_registry.training.votes.vote_data import Pairs

Floats = NDArray[np.float64]

RNG = np.random.default_rng(11)
ROWS = RNG.normal(size=(14, 4)).astype(np.float32)
BLOCKS = np.array([0, 1, 1, 0])
QUERY, CANDIDATE = RNG.permutation(np.array([(one, other) for one in range(2, 9) for other in range(5, 14, 2)]))[:20].T
ALIKE = np.sum(ROWS[QUERY, 1:3] * ROWS[CANDIDATE, 1:3], axis=1) + ROWS[QUERY, 0] * ROWS[CANDIDATE, 3] > 0
PAIRS = Pairs(QUERY, CANDIDATE, np.where(ALIKE, 2.5, 0.5), np.where(ALIKE, 0.5, RNG.integers(1, 4, size=20) / 2))
START = Fitted("scale", 0.0, np.eye(4, dtype=np.float32), 3.0, -0.4, np.array([0.7, -0.5]), 0.0, 1)
SHAPES: tuple[Shape, ...] = get_args(Shape)


def _entropy(weights: Floats, scale: float, shift: float, pairs: Pairs = PAIRS) -> float:
    total = votes = 0.0
    for query, candidate, likes, nopes in zip(pairs.query, pairs.candidate, pairs.likes, pairs.nopes, strict=True):
        one, other = ROWS[query].astype(float) @ weights, ROWS[candidate].astype(float) @ weights
        logit = scale * (one @ other) / np.sqrt((one @ one) * (other @ other)) + shift
        total += likes * np.logaddexp(0, -logit) + nopes * np.logaddexp(0, logit)
        votes += likes + nopes
    return float(total / votes)


def _whole_map(shape: Shape, numbers: Floats, log_scales: Floats) -> Floats:
    begin = np.diag([np.exp(log_scales[block]) for block in BLOCKS])
    if shape == "scale":
        return begin @ np.diag([np.exp(numbers[block]) for block in BLOCKS])
    if shape == "diagonal":
        return begin @ np.diag(np.exp(numbers))
    return begin @ (np.eye(4) + numbers.reshape(4, 4))


def _numbers_of(shape: Shape) -> int:
    return {"scale": 2, "diagonal": 4, "full": 16}[shape]


def _loss(theta: Floats, shape: Shape, strength: float, log_scales: Floats) -> float:
    weights = _whole_map(shape, theta[2:], log_scales)
    return _entropy(weights, np.exp(theta[0]), theta[1]) + strength * float(np.sum(theta[2:] ** 2))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("start", [None, START])
def test_loss_and_gradient_are_those_of_the_formula(shape: Shape, start: Fitted | None) -> None:
    log_scales = np.zeros(2) if start is None else start.log_scales
    problem = _MapProblem.from_pairs(ROWS, BLOCKS, PAIRS, shape, start)
    assert problem.free_numbers == _numbers_of(shape)
    theta = np.concatenate([[0.6, -0.3], np.random.default_rng(3).normal(0, 0.3, _numbers_of(shape))])
    value, gradient = problem.loss_of_numbers(0.2)(theta)
    assert value == pytest.approx(_loss(theta, shape, 0.2, log_scales), rel=1e-6)
    assert gradient == pytest.approx(approx_fprime(theta, _loss, 1e-6, shape, 0.2, log_scales), abs=1e-5)


def test_the_gradient_of_votes_against_a_sure_map_is_that_of_small_steps() -> None:
    """A map that is wrong by a hundred nats must still be told which way is down, and how far."""
    problem = _MapProblem.from_pairs(ROWS, BLOCKS, PAIRS, "diagonal", None)
    theta = np.array([np.log(150.0), 40.0, 0.1, -0.2, 0.3, 0.0])
    value, gradient = problem.loss_of_numbers(0.0)(theta)
    assert value == pytest.approx(_loss(theta, "diagonal", 0.0, np.zeros(2)), rel=1e-5)
    slope = approx_fprime(theta, _loss, 1e-6, "diagonal", 0.0, np.zeros(2))
    assert gradient == pytest.approx(slope, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("start", [None, START])
def test_the_fitted_map_is_at_the_minimum_of_the_formula(shape: Shape, start: Fitted | None) -> None:
    log_scales = np.zeros(2) if start is None else start.log_scales
    fitted = fit_map(ROWS, BLOCKS, PAIRS, shape, 0.05, start=start)
    begin = np.concatenate([[np.log(fitted.scale), fitted.shift], np.zeros(_numbers_of(shape))])
    best = minimize(_loss, begin, (shape, 0.05, log_scales), method="BFGS", tol=1e-6)
    assert fitted.loss == pytest.approx(best.fun, abs=1e-5)
    assert (fitted.shape, fitted.strength) == (shape, 0.05)
    assert fitted.weights == pytest.approx(_whole_map(shape, best.x[2:], log_scales), abs=0.05)
    whole = fitted.weights.astype(float)
    change = np.diag(np.exp(-log_scales[BLOCKS])) @ whole
    if shape == "scale":
        assert change == pytest.approx(np.diag(np.exp((fitted.log_scales - log_scales)[BLOCKS])), rel=1e-5)
        moved = fitted.log_scales - log_scales
    else:
        assert fitted.log_scales.tolist() == log_scales.tolist()
        moved = np.log(np.diag(change)) if shape == "diagonal" else change - np.eye(4)
    assert np.abs(moved).max() > 0.05
    pull = 0.05 * float(np.sum(moved**2))
    assert fitted.loss == pytest.approx(_entropy(whole, fitted.scale, fitted.shift) + pull, abs=1e-6)


@pytest.mark.parametrize("start", [None, START])
def test_few_steps_lead_from_where_the_fit_starts(start: Fitted | None) -> None:
    """Without a start, from five times the cosine less one; with one, from its scale and shift."""
    log_scales = np.zeros(2) if start is None else start.log_scales
    begin = [np.log(5.0), -1.0] if start is None else [np.log(3.0), -0.4]
    few = fit_map(ROWS, BLOCKS, PAIRS, "diagonal", 0.05, start=start, steps=2)
    twin = minimize(
        _loss, [*begin, 0, 0, 0, 0], ("diagonal", 0.05, log_scales), method="L-BFGS-B", options={"maxiter": 2}
    )
    assert few.steps == 2
    assert [np.log(few.scale), few.shift] == pytest.approx(twin.x[:2].tolist(), abs=1e-3)
    assert few.weights == pytest.approx(_whole_map("diagonal", twin.x[2:], log_scales), abs=1e-3)


@pytest.mark.parametrize("sign", [-1, 1])
def test_nothing_is_stretched_or_shrunk_by_more_than_e_to_the_20(sign: int) -> None:
    loss = _MapProblem.from_pairs(ROWS, BLOCKS, PAIRS, "diagonal", None).loss_of_numbers(0.0)
    losses = [
        [loss(sign * np.array(numbers))[0] for numbers in ([0, 0.3, far, far, far, 18], [far, 0.3, 0, 0, 0, 0])]
        for far in (19, 20, 80)
    ]
    within, edge, beyond = losses
    assert edge == beyond
    assert within[0] != edge[0]
    assert within[1] != edge[1]


def test_units_and_log_odds_are_those_of_the_mapped_rows() -> None:
    weights = np.random.default_rng(5).normal(size=(4, 4)).astype(np.float32)
    fitted = Fitted("full", 0.1, weights, 2.5, -0.7, np.zeros(2), 0.0, 1)
    units = fitted.map_to_units(ROWS)
    mapped = ROWS.astype(float) @ weights
    assert units == pytest.approx(mapped / np.linalg.norm(mapped, axis=1, keepdims=True), abs=1e-6)
    logits = fitted.pair_logits(units, PAIRS)
    for row, (query, candidate) in enumerate(zip(QUERY, CANDIDATE, strict=True)):
        assert logits[row] == pytest.approx(2.5 * float(units[query] @ units[candidate]) - 0.7, abs=1e-5)
    assert fitted.map_to_units(np.zeros((1, 4), dtype=np.float32)).tolist() == [[0.0] * 4]


def test_a_row_of_zeros_is_learnt_from_without_a_division_by_nothing() -> None:
    rows = ROWS.copy()
    rows[QUERY[0]] = 0
    fitted = fit_map(rows, BLOCKS, PAIRS, "diagonal", 0.05)
    assert np.isfinite(fitted.weights).all()
    assert np.isfinite(fitted.loss)
