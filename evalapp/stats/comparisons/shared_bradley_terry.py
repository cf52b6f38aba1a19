"""Strengths of contenders that often show the same candidate: one comparison speaks about all who stand behind each.

Every comparison of two candidates is counted for each contender behind the one against each behind the other, as if
these two had met alone. That is a composite likelihood (Varin, Reid and Firth 2011): its maximum is that of
`bradley_terry`, its covariance is not the inverse information but a sandwich, here with voters as clusters, who also
tie together what was counted several times.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from evalapp.stats.comparisons.bradley_terry import (
    LEFT,
    RIGHT,
    TIE,
    Codes,
    Comparisons,
    FloatArray,
    Strengths,
    expected_outcomes,
    fit_newton,
)
from evalapp.stats.intervals.normal_mixture import LEAST_VOTERS, inflate_variances, mixture_radius

Members = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Share:
    """Chances [K] between 0 and 1 with their confidence sequences; nan, 0 and 1 where nothing is known."""

    estimates: FloatArray
    low: FloatArray
    high: FloatArray

    def take_slice(self, which: slice) -> Share:
        """Some of them."""
        return Share(self.estimates[which], self.low[which], self.high[which])


@dataclass(frozen=True, slots=True)
class TeamStrengths:
    """`against_average` [M]: the chance to be found closer than an average contender, sides and ties aside. `left` [1]:
    the chance that of two equals the left one is, if either. `fitted` has the parameters with their covariance."""

    fitted: Strengths
    against_average: Share
    left: Share


def count_team_comparisons(left: Members, right: Members, outcomes: Codes) -> Comparisons:
    """Comparisons [M, M] out of n: who stood behind the left and the right candidate [n, M]; LEFT, RIGHT or TIE [n].

    >>> left, right = np.array([[True, True, False]]), np.array([[False, False, True]])
    >>> count_team_comparisons(left, right, np.array([LEFT])).left.tolist()
    [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    """
    one, other = left.astype(np.float64), right.astype(np.float64)
    tables = [one[outcomes == said].T @ other[outcomes == said] for said in (LEFT, RIGHT, TIE)]
    return Comparisons(*tables)


def team_strengths(left: Members, right: Members, outcomes: Codes, voters: Codes, alpha: float = 0.05) -> TeamStrengths:
    """Strengths over their mean from n comparisons by voters with codes from 0, with intervals valid at every moment.

        δ_i = θ_i - mean θ,    V_i = n/(n - 5) (H⁻¹ Σ_v s_v s_vᵀ H⁻¹)_ii,    |δ̂_i - δ_i| ≤ radius(h_i² V_i) / h_i

    s_v are a voter's scores, H the information, n effective voters (`inflate_variances`), h_i the inverse of
    (H⁻¹)_ii for the same δ_i, which makes sums of it. Asymptotic in the voters; 0 to 1 below 20 of them.

    >>> random = np.random.default_rng(1)
    >>> left = np.repeat([[True, False], [False, True]], 300, axis=0)
    >>> won = np.where(random.random(600) < np.repeat([0.7, 0.3], 300), LEFT, RIGHT)
    >>> found = team_strengths(left, ~left, won, np.arange(600) % 60)
    >>> bool(found.against_average.low[0] > 0.5 > found.against_average.high[1]), found.left.estimates.round(1).tolist()
    (True, [0.5])
    """
    data = count_team_comparisons(left, right, outcomes)
    fitted = fit_newton(data)
    bread, scores = fitted.covariance, _voter_scores(fitted, left, right, outcomes, voters)
    clustered = bread @ scores.T @ scores @ bread
    masses = np.bincount(voters, minlength=1).astype(np.float64)
    met = (left | right).any(axis=0)
    # Rows are what is told: each contender over the mean of all, then the side.
    count = data.contenders
    told = np.zeros((count + 1, count + 2))
    told[:count, :count], told[count, count] = np.eye(count) - 1 / count, 1.0
    values = told @ np.r_[fitted.theta, fitted.side, 0.0]
    half = _interval_radii(np.diagonal(told @ bread @ told.T), np.diagonal(told @ clustered @ told.T), masses, alpha)
    share = _chances_with_bounds(values, half, np.r_[met, met.any()])
    strengths = replace(fitted, covariance=clustered)
    return TeamStrengths(strengths, share.take_slice(slice(0, count)), share.take_slice(slice(count, None)))


def _interval_radii(plain: FloatArray, clustered: FloatArray, masses: FloatArray, alpha: float) -> FloatArray:
    if (masses > 0).sum() < LEAST_VOTERS:
        return np.full(len(plain), np.inf)
    information = 1 / np.maximum(plain, 1e-12)
    wide = inflate_variances(clustered * information**2, masses.sum(), (masses**2).sum())
    return mixture_radius(wide, alpha) / information


def _chances_with_bounds(values: FloatArray, half: FloatArray, known: Members) -> Share:
    low, high = (np.asarray(expit(edge)) for edge in (values - half, values + half))
    return Share(np.where(known, expit(values), np.nan), np.where(known, low, 0.0), np.where(known, high, 1.0))


def _voter_scores(fitted: Strengths, left: Members, right: Members, outcomes: Codes, voters: Codes) -> FloatArray:
    """Derivatives of each voter's part of the likelihood [voters, M + 2], over all it was counted for."""
    half, tie = expected_outcomes(fitted)
    left_members, right_members = left.astype(np.float64), right.astype(np.float64)
    behind, against = left_members.sum(axis=1), right_members.sum(axis=1)
    won = (outcomes == LEFT) + 0.5 * (outcomes == TIE)
    gains = left_members * (won[:, None] * against[:, None] - right_members @ half.T)
    losses = right_members * (won[:, None] * behind[:, None] - left_members @ half)
    tied = (outcomes == TIE) * behind * against - (left_members * (right_members @ tie.T)).sum(axis=1)
    vote_scores = np.column_stack([gains - losses, gains.sum(axis=1), tied if np.isfinite(fitted.ties) else 0 * tied])
    summed = np.zeros((int(voters.max(initial=-1)) + 1, vote_scores.shape[1]))
    np.add.at(summed, voters, vote_scores)
    return summed
