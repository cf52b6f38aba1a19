"""Approval of a contender, from the votes on the pairs that it put first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WeightedVotes:
    """The votes credited to one contender, gathered by importance weight: all that its approval depends on.

    `weights[k]` is 1 / (Q π): Q queries, π the stored probability with which the pair was drawn.
    `dope[k]` and `nope[k]` count the votes of that weight. Three arrays of shape (K,); K may be 0.
    """

    weights: FloatArray
    dope: FloatArray
    nope: FloatArray

    @classmethod
    def from_counts(cls, weights: ArrayLike, dope: ArrayLike, nope: ArrayLike) -> WeightedVotes:
        """Checked arrays out of anything like them; ValueError for weights that are not above 0 or odd counts."""
        arrays = [np.asarray(values, dtype=np.float64) for values in (weights, dope, nope)]
        if any(values.ndim != 1 or values.shape != arrays[0].shape for values in arrays):
            raise ValueError("weights, dope and nope must be flat and of the same length")
        if not all(np.isfinite(values).all() for values in arrays):
            raise ValueError("weights and counts must be finite")
        if (arrays[0] <= 0).any() or any((values < 0).any() for values in arrays[1:]):
            raise ValueError("weights must be above 0, counts must not be negative")
        return cls(*arrays)

    @property
    def count(self) -> int:
        """How many votes there are."""
        return int(self.dope.sum() + self.nope.sum())

    def swap_verdicts(self) -> WeightedVotes:
        """The same votes with dope and nope exchanged."""
        return WeightedVotes(self.weights, self.nope, self.dope)


def estimate_approval(votes: WeightedVotes) -> float | None:
    """Self-normalised (Hájek) estimate of the share of dope, between 0 and 1; None without votes.

    Â = Σ w y / Σ w. Without the weights, pairs that many contenders share would count too much, since they are
    shown more often per contender and liked more.

    >>> round(estimate_approval(WeightedVotes.from_counts([1.0, 3.0], [4, 1], [2, 1])), 3)
    0.583
    """
    mass = float(votes.weights @ (votes.dope + votes.nope))
    return float(votes.weights @ votes.dope) / mass if mass else None
