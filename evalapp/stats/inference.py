"""What may be said of approvals, differences, ranks and the winner, at any moment, from the study's sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr

from evalapp.stats.batches import batch_of, units
from evalapp.stats.evidence import Evidence, VoterSums, add, credits_of, log_wealth
from evalapp.stats.mixture import GUARD_TUNINGS, LEAST_VOTERS, inflated, log_evidence, radius

FloatArray = NDArray[np.float64]
_LED = 0.9


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

    `log_evidence` (log of an e-value) says how strongly the votes speak for row above column, `better` is the normal
    probability of it.
    """

    estimates: FloatArray
    low: FloatArray
    high: FloatArray
    errors: FloatArray
    design_effects: FloatArray
    log_evidence: FloatArray
    better: FloatArray
    alpha: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """`winner` (index, -1 while collecting); `log_stops` and `log_guards` [M]: evidence against "i is the best"."""

    winner: int
    log_stops: FloatArray
    log_guards: FloatArray
    delta: float


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
    evidence = Evidence.none(2)
    add(evidence, VoterSums.none(40, 2), batch, ready)
    evidence.voters = 40.0
    return evidence, units(batch)


def approvals(evidence: Evidence, alpha: float = 0.05) -> Approvals:
    """Self-normalised approvals with confidence sequences whose variance comes from voters as clusters.

        Â_i = Σ a w r 1_i y / Σ a w r 1_i,    |Σ a w r 1_i (y - A_i)| ≤ radius(V_i)
        V_i = n/(n - 5) Σ_v (Σ_{t of v} a w r 1_i (y - Â_i))²,    n effective voters (see `mixture.inflated`)

    Before there are 20 voters nothing is excluded: 0 to 1.

    >>> evidence, scale = worked_example()
    >>> approvals(evidence).estimates.round(2).tolist()
    [1.0, 0.33]
    """
    mass = evidence.mass
    with np.errstate(invalid="ignore", divide="ignore"):
        estimates = np.where(mass > 0, evidence.liked / np.where(mass > 0, mass, 1.0), np.nan)
    centre = np.nan_to_num(estimates)
    clustered = _quadratic(evidence.liked2, evidence.cross, evidence.mass2, centre)
    single = _quadratic(evidence.vote_liked2, evidence.vote_cross, evidence.vote_mass2, centre)
    wide = inflated(clustered, mass, evidence.mass2)
    low, high = _interval(centre, wide, np.where(mass > 0, mass, 0.0), evidence.voters, alpha, 0.0)
    errors = np.sqrt(clustered) / np.where(mass > 0, mass, np.inf)
    return Approvals(estimates, low, high, errors, _ratio(clustered, single), alpha)


def differences(evidence: Evidence, scale: FloatArray, alpha: float = 0.05) -> Differences:
    """Paired differences A_i - A_j, exactly 0 where two contenders put the same pairs first.

        D_ij = Σ a ψ_ij / Σ a r,    V_ij = n/(n - 5) Σ_v (Σ_{t of v} a (ψ_ij - r D_ij))²

    The V_ij of all pairs follow from one Gram matrix of the voters' sums. The evidence for "i above j" is the weaker of
    the bets' and the clustered mixture's, so that neither a heavy voter nor a small sample makes it too strong.

    >>> evidence, scale = worked_example()
    >>> differences(evidence, scale).estimates.round(3).tolist()
    [[0.0, 0.667], [-0.667, 0.0]]
    """
    total = evidence.weight
    sums = evidence.residual[:, None] - evidence.residual
    alike = scale == 0
    estimates = np.where(alike | (total <= 0), 0.0, sums / (total if total > 0 else 1.0))
    clustered = difference_variances(evidence, estimates)
    alone = np.diagonal(evidence.vote_gram)
    single = np.where(alike, 0.0, alone[:, None] + alone - 2 * evidence.vote_gram)
    scaled = inflated(clustered, total, evidence.weight2) * scale**2
    low, high = _interval(estimates, scaled, total * scale, evidence.voters, alpha, -1.0)
    low, high = np.where(alike, 0.0, low), np.where(alike, 0.0, high)
    errors = np.sqrt(clustered) / (total if total > 0 else np.inf)
    log_e = np.minimum(log_wealth(evidence.log_bets), clustered_log_evidence(evidence, scale))
    with np.errstate(invalid="ignore", divide="ignore"):
        better = np.where(errors > 0, ndtr(estimates / np.where(errors > 0, errors, 1.0)), 0.5)
    effects = _ratio(clustered, single)
    return Differences(estimates, low, high, errors, effects, np.where(alike, 0.0, log_e), better, alpha)


def difference_variances(evidence: Evidence, centres: FloatArray) -> FloatArray:
    """V_ij [M, M] over voters of Σ a (ψ_ij - r d_ij), for the differences `centres`.

    >>> evidence, scale = worked_example()
    >>> bool((difference_variances(evidence, np.zeros((2, 2)))[0, 1] > 0))
    True
    """
    alone = np.diagonal(evidence.gram)
    raw = alone[:, None] + alone - 2 * evidence.gram
    lean = evidence.gram_weight[:, None] - evidence.gram_weight
    centred = raw - 2 * centres * lean + centres**2 * evidence.weight2
    return np.maximum(centred, 0.0)


def clustered_log_evidence(evidence: Evidence, scale: FloatArray, margin: float = 0.0) -> FloatArray:
    """Log e-values [M, M] against A_i - A_j <= -margin, voters as clusters; 0 (nothing said) before 20 voters.

    >>> evidence, scale = worked_example()
    >>> clustered_log_evidence(evidence, scale).round(1).tolist()
    [[0.0, 852.9], [-2.4, 0.0]]
    """
    if evidence.voters < LEAST_VOTERS:
        return np.zeros_like(scale)
    total = evidence.weight
    estimates = (evidence.residual[:, None] - evidence.residual) / (total if total > 0 else 1.0)
    sums = (estimates + margin) * total
    wide = inflated(difference_variances(evidence, estimates), total, evidence.weight2)
    found = log_evidence(sums * scale, wide * scale**2)
    return np.asarray(np.where(scale > 0, found, 0.0))


def verdict(
    evidence: Evidence, scale: FloatArray, delta: float = 0.05, racing: NDArray[np.bool_] | None = None
) -> Verdict:
    """The stopping rule: one test per contender of "i is the best", which bets that the leader beats it.

    Declare a when for every i ≠ a both the bets' wealth F_i and the voter-clustered guard reach 1 / delta: under the
    null each bet is fair or losing, so whoever is declared is a best one with probability at least 1 - delta.
    Contenders that put the same pairs first are equal; the first of them stands for all.

    `racing` [M] leaves contenders out: what was bet on one of them says nothing of the best among the others, so that
    "i is the best of those" is tested by the mean of the bets of each of them against i. The mean is over all M - 1, of
    which those left out count as nothing: right whoever is left out, and whenever.

    >>> evidence, scale = worked_example()
    >>> verdict(evidence, scale).winner
    0
    """
    if racing is None or racing.all():
        racing = np.ones(evidence.contenders, dtype=bool)
        stops, guards = stop_log_wealth(evidence), guard_log_evidence(evidence, scale)
    else:
        stops = _against_each(log_wealth(evidence.log_bets), racing)
        guards = _against_each(clustered_log_evidence(evidence, scale), racing)
    beaten = np.minimum(stops, guards) >= -np.log(delta)
    standing = np.flatnonzero(racing & ~beaten)
    equal = len(standing) > 0 and bool((scale[np.ix_(standing, standing)] == 0).all())
    winner = int(standing[0]) if equal and len(standing) < racing.sum() else -1
    return Verdict(winner, stops, guards, delta)


def _against_each(log_e: FloatArray, racing: NDArray[np.bool_]) -> FloatArray:
    """Log of the mean over rivals j of E_ji [M], 0 for those who are not racing and for oneself."""
    rivals = racing & ~np.eye(len(racing), dtype=bool)
    found = logsumexp(np.where(rivals, log_e.T, -np.inf), axis=1)
    return np.asarray(found - np.log(max(1, len(racing) - 1)))


def stop_log_wealth(evidence: Evidence) -> FloatArray:
    """Log F_i [M]: where a leader was known it is bet on; before, the wealth is shared out among bets on all others.

    Both parts are test supermartingales that never move at the same vote, so that their product is one, too.

    >>> evidence, scale = worked_example()
    >>> stop_log_wealth(evidence).round(1).tolist()
    [-5.2, 101.7]
    """
    rivals = evidence.contenders - 1
    if not rivals:
        return np.zeros(1)
    others = np.swapaxes(evidence.log_open, -1, -2)
    others = np.where(np.eye(rivals + 1, dtype=bool), -np.inf, others)
    shared = (logsumexp(others, axis=(1, 3)) - np.log(others.shape[1] * rivals)).sum(axis=0)
    return np.asarray(log_wealth(evidence.log_stops) + shared)


def guard_log_evidence(evidence: Evidence, scale: FloatArray) -> FloatArray:
    """Log e-values [M] against "i is the best", with the variance that voters bring; 0 before 20 voters.

    Most of it is the mixture of the sums that the stopping rule bets on, a tenth the mean of those of all others
    against i, for votes that came before there was a leader to bet on.

    >>> evidence, scale = worked_example()
    >>> guard_log_evidence(evidence, scale).round(1).tolist()
    [-0.1, 850.6]
    """
    count = evidence.contenders
    if evidence.voters < LEAST_VOTERS or count < 2:
        return np.zeros(count)
    lead = evidence.guard / np.where(evidence.stake > 0, evidence.stake, 1.0)
    centred = _quadratic(evidence.guard2, evidence.guard_stake, evidence.stake2, lead)
    centred = centred * evidence.voters / (evidence.voters - 1)
    led = np.where(evidence.guard2 > 0, log_evidence(evidence.guard, centred, GUARD_TUNINGS), 0.0)
    pairs = clustered_log_evidence(evidence, scale)
    others = np.where(np.eye(count, dtype=bool), -np.inf, pairs.T)
    shared = logsumexp(others, axis=1) - np.log(count - 1)
    return np.asarray(np.logaddexp(led + np.log(_LED), shared + np.log(1.0 - _LED)))


def rank_bounds(
    log_e: FloatArray, delta: float = 0.05, racing: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Best and worst rank of each contender [M], all right at once with probability at least 1 - delta.

    best_i = 1 + #{j: E_ji ≥ M/delta}, worst_i = M - #{j: E_ij ≥ M/delta}, over those who are `racing` [M], if told; the
    ranks of the others mean nothing.

    >>> strong = np.log([[1.0, 90.0, 90.0], [0.1, 1.0, 9.0], [0.1, 0.2, 1.0]])
    >>> [bound.tolist() for bound in rank_bounds(strong)]
    [[1, 2, 2], [1, 3, 3]]
    """
    count = len(log_e)
    among = np.ones(count, dtype=bool) if racing is None else racing
    sure = (log_e >= np.log(count / delta)) & ~np.eye(count, dtype=bool) & among[:, None] & among
    return 1 + sure.sum(axis=0), among.sum() - sure.sum(axis=1)


def practically_best(
    evidence: Evidence,
    scale: FloatArray,
    margin: float,
    delta: float = 0.05,
    racing: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Who is surely at most `margin` below every other [M]: the same e-values with ψ + margin, at delta / (M - 1).

    Of those who are `racing` [M], if told; nobody else is it.

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


def _interval(
    centre: FloatArray, variance: FloatArray, total: FloatArray, voters: float, alpha: float, least: float
) -> tuple[FloatArray, FloatArray]:
    if voters < LEAST_VOTERS:
        return np.full_like(centre, least), np.ones_like(centre)
    known = total > 0
    half = np.where(known, radius(variance, alpha) / np.where(known, total, 1.0), np.inf)
    return np.clip(centre - half, least, 1.0), np.clip(centre + half, least, 1.0)


def _quadratic(square: FloatArray, cross: FloatArray, mass2: FloatArray, at: FloatArray) -> FloatArray:
    """Σ (liked - at · mass)², never below 0 by rounding."""
    return np.maximum(square - 2 * at * cross + at * at * mass2, 0.0)


def _ratio(clustered: FloatArray, single: FloatArray) -> FloatArray:
    floor = 1e-12
    return np.where(single > floor, clustered / np.where(single > floor, single, 1.0), np.nan)
