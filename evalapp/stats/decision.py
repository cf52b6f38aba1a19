"""The stopping rule: when a contender may be called the best, or at most a margin below it, at any moment.

Two ways to decide, each with its own share of the risk δ:

- *the best*: one test per contender of "i is the best", which bets that the leader of the moment beats it. Whoever is
  declared is a best one with probability at least 1 - δ_best: only the test of a best one has to hold.
- *within a margin*: for whoever has led, bets against every other that it is at most the margin below, from the vote
  at which it first led (after `LEADS_FROM` votes); only those that are not beaten have to be near. The k-th to lead
  starts with a capital of 2^-k. A wrong statement needs the bets of some leader against a best one to win, or the best
  one to be beaten; the capitals sum to less than 1, so that this happens with probability at most δ_near + δ_best = δ.

Wealth that has once reached its bar (Ville's inequality is about ever reaching it) keeps what it has shown: `Record`
says at which vote. Beside each bet stands a guard, whose variance comes from voters as clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from evalapp.stats.inference import clustered_log_evidence
from evalapp.stats.intervals.normal_mixture import BOUNDLESS, GUARD_TUNINGS, LEAST_VOTERS, LOST_VOTERS, log_evidence
from evalapp.stats.sums.contender_sums import Evidence, log_wealth

FloatArray = NDArray[np.float64]
Flags = NDArray[np.bool_]
Votes = NDArray[np.int64]
Kind = Literal["best", "within_margin"]
_LED = 0.9
LEADS_FROM = 200
"""Leaders of designs published with fewer votes do not count: they come and go, and each would take capital."""
NEAR_SHARE = 0.5
"""Share of the risk that the second way takes; the first takes the rest."""


@dataclass(frozen=True, slots=True)
class Look:
    """The evidence at one moment, as logs of e-values.

    `stops` and `guards` [M] against "i is the best"; `near` and `near_guards` [M, M] for "row is at most the margin
    below column", minus infinity for rows that have not led; `racing` [M] who is in the race.
    """

    stops: FloatArray
    guards: FloatArray
    near: FloatArray
    near_guards: FloatArray
    racing: Flags


@dataclass(slots=True)
class Record:
    """The vote at which each bar was first reached, 0: never. `stops`, `guards` [M], `near`, `near_guards` [M, M]."""

    stops: Votes
    guards: Votes
    near: Votes
    near_guards: Votes

    @classmethod
    def nothing_reached(cls, contenders: int) -> Record:
        """Nothing reached."""
        flat, square = (contenders,), (contenders, contenders)
        return cls(*(np.zeros(shape, dtype=np.int64) for shape in (flat, flat, square, square)))

    @property
    def beaten(self) -> Flags:
        """Contenders shown not to be the best [M]."""
        return (self.stops > 0) & (self.guards > 0)

    @property
    def close(self) -> Flags:
        """[M, M] row is surely at most the margin below column."""
        return (self.near > 0) & (self.near_guards > 0)

    @property
    def latest(self) -> int:
        """The last vote at which a bar was reached."""
        return max(int(one.max(initial=0)) for one in (self.stops, self.guards, self.near, self.near_guards))

    def note_look(self, look: Look, vote: int, delta: float, margin: float = 0.0) -> None:
        """Write down which bars this look reaches for the first time, in place; `vote` is the last that it knows."""
        best, near = evidence_bars(delta, margin)
        for first_reached, log_e_values, bar in (
            (self.stops, look.stops, best),
            (self.guards, look.guards, best),
            (self.near, look.near, near),
            (self.near_guards, look.near_guards, near),
        ):
            first_reached[(first_reached == 0) & (log_e_values >= bar)] = vote


@dataclass(frozen=True, slots=True)
class Conclusion:
    """Index of the contender that may be declared, -1 for none, and in which way."""

    winner: int
    kind: Kind | None


def evidence_bars(delta: float, margin: float) -> tuple[float, float]:
    """What a log e-value has to reach for "beaten" and for "near": each way has its share of the risk `delta`.

    >>> [round(bar, 2) for bar in evidence_bars(0.05, 0.02)], round(evidence_bars(0.05, 0.0)[0], 2)
    ([3.69, 3.69], 3.0)
    """
    share = NEAR_SHARE if margin > 0 else 0.0
    return float(-np.log(delta * (1.0 - share))), float(-np.log(delta * share)) if share else np.inf


def look_at(
    evidence: Evidence,
    scale: FloatArray,
    *,
    racing: Flags | None = None,
    variances: FloatArray | None = None,
    led: Sequence[int] = (),
    margin: float = 0.0,
) -> Look:
    """All the evidence for a decision. `racing` [M] leaves contenders out, and with them all that was bet on them.

    `variances` [M] are the guard's by the jackknife (`jackknife_variances`), which one heavy voter cannot make small;
    without them those taken are never larger, so that a guard that does not reach its bar needs none. `led` are those
    who have led, in their order.

    >>> from evalapp.stats.inference import worked_example
    >>> evidence, scale = worked_example()
    >>> look_at(evidence, scale).stops.round(1).tolist()
    [-11.2, 64.9]
    """
    count = evidence.contenders
    racing = np.ones(count, dtype=np.bool_) if racing is None else racing
    near, near_guards = np.full((2, count, count), -np.inf)
    if margin > 0 and led:
        capital = np.full(count, -np.inf)
        capital[list(led)] = -np.log(2.0) * (1 + np.arange(len(led)))
        near = log_wealth(evidence.log_near) + capital[:, None]
        near_guards = clustered_log_evidence(evidence, scale, margin, GUARD_TUNINGS) + capital[:, None]
    stops = stop_log_wealth(evidence, racing)
    return Look(stops, guard_log_evidence(evidence, scale, racing, variances), near, near_guards, racing)


def draw_conclusion(record: Record, scale: FloatArray, racing: Flags, margin: float = 0.0) -> Conclusion:
    """The contender that may be declared, if any.

    Contenders that put the same pairs first are equal, and the first of them stands for all. Nothing is decided while a
    rival was never compared: one that has just entered is not beaten.

    >>> record = Record.nothing_reached(2)
    >>> record.stops[1] = record.guards[1] = 480
    >>> draw_conclusion(record, np.array([[0.0, 1.0], [1.0, 0.0]]), np.ones(2, dtype=bool))
    Conclusion(winner=0, kind='best')
    """
    standing = np.flatnonzero(racing & ~record.beaten)
    if 0 < len(standing) < racing.sum() and (scale[np.ix_(standing, standing)] == 0).all():
        return Conclusion(int(standing[0]), "best")
    if margin > 0 and racing.sum() > 1:
        settled = record.close | (scale == 0) | record.beaten | ~racing
        sure = settled.all(axis=1) & racing & ~record.beaten & record.close.any(axis=1)
        if sure.any():
            return Conclusion(int(np.flatnonzero(sure)[0]), "within_margin")
    return Conclusion(-1, None)


def lacking_evidence(look: Look, record: Record, delta: float, margin: float = 0.0) -> FloatArray:
    """How much log evidence [M, M] the row, if it leads, lacks against each column: until the column is beaten or,
    whatever is nearer, until the row is at most the margin below it. 0 where nothing is lacking.

    >>> from evalapp.stats.inference import worked_example
    >>> look = look_at(*worked_example())
    >>> lacking_evidence(look, Record.nothing_reached(2), 0.05).round(1).tolist()
    [[14.2, 0.0], [14.2, 0.0]]
    """
    best, near = evidence_bars(delta, margin)
    stops = np.where(record.stops > 0, 0.0, best - look.stops)
    guards = np.where(record.guards > 0, 0.0, best - look.guards)
    lacks = np.tile(np.maximum(np.maximum(stops, guards), 0.0), (len(stops), 1))
    if margin > 0:
        wealth = np.where(record.near > 0, 0.0, near - look.near)
        voters = np.where(record.near_guards > 0, 0.0, near - look.near_guards)
        lacks = np.minimum(lacks, np.maximum(np.maximum(wealth, voters), 0.0))
    return lacks


def stop_log_wealth(evidence: Evidence, racing: Flags) -> FloatArray:
    """Log F_i [M]: where a leader was known it is bet on; before, the wealth is shared out among bets on all others.

        F_i = mean over g of Π_t (1 + λ_g ψ_leader,i,t) · mean over rivals j of mean over g of Π_t (1 + λ_g ψ_ji,t)

    Both parts are test supermartingales that never move at the same vote, so that their product is one, too. Only
    leaders and rivals that are `racing` are bet on, as if the others had never been.

    >>> from evalapp.stats.inference import worked_example
    >>> evidence, scale = worked_example()
    >>> stop_log_wealth(evidence, np.array([True, True])).round(1).tolist()
    [-11.2, 64.9]
    """
    led = log_wealth(evidence.log_led[:, racing].sum(axis=1))
    rivals = racing & (evidence.entered == 0)
    others = np.where(
        rivals[:, None] & ~np.eye(evidence.contenders, dtype=bool), log_wealth(evidence.log_open), -np.inf
    )
    counts = np.maximum(np.isfinite(others).sum(axis=0), 1)
    # Nobody was bet on against a contender before it entered.
    alone = ~np.isfinite(others).any(axis=0) | (evidence.entered > 0)
    shared = np.where(alone, 0.0, logsumexp(np.where(alone, 0.0, others), axis=0) - np.log(counts))
    return np.asarray(led + shared)


def guard_log_evidence(
    evidence: Evidence, scale: FloatArray, racing: Flags, variances: FloatArray | None = None
) -> FloatArray:
    """Log e-values [M] against "i is the best", with the variance that voters bring; 0 before 20 voters.

    Most of it is the mixture of the sums that the stopping rule bets on, a tenth the mean of those of all others
    against i, for votes that came before there was a leader to bet on. Those sums do not tell leaders apart: where one
    that was bet on is not `racing` any more, only the mean of the others is left. `variances` [M] are the jackknife's,
    if known; else the plain sums of squares are taken, which are smaller.

    >>> from evalapp.stats.inference import worked_example
    >>> evidence, scale = worked_example()
    >>> guard_log_evidence(evidence, scale, np.array([True, True])).round(1).tolist()
    [-0.1, 850.6]
    """
    count = evidence.contenders
    if evidence.voters < LEAST_VOTERS or count < 2:
        return np.zeros(count)
    pairs = clustered_log_evidence(evidence, scale)
    rivals = racing[:, None] & ~np.eye(count, dtype=bool)
    shared = logsumexp(np.where(rivals, pairs, -np.inf), axis=0) - np.log(max(1, racing.sum() - 1))
    if np.abs(evidence.log_led[:, ~racing]).any():
        return np.asarray(shared)
    lead = evidence.guard / np.where(evidence.stake > 0, evidence.stake, 1.0)
    plain = evidence.guard2 - 2 * lead * evidence.guard_stake + lead**2 * evidence.stake2
    centred = np.maximum(plain, 0.0) if variances is None else variances
    led = np.where(evidence.guard2 > 0, log_evidence(evidence.guard, centred, GUARD_TUNINGS), 0.0)
    return np.asarray(np.logaddexp(led + np.log(_LED), shared + np.log(1.0 - _LED)))


def jackknife_variances(sums: FloatArray, weights: FloatArray) -> FloatArray:
    """Variances [M] of Σ_v s_v about the ratio c = Σ s / Σ h of the rest, for voters' sums s and weights h [V, M].

        V = Σ_v ((s_v - c h_v) / (1 - h_v / H))²,    H = Σ h

    A voter with most of the weight pulls c to their own taste and looks as if they agreed with everybody; divided by
    the share of the others, their residual is what it is against those others. Where the effective number of voters
    (H² / Σ h²) is at most 5 nothing is known: those others are too few to judge, and sometimes agree by chance.

    >>> weights = np.r_[8.0, np.ones(16)][:, None]
    >>> jackknife_variances(weights * np.r_[1.0, np.zeros(16)][:, None], weights).round(1).tolist()
    [65.9]
    >>> jackknife_variances(np.array([[8.0], [1.0], [-1.0]]), np.array([[8.0], [1.0], [1.0]])).tolist()
    [1e+30]
    """
    total = weights.sum(axis=0)
    safe = np.where(total > 0, total, 1.0)
    shares = weights / safe
    few = (total > 0) & ((shares**2).sum(axis=0) >= 1.0 / LOST_VOTERS)
    rest = np.where(few, 1.0, 1.0 - shares)
    residuals = (sums - sums.sum(axis=0) / safe * weights) / rest
    return np.where(few, BOUNDLESS, (residuals**2).sum(axis=0))
