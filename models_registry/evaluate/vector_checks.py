"""Whether vectors can tell pictures apart: run after every extraction, since broken ones win silently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FEW_BITS = 0.05


@dataclass(frozen=True, slots=True)
class VectorStats:
    """What a table of vectors [count, dim] looks like.

    `bit_entropy` is the mean over dimensions of the entropy, in bits, of x > 0: 0 where every picture has the
    same bit, 1 where half have it. `constant_dims` counts dimensions with one value for all pictures.
    `warnings` are lines for a person, empty where all is well.
    """

    count: int
    dim: int
    finite: bool
    constant_dims: int
    zero_vectors: int
    bit_entropy: float
    warnings: tuple[str, ...]


def describe_vectors(vectors: NDArray[np.float32]) -> VectorStats:
    """Look at vectors [count, dim] for what makes distances between them meaningless."""
    count, dim = vectors.shape
    if count == 0:
        return VectorStats(0, dim, True, 0, 0, 0.0, ("There are no vectors.",))
    finite = bool(np.isfinite(vectors).all())
    constant = int(np.count_nonzero((vectors == vectors[0]).all(axis=0)))
    zeros = int(np.count_nonzero(~vectors.any(axis=1)))
    entropy = _bit_entropy((vectors > 0).mean(axis=0))
    warnings = tuple(_warning_lines(count, dim, finite, constant, zeros, entropy))
    return VectorStats(count, dim, finite, constant, zeros, entropy, warnings)


def _warning_lines(count: int, dim: int, finite: bool, constant: int, zeros: int, entropy: float) -> list[str]:
    lines = []
    if not finite:
        lines.append("Some values are NaN or infinity: no distance to them means anything.")
    if count > 1 and constant == dim:
        lines.append("All vectors are equal: every picture is every other's neighbour.")
    elif count > 1 and entropy < _FEW_BITS:
        lines.append(
            "Almost no bit x > 0 differs between pictures: hamming tells them apart by chance; use l2 or cosine."
        )
    if zeros:
        lines.append(f"{zeros} of {count} vectors are all zeros: cosine is not defined for them.")
    return lines


def _bit_entropy(share: NDArray[np.float64]) -> float:
    """Mean entropy in bits of dimensions whose bit is set for this share of the pictures."""
    inside = share[(share > 0) & (share < 1)]
    entropy = -(inside * np.log2(inside) + (1 - inside) * np.log2(1 - inside))
    return float(entropy.sum() / len(share))
