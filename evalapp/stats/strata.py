"""Approvals within strata (categories): unpooled with confidence sequences, and drawn towards the whole for display."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalapp.stats.intervals.normal_mixture import LEAST_VOTERS, inflate_variances, mixture_radius
from evalapp.stats.pooling import pool_groups

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StratumSums:
    """Sums over the voters of each stratum [G], with L_v = Σ w y and M_v = Σ w of a voter's votes in it.

    `liked` Σ L, `mass` Σ M, `liked2` Σ L², `cross` Σ L M, `mass2` Σ M², `votes` and `voters` that there were.
    """

    liked: FloatArray
    mass: FloatArray
    liked2: FloatArray
    cross: FloatArray
    mass2: FloatArray
    votes: FloatArray
    voters: FloatArray


@dataclass(frozen=True, slots=True)
class StratumApprovals:
    """Per stratum [G]: estimate on its own (nan without votes), confidence sequence, and the estimate pooled."""

    estimates: FloatArray
    low: FloatArray
    high: FloatArray
    pooled: FloatArray


def stratum_approvals(sums: StratumSums, alpha: float = 0.05) -> StratumApprovals:
    """Approval in each stratum by the estimator of the whole, its interval from that stratum's voters alone.

        Â_g = Σ L / Σ M,    s_g² = n/(n - 5) Σ_v (L_v - Â_g M_v)² / (Σ M)²,    |Â_g - A_g| ≤ radius(N² s_g²) / N

    with N votes of n effective voters (see `inflate_variances`); 0 to 1 below 20 voters. For pooling, a group in which
    all said the same has no variance of its own: each gets at least that of a share p(1 - p)/N, one dope and one nope
    added.

    >>> columns = ([30.0, 9.0], [60.0, 30.0], [40.0, 9.0], [60.0, 18.0], [120.0, 60.0], [60.0, 30.0], [30.0, 15.0])
    >>> found = stratum_approvals(StratumSums(*map(np.array, columns)))
    >>> found.estimates.tolist(), found.low.round(2).tolist()
    ([0.5, 0.3], [0.09, 0.0])
    """
    known = sums.mass > 0
    estimates, errors = share_and_error(sums)
    centre = np.where(known, estimates, 0.5)
    # In units of an average vote, for which the mixtures of `mixture_radius` are made.
    votes = np.where(known, sums.votes, 1.0)
    scale = votes / np.where(known, sums.mass, 1.0)
    wide = inflate_variances(_squared_residuals(sums, centre) * scale**2, sums.mass, sums.mass2)
    half = np.where(known & (sums.voters >= LEAST_VOTERS), mixture_radius(wide, alpha) / votes, 1.0)
    smoothed = (centre * sums.votes + 1) / (sums.votes + 2)
    variances = np.maximum(errors**2, smoothed * (1 - smoothed) / np.maximum(sums.votes, 1.0))
    pooled = pool_groups(estimates, variances).estimates
    return StratumApprovals(estimates, np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1), pooled)


def share_and_error(sums: StratumSums) -> tuple[FloatArray, FloatArray]:
    """Per stratum [G]: Σ L / Σ M (nan without votes) and its standard error with voters as clusters (0 with one).

    n/(n - 1) is the usual correction for n clusters at one moment; sequences, valid at all of them, take the wider
    n/(n - 5) of `inflate_variances`.

    >>> columns = ([30.0, 9.0], [60.0, 30.0], [40.0, 9.0], [60.0, 18.0], [120.0, 60.0], [60.0, 30.0], [30.0, 15.0])
    >>> share, error = share_and_error(StratumSums(*map(np.array, columns)))
    >>> share.tolist(), error.round(3).tolist()
    ([0.5, 0.3], [0.054, 0.065])
    """
    known = sums.mass > 0
    mass = np.where(known, sums.mass, 1.0)
    share = np.where(known, sums.liked / mass, np.nan)
    centre = np.where(known, share, 0.0)
    small = np.where(sums.voters > 1, sums.voters / np.maximum(sums.voters - 1, 1.0), 0.0)
    return share, np.sqrt(_squared_residuals(sums, centre) * small) / mass


def _squared_residuals(sums: StratumSums, centre: FloatArray) -> FloatArray:
    """Σ_v (L_v - Â_g M_v)² [G]."""
    return np.maximum(sums.liked2 - 2 * centre * sums.cross + centre**2 * sums.mass2, 0.0)
