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

    def apply(self, rows: Floats32, *, sharpness: float = 0.0) -> Floats32:
        """Unit vectors [n, k] of rows [n, k]; with a sharpness, tanh(sharpness x z) before the length is taken."""
        return _unit(squashed(np.asarray(rows @ self.weights, dtype=np.float32), sharpness))

    def logits(self, units: Floats32, pairs: Pairs) -> Floats:
        """Log-odds of a like per pair [P]."""
        cosines = np.einsum("ij,ij->i", units[pairs.query], units[pairs.candidate]).astype(np.float64)
        return np.asarray(self.scale * cosines + self.shift, dtype=np.float64)


def squashed(rows: Floats32, sharpness: float) -> Floats32:
    """tanh(sharpness x row), nearer to the signs the sharper; the rows themselves for sharpness 0."""
    if not sharpness:
        return rows
    spread = np.sqrt(np.mean(rows**2, axis=0, keepdims=True)) + _TINY
    return np.asarray(np.tanh(np.float32(sharpness) * rows / spread), dtype=np.float32)


def fit(
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

    here = _Here.of(rows, block_of, pairs, shape, start)
    first = np.concatenate([_START if start is None else (np.log(start.scale), start.shift), np.zeros(here.size)])
    found = minimize(here.loss(strength), first, jac=True, method="L-BFGS-B", options={"maxiter": steps})
    theta = np.asarray(found.x, dtype=np.float64)
    log_scales = here.log_scales + (theta[2:] if shape == "scale" else 0.0)
    return Fitted(
        shape, strength, here.weights(theta[2:]), float(_scales(theta[0])), float(theta[1]), log_scales,
        float(found.fun), int(found.nit),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Here:
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
    def of(cls, rows: Floats32, block_of: NDArray[np.int64], pairs: Pairs, shape: Shape, start: Fitted | None) -> _Here:
        from scipy.sparse import csr_matrix

        log_scales = np.zeros(int(block_of.max()) + 1) if start is None else start.log_scales
        items, place = np.unique(np.concatenate([pairs.query, pairs.candidate]), return_inverse=True)
        query, candidate = place[: len(pairs)], place[len(pairs) :]
        each, one = np.arange(len(pairs)), np.ones(len(pairs), dtype=np.float32)
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
            csr_matrix((one, (query, each)), shape=size),
            csr_matrix((one, (candidate, each)), shape=size),
        )

    @property
    def size(self) -> int:
        """How many numbers the shape has, besides t and b."""
        width = self.rows.shape[1]
        return int({"scale": len(self.log_scales), "diagonal": width, "full": width * width}[self.shape])

    def weights(self, own: Floats) -> Floats32:
        """The whole map [k, k] of rows before they were scaled."""
        scales = np.exp(self.log_scales)[self.block_of]
        if self.shape == "full":
            width = len(self.block_of)
            return np.asarray(scales[:, None] * (np.eye(width) + own.reshape(width, width)), dtype=np.float32)
        return np.diag(scales * _scales(self._spread(own))).astype(np.float32)

    def loss(self, strength: float) -> Callable[[Floats], tuple[float, Floats]]:
        """Loss and gradient of the numbers (log t, b, own …)."""

        def of(theta: Floats) -> tuple[float, Floats]:
            own = theta[2:]
            mapped = self._mapped(own)
            lengths = np.linalg.norm(mapped, axis=1, keepdims=True) + _TINY
            units = mapped / lengths
            of_query, of_candidate = units[self.query], units[self.candidate]
            cosine = np.einsum("ij,ij->i", of_query, of_candidate).astype(np.float64)
            scale = _scales(theta[0])
            logit = np.clip(scale * cosine + theta[1], -60, 60)
            entropy = self.weight @ (np.logaddexp(0, logit) - self.share * logit)
            pull = self.weight * (1 / (1 + np.exp(-logit)) - self.share)
            by_pair = (pull * scale).astype(np.float32)[:, None]
            to_units = self.to_query @ (by_pair * of_candidate) + self.to_candidate @ (by_pair * of_query)
            to_mapped = (to_units - np.sum(to_units * units, axis=1, keepdims=True) * units) / lengths
            gradient = self._back(mapped, to_mapped) + 2 * strength * own
            ends = [float(pull @ cosine) * scale, float(pull.sum())]
            return float(entropy + strength * (own @ own)), np.concatenate([ends, gradient])

        return of

    def _mapped(self, own: Floats) -> Floats32:
        if self.shape == "full":
            width = self.rows.shape[1]
            return self.rows + self.rows @ own.reshape(width, width).astype(np.float32)
        return np.asarray(self.rows * _scales(self._spread(own)).astype(np.float32), dtype=np.float32)

    def _back(self, mapped: Floats32, to_mapped: Floats32) -> Floats:
        if self.shape == "full":
            return np.asarray((self.rows.T @ to_mapped).ravel(), dtype=np.float64)
        by_direction: Floats = np.einsum("ij,ij->j", mapped, to_mapped).astype(np.float64)
        if self.shape == "diagonal":
            return by_direction
        return np.asarray(np.bincount(self.block_of, by_direction), dtype=np.float64)

    def _spread(self, own: Floats) -> Floats:
        return np.asarray(own[self.block_of] if self.shape == "scale" else own, dtype=np.float64)


def _scales(logarithms: Any) -> Any:
    # A search for the length of a step may try one so long that float32 ends; no map is meant to be near it.
    return np.exp(np.clip(logarithms, -_FARTHEST, _FARTHEST))


def _unit(rows: Floats32) -> Floats32:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _TINY), dtype=np.float32)
