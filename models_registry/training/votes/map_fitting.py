"""The loss of a map over blocks, its closed gradient, and its minimum.

    z = normalise(W x),   P(like | q, c) = sigmoid(t z_q . z_c + b),   loss = mean weighted cross-entropy + pull

W = diag(exp(s)), one s per block (`scale`) or per direction (`diagonal`), or W = diag(exp(s)) + D (`full`); the pull
is strength x the squared distance of W's own numbers from where they start. t = exp(.) and b are learnt with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_registry.training.votes.vote_data import Pairs

    Floats = NDArray[np.float64]
    Floats32 = NDArray[np.float32]

Shape = Literal["scale", "diagonal", "full"]
_START = (float(np.log(5.0)), -1.0)
_TINY = np.float32(1e-9)
_FARTHEST = 20.0
"""Logarithm of the most by which a direction, or all cosines, may be stretched or shrunk."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """`weights` [k, k] acts on rows from the right (z = x @ weights, then length 1); `scale` t and `shift` b.

    `log_scales` [blocks] are those of the blocks, from which the richer shapes start.
    """

    shape: Shape
    strength: float
    weights: Floats32
    scale: float
    shift: float
    log_scales: Floats
    loss: float
    steps: int

    def map_to_units(self, rows: Floats32) -> Floats32:
        """Unit vectors [n, k] of rows [n, k]."""
        mapped = rows @ self.weights
        return np.asarray(mapped / np.maximum(np.linalg.norm(mapped, axis=1, keepdims=True), _TINY), dtype=np.float32)

    def pair_logits(self, units: Floats32, pairs: Pairs) -> Floats:
        """Log-odds of a like per pair [P]."""
        cosines = np.einsum("ij,ij->i", units[pairs.query], units[pairs.candidate]).astype(np.float64)
        return np.asarray(self.scale * cosines + self.shift, dtype=np.float64)


def fit_map(
    rows: Floats32,
    block_of: NDArray[np.int64],
    pairs: Pairs,
    shape: Shape,
    strength: float,
    *,
    start: Fitted | None = None,
    steps: int = 60,
) -> Fitted:
    """The map of this shape at the minimum of the loss on these pairs; `start` gives the blocks' scales, t and b.

    L-BFGS on float32 products with sums in float64; the same input gives the same result on the same machine.
    """
    from scipy.optimize import minimize

    problem = _MapProblem.from_pairs(rows, block_of, pairs, shape, start)
    start_numbers = np.concatenate(
        [_START if start is None else (np.log(start.scale), start.shift), np.zeros(problem.free_numbers)]
    )
    minimum = minimize(
        problem.loss_of_numbers(strength), start_numbers, jac=True, method="L-BFGS-B", options={"maxiter": steps}
    )
    theta = np.asarray(minimum.x, dtype=np.float64)
    log_scales = problem.log_scales + (theta[2:] if shape == "scale" else 0.0)
    return Fitted(
        shape, strength, problem.whole_map(theta[2:]), float(_bounded_exp(theta[0])), float(theta[1]), log_scales,
        float(minimum.fun), int(minimum.nit),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _MapProblem:
    """The items that occur in the pairs, scaled by block, and which of them each pair is about."""

    shape: Shape
    rows: Floats32
    query: NDArray[np.int64]
    candidate: NDArray[np.int64]
    share: Floats
    weight: Floats
    block_of: NDArray[np.int64]
    log_scales: Floats
    to_query: Any
    to_candidate: Any

    @classmethod
    def from_pairs(
        cls, rows: Floats32, block_of: NDArray[np.int64], pairs: Pairs, shape: Shape, start: Fitted | None
    ) -> _MapProblem:
        from scipy.sparse import csr_matrix

        log_scales = np.zeros(int(block_of.max()) + 1) if start is None else start.log_scales
        items, row_of_end = np.unique(np.concatenate([pairs.query, pairs.candidate]), return_inverse=True)
        query, candidate = row_of_end[: len(pairs)], row_of_end[len(pairs) :]
        pair_numbers, ones = np.arange(len(pairs)), np.ones(len(pairs), dtype=np.float32)
        size = (len(items), len(pairs))
        return cls(
            shape,
            np.ascontiguousarray(rows[items] * np.exp(log_scales)[block_of].astype(np.float32)),
            query,
            candidate,
            pairs.share,
            pairs.weight / pairs.weight.sum(),
            block_of,
            log_scales,
            csr_matrix((ones, (query, pair_numbers)), shape=size),
            csr_matrix((ones, (candidate, pair_numbers)), shape=size),
        )

    @property
    def free_numbers(self) -> int:
        """How many numbers the shape has, besides t and b."""
        width = self.rows.shape[1]
        return int({"scale": len(self.log_scales), "diagonal": width, "full": width * width}[self.shape])

    def whole_map(self, numbers: Floats) -> Floats32:
        """The whole map [k, k] of rows before they were scaled."""
        scales = np.exp(self.log_scales)[self.block_of]
        if self.shape == "full":
            width = len(self.block_of)
            return np.asarray(scales[:, None] * (np.eye(width) + numbers.reshape(width, width)), dtype=np.float32)
        return np.diag(scales * _bounded_exp(self._number_per_direction(numbers))).astype(np.float32)

    def loss_of_numbers(self, strength: float) -> Callable[[Floats], tuple[float, Floats]]:
        """Loss and gradient of the numbers (log t, b, numbers …)."""

        def loss_and_gradient(theta: Floats) -> tuple[float, Floats]:
            numbers = theta[2:]
            mapped = self._map_rows(numbers)
            lengths = np.linalg.norm(mapped, axis=1, keepdims=True) + _TINY
            units = mapped / lengths
            of_query, of_candidate = units[self.query], units[self.candidate]
            cosine = np.einsum("ij,ij->i", of_query, of_candidate).astype(np.float64)
            scale = _bounded_exp(theta[0])
            logit = scale * cosine + theta[1]
            entropy = self.weight @ (np.logaddexp(0, logit) - self.share * logit)
            pull = self.weight * (np.exp(-np.logaddexp(0, -logit)) - self.share)
            by_pair = (pull * scale).astype(np.float32)[:, None]
            to_units = self.to_query @ (by_pair * of_candidate) + self.to_candidate @ (by_pair * of_query)
            to_mapped = (to_units - np.sum(to_units * units, axis=1, keepdims=True) * units) / lengths
            gradient = self._gradient_of_numbers(mapped, to_mapped) + 2 * strength * numbers
            ends = [float(pull @ cosine) * scale, float(pull.sum())]
            return float(entropy + strength * (numbers @ numbers)), np.concatenate([ends, gradient])

        return loss_and_gradient

    def _map_rows(self, numbers: Floats) -> Floats32:
        if self.shape == "full":
            width = self.rows.shape[1]
            return self.rows + self.rows @ numbers.reshape(width, width).astype(np.float32)
        return np.asarray(
            self.rows * _bounded_exp(self._number_per_direction(numbers)).astype(np.float32), dtype=np.float32
        )

    def _gradient_of_numbers(self, mapped: Floats32, to_mapped: Floats32) -> Floats:
        if self.shape == "full":
            return np.asarray((self.rows.T @ to_mapped).ravel(), dtype=np.float64)
        by_direction: Floats = np.einsum("ij,ij->j", mapped, to_mapped).astype(np.float64)
        if self.shape == "diagonal":
            return by_direction
        return np.asarray(np.bincount(self.block_of, by_direction), dtype=np.float64)

    def _number_per_direction(self, numbers: Floats) -> Floats:
        return np.asarray(numbers[self.block_of] if self.shape == "scale" else numbers, dtype=np.float64)


def _bounded_exp(logarithms: Any) -> Any:
    # A search for the length of a step may try one so long that float32 ends; no map is meant to be near it.
    return np.exp(np.clip(logarithms, -_FARTHEST, _FARTHEST))
