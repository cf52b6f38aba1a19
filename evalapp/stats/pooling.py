"""Partial pooling: many small groups, each drawn towards the whole as far as it is uncertain itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
_ROUNDS = 100


@dataclass(frozen=True, slots=True)
class Pooled:
    """`estimates` [G] drawn towards `mean`; `spread` is the standard deviation between groups beyond chance."""

    estimates: FloatArray
    mean: float
    spread: float


def pool_groups(estimates: ArrayLike, variances: ArrayLike) -> Pooled:
    """Empirical Bayes for G groups: normal errors with known variances around normally spread truths.

        μ = Σ x / (s² + τ²) / Σ 1 / (s² + τ²),    τ² so that Σ (x - μ)² / (s² + τ²) = G - 1, or 0
        pooled = (τ² x + s² μ) / (τ² + s²)

    τ² by Paule and Mandel (1982), which needs no normality. A group without an estimate (nan) gets the mean; without
    any, all are nan. For display: the groups' own intervals say what is known of each. ValueError for variances that
    are not above 0.

    >>> pool_groups([0.2, 0.8, float("nan")], [0.01, 0.01, 1.0]).estimates.round(2).tolist()
    [0.22, 0.78, 0.5]
    >>> pool_groups([0.4, 0.6], [0.5, 0.5]).estimates.round(2).tolist()
    [0.5, 0.5]
    """
    x, s2 = np.asarray(estimates, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    if x.shape != s2.shape or x.ndim != 1:
        raise ValueError("estimates and variances must be flat and of the same length")
    known = np.isfinite(x)
    if not (s2[known] > 0).all():
        raise ValueError("variances must be above 0")
    if not known.any():
        return Pooled(np.full_like(x, np.nan), float("nan"), 0.0)
    tau2 = _variance_between(x[known], s2[known])
    mean = _weighted_mean(x[known], s2[known], tau2)
    drawn = np.full_like(x, mean)
    drawn[known] = (tau2 * x[known] + s2[known] * mean) / (tau2 + s2[known])
    return Pooled(drawn, mean, float(np.sqrt(tau2)))


def _weighted_mean(x: FloatArray, s2: FloatArray, tau2: float) -> float:
    weights = 1.0 / (s2 + tau2)
    return float(weights @ x / weights.sum())


def _variance_between(x: FloatArray, s2: FloatArray) -> float:
    """τ², by bisection: the left side falls as τ² grows."""

    def excess_spread(tau2: float) -> float:
        return float(((x - _weighted_mean(x, s2, tau2)) ** 2 / (s2 + tau2)).sum()) - (len(x) - 1)

    if len(x) < 2 or excess_spread(0.0) <= 0:
        return 0.0
    low, high = 0.0, float(np.var(x) * len(x)) + 1e-12
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess_spread(middle) > 0 else (low, middle)
    return (low + high) / 2
