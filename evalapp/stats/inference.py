"""What may be said of approvals, differences, ranks and the winner, at any moment, from the study's sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from evalapp.stats.intervals.normal_mixture import (
    LEAST_VOTERS,
    TUNINGS,
    inflate_variances,
    log_evidence,
    mixture_radius,
)
from evalapp.stats.sums.contender_sums import Evidence, VoterSums, add_portion, credits_of, log_wealth
from evalapp.stats.sums.epochs import batch_of, difference_units

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Approvals:
    """Per contender [M]: estimate (nan without votes), confidence sequence, standard error and design effect."""

    estimates: FloatArray
    low: FloatArray
    high: FloatArray
    errors: FloatArray
    design_effects: FloatArray
    alpha: float


@dataclass(frozen=True, slots=True)
class Differences:
    """Per ordered pair [M, M], row less column: estimate, confidence sequence, standard error, design effect.

    `log_evidence` (log of an e-value) says how strongly the votes speak for row above column, `better` is the
    probability of it. `alike` puts the same pairs first; of those that are not `compared` nothing is known.
    """

    estimates: FloatArray
    low: FloatArray
    high: FloatArray
    errors: FloatArray
    design_effects: FloatArray
    log_evidence: FloatArray
    better: FloatArray
    alike: NDArray[np.bool_]
    compared: NDArray[np.bool_]
    alpha: float


def worked_example() -> tuple[Evidence, FloatArray]:
    """The evidence of 40 voters who all like the first of two contenders and refuse the second in two of three votes,
    and the units of its differences: what the examples of this module work with.

    >>> evidence, scale = worked_example()
    >>> evidence.votes, evidence.voters, scale.tolist()
    (480.0, 40.0, [[0.0, 1.0], [1.0, 0.0]])
    """
    batch = batch_of(np.eye(2, dtype=np.bool_), np.full(2, 0.5), 1)
    voters, turn = np.repeat(np.arange(40), 12), np.tile(np.arange(12), 40)
    members = np.eye(2, dtype=np.bool_)[turn % 2]
    answers = np.where(turn % 2 == 0, 1.0, (turn + voters) % 3 == 0).astype(np.float64)
    ready = credits_of(voters, members, np.full(480, 2.0), np.ones(480), answers, np.full(480, 0.5))
    evidence = Evidence.before_votes(2)
    add_portion(evidence, VoterSums.zeros_for(40, 2), batch, ready)
    evidence.voters = 40.0
    return evidence, difference_units(batch)


def estimate_approvals(evidence: Evidence, alpha: float = 0.05) -> Approvals:
    """Self-normalised approvals with confidence sequences whose variance comes from voters as clusters.

        Â_i = Σ a w r 1_i y / Σ a w r 1_i,    |Σ a w r 1_i (y - A_i)| ≤ radius(V_i)
        V_i = n/(n - 5) Σ_v (Σ_{t of v} a w r 1_i (y - Â_i))²,    n effective voters (see `inflate_variances`)

    Before there are 20 voters nothing is excluded: 0 to 1.

    >>> evidence, scale = worked_example()
    >>> estimate_approvals(evidence).estimates.round(2).tolist()
    [1.0, 0.33]
    """
    mass = evidence.mass
    with np.errstate(invalid="ignore", divide="ignore"):
        estimates = np.where(mass > 0, evidence.liked / np.where(mass > 0, mass, 1.0), np.nan)
    centre = np.nan_to_num(estimates)
    clustered = _squared_residuals(evidence.liked2, evidence.cross, evidence.mass2, centre)
    single = _squared_residuals(evidence.vote_liked2, evidence.vote_cross, evidence.vote_mass2, centre)
    wide = inflate_variances(clustered, mass, evidence.mass2)
    low, high = _clipped_interval(centre, wide, np.where(mass > 0, mass, 0.0), evidence.voters, alpha, 0.0)
    errors = np.sqrt(clustered) / np.where(mass > 0, mass, np.inf)
    return Approvals(estimates, low, high, errors, _variance_ratio(clustered, single), alpha)


def estimate_differences(evidence: Evidence, scale: FloatArray, alpha: float = 0.05) -> Differences:
    """Paired differences A_i - A_j, exactly 0 where two contenders put the same pairs first.

        D_ij = Σ a ψ_ij / Σ a r,    V_ij = n/(n - 5) Σ_v (Σ_{t of v} a (ψ_ij - r D_ij))²

    over the votes of the eras in which both took part. Where there are none, nothing is excluded. The evidence for "i
    above j" is the weaker of the bets' and the clustered mixture's, so that neither a heavy voter nor a small sample
    makes it too strong. `better` see `chances_better`.

    >>> evidence, scale = worked_example()
    >>> estimate_differences(evidence, scale).estimates.round(3).tolist()
    [[0.0, 0.667], [-0.667, 0.0]]
    """
    total = _at_level(evidence, evidence.weight)
    alike, unknown = scale == 0, np.isnan(scale)
    known = ~alike & ~unknown & (total > 0)
    estimates = np.where(known, _differences_at_level(evidence, evidence.residual) / np.where(known, total, 1.0), 0.0)
    clustered = difference_variances(evidence, estimates)
    single = np.where(known, evidence.vote_spread, 0.0)
    sized = np.where(known, scale, 1.0)
    scaled = inflate_variances(clustered, total, _at_level(evidence, evidence.weight2)) * sized**2
    low, high = _clipped_interval(estimates, scaled, np.where(known, total * sized, 0.0), evidence.voters, alpha, -1.0)
    low, high = np.where(alike, 0.0, low), np.where(alike, 0.0, high)
    errors = np.where(known, np.sqrt(clustered) / np.where(known, total, 1.0), 0.0)
    log_e = np.minimum(log_wealth(evidence.log_bets), clustered_log_evidence(evidence, scale))
    return Differences(
        estimates,
        low,
        high,
        errors,
        np.where(known, _variance_ratio(clustered, single), np.nan),
        np.where(known, log_e, 0.0),
        chances_better(estimates, errors),
        alike,
        known | alike,
        alpha,
    )


def chances_better(estimates: FloatArray, errors: FloatArray) -> FloatArray:
    """P(row is better than column) [M, M], given the votes and how much the contenders differ among themselves.

        P = Φ(D / s · sqrt(2τ² / (2τ² + s²))),    2τ² = mean over pairs of D² - s², at least 0

    Before the votes a difference is normal with the variance 2τ² that the contenders show (empirical Bayes), so that of
    many that are in truth equal none is called better by chance. 1/2 where nothing is known or nothing can differ.

    >>> chances_better(np.array([[0.0, 0.1], [-0.1, 0.0]]), np.array([[0.0, 0.05], [0.05, 0.0]])).round(2).tolist()
    [[0.5, 0.96], [0.04, 0.5]]
    """
    known = errors > 0
    if not known.any():
        return np.full_like(estimates, 0.5)
    spread = max(0.0, float((estimates[known] ** 2 - errors[known] ** 2).mean()))
    safe = np.where(known, errors, 1.0)
    return np.where(known, ndtr(estimates / safe * np.sqrt(spread / (spread + safe**2))), 0.5)


def difference_variances(evidence: Evidence, centres: FloatArray) -> FloatArray:
    """V_ij [M, M] over voters of Σ a (ψ_ij - r d_ij), for the differences `centres`.

    >>> evidence, scale = worked_example()
    >>> bool((difference_variances(evidence, np.zeros((2, 2)))[0, 1] > 0))
    True
    """
    lean, weight2 = _differences_at_level(evidence, evidence.gram_weight), _at_level(evidence, evidence.weight2)
    return np.maximum(evidence.spread - 2 * centres * lean + centres**2 * weight2, 0.0)


def _at_level(evidence: Evidence, values: FloatArray) -> FloatArray:
    """values [E] of each pair's level [M, M]."""
    return np.asarray(values[evidence.levels])


def _differences_at_level(evidence: Evidence, values: FloatArray) -> FloatArray:
    """values [E, M] of the row less those of the column, each pair at its level [M, M]."""
    levels, place = evidence.levels, np.arange(evidence.contenders)
    return np.asarray(values[levels, place[:, None]] - values[levels, place])


def clustered_log_evidence(
    evidence: Evidence, scale: FloatArray, margin: float = 0.0, tunings: FloatArray = TUNINGS
) -> FloatArray:
    """Log e-values [M, M] against A_i - A_j <= -margin, voters as clusters; 0 (nothing said) before 20 voters.

    >>> evidence, scale = worked_example()
    >>> clustered_log_evidence(evidence, scale).round(1).tolist()
    [[0.0, 852.9], [-2.4, 0.0]]
    """
    if evidence.voters < LEAST_VOTERS:
        return np.zeros_like(scale)
    total = _at_level(evidence, evidence.weight)
    known = (scale > 0) & (total > 0)
    estimates = _differences_at_level(evidence, evidence.residual) / np.where(known, total, 1.0)
    sized = np.where(known, scale, 1.0)
    wide = inflate_variances(difference_variances(evidence, estimates), total, _at_level(evidence, evidence.weight2))
    found = log_evidence((estimates + margin) * total * sized, wide * sized**2, tunings)
    return np.asarray(np.where(known, found, 0.0))


def rank_bar(contenders: int, delta: float = 0.05) -> float:
    """What the log e-value of "better than" has to reach before ranks say so.

    >>> round(rank_bar(5), 2)
    4.61
    """
    return float(np.log(contenders / delta))


def rank_bounds(
    log_e: FloatArray, delta: float = 0.05, racing: NDArray[np.bool_] | None = None, winner: int = -1
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Best and worst rank of each contender [M]; each by itself is right with probability at least 1 - delta.

    best_i = 1 + #{j: E_ji ≥ M/delta}, worst_i = M - #{j: E_ij ≥ M/delta}, over those who are `racing` [M], if told; the
    ranks of the others mean nothing. All at once would need M (M - 1) / 2 in the place of M: of 80 equal contenders
    some range was wrong in 17 % of studies. A `winner` has rank 1, the others a later one.

    >>> strong = np.log([[1.0, 90.0, 90.0], [0.1, 1.0, 9.0], [0.1, 0.2, 1.0]])
    >>> [bound.tolist() for bound in rank_bounds(strong)]
    [[1, 2, 2], [1, 3, 3]]
    """
    count = len(log_e)
    among = np.ones(count, dtype=bool) if racing is None else racing
    sure = (log_e >= rank_bar(count, delta)) & ~np.eye(count, dtype=bool) & among[:, None] & among
    best, worst = 1 + sure.sum(axis=0), among.sum() - sure.sum(axis=1)
    if winner >= 0:
        others = np.arange(count) != winner
        best[others] = np.maximum(best[others], 2)
        worst[others] = np.maximum(worst[others], best[others])
        best[winner] = worst[winner] = 1
    return best, worst


def practically_best(
    evidence: Evidence,
    scale: FloatArray,
    margin: float,
    delta: float = 0.05,
    racing: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Contenders shown to be at most `margin` below every other [M], among those that are `racing` [M] (None: all).

    The same e-values with ψ + margin, each at delta / (M - 1).

    A contender that puts the same pairs first differs by exactly 0 and needs no evidence.

    >>> evidence, scale = worked_example()
    >>> practically_best(evidence, scale, margin=0.05).tolist()
    [True, False]
    """
    count = evidence.contenders
    among = np.ones(count, dtype=bool) if racing is None else racing
    if among.sum() < 2:
        return np.zeros(count, dtype=bool)
    log_e = clustered_log_evidence(evidence, scale, margin)
    close = (log_e >= np.log((count - 1) / delta)) | (scale == 0)
    return np.asarray((close | ~among).all(axis=1) & among)


def _clipped_interval(
    centre: FloatArray, variance: FloatArray, total: FloatArray, voters: float, alpha: float, least: float
) -> tuple[FloatArray, FloatArray]:
    if voters < LEAST_VOTERS:
        return np.full_like(centre, least), np.ones_like(centre)
    known = total > 0
    half = np.where(known, mixture_radius(variance, alpha) / np.where(known, total, 1.0), np.inf)
    return np.clip(centre - half, least, 1.0), np.clip(centre + half, least, 1.0)


def _squared_residuals(square: FloatArray, cross: FloatArray, mass2: FloatArray, at: FloatArray) -> FloatArray:
    """Σ (liked - at · mass)², never below 0 by rounding."""
    return np.maximum(square - 2 * at * cross + at * at * mass2, 0.0)


def _variance_ratio(clustered: FloatArray, single: FloatArray) -> FloatArray:
    floor = 1e-12
    return np.where(single > floor, clustered / np.where(single > floor, single, 1.0), np.nan)
