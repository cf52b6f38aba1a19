"""Intervals over queries: how much a score would move if other queries of the same kind had been asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWS = 2000
_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over `n` queries with the bounds of its interval; all None where no query is known."""

    value: float | None
    low: float | None
    high: float | None
    n: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies wholly on one side of 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def bootstrap(
    per_query: NDArray[np.float64],
    *,
    clusters: NDArray[np.int64] | None = None,
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval:
    """The mean of per-query values [Q] with a percentile bootstrap interval; NaN is passed over.

    Queries are drawn with replacement; with `clusters` [Q], all queries of a cluster (such as the pictures of one
    product, which succeed and fail together) are drawn as one. The same seed gives the same interval. Formula: the
    percentile method of Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    is_known = ~np.isnan(per_query)
    if not is_known.any():
        return Interval(None, None, None, 0)
    sums, counts = _by_cluster(per_query[is_known], None if clusters is None else clusters[is_known])
    means = _resampled_means(sums, counts, draws, seed)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(per_query[is_known].mean()), float(low), float(high), int(is_known.sum()))


def paired_difference(
    one: NDArray[np.float64],
    other: NDArray[np.float64],
    *,
    clusters: NDArray[np.int64] | None = None,
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval:
    """By how much `one` [Q] beats `other` [Q] on the same queries, with its bootstrap interval.

    Only queries known to both count. Exactly 0 with bounds 0 where both say the same of every query. Raises
    ValueError where the two are of different queries.
    """
    if one.shape != other.shape:
        raise ValueError(f"Paired scores are of the same queries; these are of {len(one)} and {len(other)}.")
    return bootstrap(one - other, clusters=clusters, level=level, draws=draws, seed=seed)


def _by_cluster(
    values: NDArray[np.float64], clusters: NDArray[np.int64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if clusters is None:
        return values, np.ones(len(values))
    _, number = np.unique(clusters, return_inverse=True)
    return np.bincount(number, weights=values).astype(np.float64), np.bincount(number).astype(np.float64)


def _resampled_means(
    sums: NDArray[np.float64], counts: NDArray[np.float64], draws: int, seed: int
) -> NDArray[np.float64]:
    """Means [draws] of resampled clusters, a block of draws at a time so that memory stays bounded."""
    rng = np.random.default_rng(seed)
    n = len(sums)
    at_once = max(1, _CELLS // n)
    means = []
    for start in range(0, draws, at_once):
        # Not `integers`: what it draws depends on how many are drawn at once.
        chosen = (rng.random((min(at_once, draws - start), n)) * n).astype(np.int64)
        means.append(sums[chosen].sum(axis=1) / counts[chosen].sum(axis=1))
    return np.concatenate(means)
