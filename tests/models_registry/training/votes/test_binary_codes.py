"""Codes against the whole search written out, and what they promise: planes by a seed, votes that move them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from models_registry.training.votes.binary_codes import binary_code_map
from models_registry.training.votes.map_fitting import Fitted
from models_registry.training.votes.vote_data import Pairs

Floats = NDArray[np.float64]

RNG = np.random.default_rng(21)
ROWS = RNG.normal(size=(20, 4)).astype(np.float32)
QUERY, CANDIDATE = np.array([(one, other) for one in range(3, 12) for other in range(6, 18, 3) if one != other]).T
CLOSE = np.abs(ROWS[QUERY, 0] - ROWS[CANDIDATE, 0]) < 1
PAIRS = Pairs(QUERY, CANDIDATE, np.where(CLOSE, 3.0, 0.5), np.where(CLOSE, 0.5, 2.0))
WEIGHTS = RNG.normal(size=(4, 4)).astype(np.float32)


def _fitted(scale: float = 4.0, shift: float = -0.5) -> Fitted:
    return Fitted("full", 0.1, WEIGHTS, scale, shift, np.zeros(1), 0.0, 1)


def _start(bits: int, seed: int) -> Floats:
    planes = np.random.default_rng(seed).normal(size=(4, bits))
    start = WEIGHTS.astype(float) @ planes
    return np.asarray(start / np.sqrt(np.mean((ROWS.astype(float) @ start) ** 2, axis=0)))


def _loss(theta: Floats, start: Floats, sharpness: float, pairs: Pairs) -> float:
    bits = start.shape[1]
    signs = np.tanh(sharpness * ROWS.astype(float) @ (start + theta[2:].reshape(start.shape)))
    logit = np.exp(theta[0]) * (signs[pairs.query] * signs[pairs.candidate]).sum(axis=1) / bits + theta[1]
    entropy = pairs.likes @ np.logaddexp(0, -logit) + pairs.nopes @ np.logaddexp(0, logit)
    return float(entropy / (pairs.likes.sum() + pairs.nopes.sum()) + 1e-3 / bits * np.sum(theta[2:] ** 2))


@pytest.mark.parametrize("seed", [2, 6])
def test_planes_are_learnt_in_three_searches_of_twelve_steps_ever_sharper(seed: int) -> None:
    start = _start(3, seed)
    theta = np.concatenate([[np.log(4.0), -0.5], np.zeros(start.size)])
    for sharpness in (1.0, 2.0, 4.0):
        theta = minimize(
            _loss, theta, (start, sharpness, PAIRS), jac="3-point", method="L-BFGS-B", options={"maxiter": 12}
        ).x
    found = binary_code_map(ROWS, _fitted(), PAIRS, bits=3, seed=seed)
    assert found.shape == (4, 3)
    assert found.dtype == np.float32
    assert found == pytest.approx(start + theta[2:].reshape(start.shape), abs=0.02)


def test_signs_of_liked_pairs_come_to_agree_more_often() -> None:
    def told_apart(code_map: Floats) -> float:
        signs = np.sign(ROWS @ code_map)
        agreement = (signs[QUERY] * signs[CANDIDATE]).mean(axis=1)
        return float(agreement[CLOSE].mean() - agreement[~CLOSE].mean())

    learnt = binary_code_map(ROWS, _fitted(), PAIRS, bits=64, seed=3).astype(float)
    assert told_apart(learnt) > told_apart(_start(64, 3)) + 0.3


def test_a_sure_start_that_votes_contradict_is_learnt_from_too() -> None:
    """Log-odds in the hundreds: the loss is what the formula says there as well, and falls."""
    far = _fitted(scale=900.0, shift=300.0)
    found = binary_code_map(ROWS, far, PAIRS, bits=4, seed=0).astype(float)
    start = _start(4, 0)
    begin = np.concatenate([[np.log(900.0), 300.0], np.zeros(start.size)])
    ended = np.concatenate([[np.log(900.0), 300.0], (found - start).ravel()])
    assert _loss(ended, start, 4.0, PAIRS) < _loss(begin, start, 4.0, PAIRS)
