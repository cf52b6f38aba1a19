"""Whether an embedding has collapsed: all pictures in one place, or in a few directions only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models_registry.evaluate.vector_checks import describe_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_ROWS = 2000
_CLOSE = 0.99
_FEW_DIRECTIONS = 2.0
_FEW_BLANK = 0.05


@dataclass(frozen=True, slots=True)
class Collapse:
    """What tells of a collapse in vectors [count, dim].

    - `effective_rank`: exp of the entropy of the normalised singular values of the centred vectors, 1 … dim
      (Roy and Vetterli, The Effective Rank, 2007); None where values are not finite or nothing varies
    - `mean_cosine`: mean cosine of two different pictures, 1 where all point the same way; None as above
    - `bit_entropy`: mean entropy in bits of x > 0 per dimension, 0 … 1
    - `finite`: no NaN, no infinity
    - `warnings`: lines for a person, empty where all is well
    - `collapsed`: distances between these vectors mean nothing; a few blank pictures are warned of and no more
    """

    count: int
    dim: int
    finite: bool
    effective_rank: float | None
    mean_cosine: float | None
    bit_entropy: float
    warnings: tuple[str, ...]
    collapsed: bool


def measure_collapse(vectors: NDArray[np.float32], *, seed: int = 0) -> Collapse:
    """Look at vectors [count, dim]; of more than MOST_ROWS rows a seeded draw of so many is decomposed."""
    stats = describe_vectors(vectors)
    rank = cosine = None
    if stats.finite and stats.count > 1:
        rows = vectors
        if len(rows) > MOST_ROWS:
            rows = rows[np.sort(np.random.default_rng(seed).choice(len(rows), MOST_ROWS, replace=False))]
        rank, cosine = effective_rank(rows), mean_cosine(rows)
    warnings = [*stats.warnings]
    if rank is not None and rank < _FEW_DIRECTIONS <= stats.dim and stats.count > stats.dim:
        warnings.append(f"The vectors vary in {rank:.1f} directions of {stats.dim}: nearly all of them say nothing.")
    if cosine is not None and cosine > _CLOSE:
        warnings.append(f"Two pictures have a cosine of {cosine:.3f} on average: the vectors point the same way.")
    only_a_few_blank = 0 < stats.zero_vectors <= _FEW_BLANK * stats.count and len(warnings) == 1
    return Collapse(
        stats.count, stats.dim, stats.finite, rank, cosine, stats.bit_entropy, tuple(warnings),
        bool(warnings) and not only_a_few_blank,
    )  # fmt: skip


def effective_rank(vectors: NDArray[np.float32]) -> float | None:
    """In how many directions vectors [n, d] vary, from 1 to d; None where none of them does."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    values = np.linalg.svd(centred, compute_uv=False)
    total = values.sum()
    if not total > 1e-12 * max(1.0, float(np.abs(vectors).max(initial=0.0))):
        return None
    shares = values[values > 0] / total
    return float(np.exp(-(shares * np.log(shares)).sum()))


def mean_cosine(vectors: NDArray[np.float32]) -> float | None:
    """The mean cosine over all pairs of different rows [n, d]; rows of length 0 are passed over.

    With unit rows u: (|sum u|² - n) / (n (n - 1)). None where fewer than two rows have a direction.
    """
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1)
    units = wide[lengths > 0] / lengths[lengths > 0, None]
    n = len(units)
    if n < 2:
        return None
    total = units.sum(axis=0)
    return float((total @ total - n) / (n * (n - 1)))
