"""Normal mixtures: evidence and intervals from a sum and its variance, valid at every moment at once.

Robbins (1970); Howard, Ramdas, McAuliffe and Sekhon (2021, Annals of Statistics). With the variance taken from the
data (here: from voters as clusters) they hold asymptotically, so they say nothing before there are `LEAST_VOTERS`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr

FloatArray = NDArray[np.float64]

TUNINGS = np.array([60.0, 600.0, 6000.0])
"""Variances at which the mixtures are sharpest: their mean serves dozens of votes as well as tens of thousands."""
GUARD_TUNINGS = np.array([30.0, 300.0])
"""For the guard of the stopping rule, which is for decisions after hundreds to tens of thousands of votes."""
LEAST_VOTERS = 20
LOST_VOTERS = 5.0
"""So many of the effective voters a variance that is estimated from them costs."""
_HALVINGS = 45
BOUNDLESS = 1e30
"""The variance of what nothing is known of."""


def inflate_variances(variances: ArrayLike, totals: ArrayLike, squares: ArrayLike) -> FloatArray:
    """Variances that were estimated from voters, made larger by n / (n - 5); boundless up to n = 5. Any one shape.

    n = (Σ_v m_v)² / Σ_v m_v² is the effective number of voters (Kish) with masses m_v, of which `totals` and `squares`
    are the sums: a few who vote ten times as much count for what they tell. Studentised by few clusters, a sum has the
    tails of a t distribution; at three standard errors, where mixtures decide, this factor has its quantiles.

    >>> inflate_variances([3.0, 3.0], [20.0, 10.0], [20.0, 20.0]).tolist()
    [4.0, 1e+30]
    """
    square = np.asarray(squares, dtype=np.float64)
    n = np.asarray(totals, dtype=np.float64) ** 2 / np.where(square > 0, square, np.inf)
    enough = n > LOST_VOTERS
    factor = n / np.where(enough, n - LOST_VOTERS, 1.0)
    return np.where(enough, np.asarray(variances) * factor, BOUNDLESS)


def log_evidence(sums: ArrayLike, variances: ArrayLike, tunings: FloatArray = TUNINGS) -> FloatArray:
    """Log of the one-sided e-value against "the mean of the sum is at most 0"; arrays of any one shape.

        e = mean over ρ of 2 sqrt(ρ / (V + ρ)) exp(S² / 2(V + ρ)) Φ(S / sqrt(V + ρ))

    >>> log_evidence([0.0, 60.0, -60.0], [300.0, 300.0, 300.0]).round(2).tolist()
    [-0.31, 3.81, -1.15]
    """
    s, v = np.asarray(sums, dtype=np.float64)[..., None], np.asarray(variances, dtype=np.float64)[..., None]
    wide = v + tunings
    logs = np.log(2.0) + 0.5 * np.log(tunings / wide) + s * s / (2 * wide) + log_ndtr(s / np.sqrt(wide))
    return _log_mean(logs)


def log_evidence_two_sided(sums: ArrayLike, variances: ArrayLike) -> FloatArray:
    """Log of the e-value against "the mean of the sum is 0": mean over ρ of sqrt(ρ / (V + ρ)) exp(S² / 2(V + ρ)).

    >>> float(log_evidence_two_sided(60.0, 300.0).round(2))
    3.12
    """
    s, v = np.asarray(sums, dtype=np.float64)[..., None], np.asarray(variances, dtype=np.float64)[..., None]
    wide = v + TUNINGS
    logs = 0.5 * np.log(TUNINGS / wide) + s * s / (2 * wide)
    return _log_mean(logs)


def _log_mean(logs: FloatArray) -> FloatArray:
    """Log of the mean of exp over the last axis, without overflow; bisection asks for it many times."""
    top = logs.max(axis=-1)
    return np.asarray(top + np.log(np.exp(logs - top[..., None]).mean(axis=-1)))


def mixture_radius(variances: ArrayLike, alpha: float = 0.05) -> FloatArray:
    """How far a sum may lie from its mean: the S at which the two-sided e-value reaches 1 / alpha. Same shape.

    With one ρ it is sqrt((V + ρ) log((V + ρ) / (ρ alpha²))); the mean over ρ has no closed form and is bisected,
    rounded outwards. ValueError for an alpha outside (0, 1).

    >>> mixture_radius([0.0, 100.0, 10_000.0]).round(1).tolist()
    [22.0, 38.0, 321.6]
    """
    if not 0 < alpha < 1:
        raise ValueError("alpha must lie between 0 and 1")
    v = np.asarray(variances, dtype=np.float64)
    limit = -np.log(alpha)
    # The mean of e-values is at least a third of each, so that each ρ alone at alpha / 3 bounds S from above.
    wide = v[..., None] + TUNINGS
    shrunk = np.log(wide / TUNINGS) + 2 * (limit + np.log(len(TUNINGS)))
    high = np.sqrt((wide * shrunk).min(axis=-1))
    low = np.zeros_like(high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        inside = log_evidence_two_sided(middle, v) < limit
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return np.asarray(high)
