"""Signs instead of numbers: a map whose bits `z > 0` are as near or far as the learnt vectors are.

Random hyperplanes give bits whose Hamming distance follows the angle (Charikar, 2002). From there the planes are
learnt on the votes through tanh(sharpness x z), whose sharpness grows until it is nearly the sign itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_registry.training.votes.map_fitting import Fitted
    from models_registry.training.votes.vote_data import Pairs

    Floats = NDArray[np.float64]
    Floats32 = NDArray[np.float32]

SHARPNESS = (1.0, 2.0, 4.0)
_PULL = 1e-3
_STEPS = 12


def binary_code_map(rows: Floats32, fitted: Fitted, pairs: Pairs, *, bits: int, seed: int) -> Floats32:
    """A map [k, bits] of rows [n, k], to be compared by the signs of what it gives."""
    from scipy.optimize import minimize

    planes = np.random.default_rng(seed).normal(size=(fitted.weights.shape[1], bits)).astype(np.float32)
    start = np.asarray(fitted.weights @ planes, dtype=np.float32)
    start /= np.sqrt(np.mean((rows @ start) ** 2, axis=0)) + np.float32(1e-9)
    items, row_of_end = np.unique(np.concatenate([pairs.query, pairs.candidate]), return_inverse=True)
    query, candidate = row_of_end[: len(pairs)], row_of_end[len(pairs) :]
    item_rows = rows[items]
    theta = np.concatenate([[np.log(fitted.scale), fitted.shift], np.zeros(start.size)])
    for sharpness in SHARPNESS:

        def loss_and_gradient(numbers: Floats, sharpness: float = sharpness) -> tuple[float, Floats]:
            change = numbers[2:].reshape(start.shape).astype(np.float32)
            signs = np.tanh(np.float32(sharpness) * (item_rows @ (start + change)))
            agreement = np.einsum("ij,ij->i", signs[query], signs[candidate]).astype(np.float64) / bits
            scale = np.exp(numbers[0])
            logit = scale * agreement + numbers[1]
            weight = pairs.weight / pairs.weight.sum()
            pull = weight * (np.exp(-np.logaddexp(0, -logit)) - pairs.share)
            by_pair = (pull * scale / bits).astype(np.float32)[:, None]
            to_signs = np.zeros_like(signs)
            np.add.at(to_signs, query, by_pair * signs[candidate])
            np.add.at(to_signs, candidate, by_pair * signs[query])
            back = item_rows.T @ (to_signs * (1 - signs**2) * np.float32(sharpness))
            gradient = back.ravel().astype(np.float64) + 2 * _PULL / bits * numbers[2:]
            entropy = weight @ (np.logaddexp(0, logit) - pairs.share * logit)
            pull_loss = _PULL / bits * float(numbers[2:] @ numbers[2:])
            return float(entropy + pull_loss), np.concatenate([[float(pull @ agreement) * scale, pull.sum()], gradient])

        theta = minimize(loss_and_gradient, theta, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x
    return np.asarray(start + theta[2:].reshape(start.shape), dtype=np.float32)
