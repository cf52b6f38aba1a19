"""All that the votes say about M contenders, as sums: adding a vote costs O(M²), whatever was added before.

Every sum is linear in the votes but the squares of voters' own sums, and those follow from the voters' rows before and
after. So votes may come in any order and in any portions, and adding with the sign -1 takes them back.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from evalapp.stats.batches import Batch, common_weight, own_weights, pair_weights, stakes
from evalapp.stats.intervals import BETS

FloatArray = NDArray[np.float64]
_CHUNK = 2_000_000
COUNTS = ("weight", "weight2", "votes", "voters")


@dataclass(slots=True)
class VoterSums:
    """Rows of V voters. Per voter and contender, over the voter's votes with their weights:

    `liked` Σ a_i r w 1_i y and `mass` Σ a_i r w 1_i, for approvals; `residual` Σ a r w 1_i (y - m) and, one per voter,
    `weight` Σ a r, for differences; `guard` Σ a_li ψ_li and `stake` Σ a_li r, l the leader of the batch, for stopping.
    """

    liked: FloatArray
    mass: FloatArray
    residual: FloatArray
    guard: FloatArray
    stake: FloatArray
    weight: FloatArray

    @classmethod
    def none(cls, voters: int, contenders: int) -> VoterSums:
        """Rows of voters who have not voted."""
        liked, mass, residual, guard, stake = (np.zeros((voters, contenders)) for _ in range(5))
        return cls(liked, mass, residual, guard, stake, np.zeros(voters))

    def copy(self) -> VoterSums:
        """The same rows, to be changed freely."""
        return VoterSums(*(getattr(self, one.name).copy() for one in fields(self)))


@dataclass(slots=True)
class Evidence:
    """The study's sums over M contenders, G bet sizes and the eras between entries of contenders.

    Approvals: `liked`, `mass` [M]; squares of the voters' sums `liked2`, `cross`, `mass2` [M]; the same of single votes
    `vote_liked2`, `vote_cross`, `vote_mass2` [M]. Differences: `residual` [M], `weight`, and over voters `gram` [M, M],
    `gram_weight` [M], `weight2`; `vote_gram` [M, M] of single votes; `paired`, `paired2` [M, M] with a weight per pair.
    Bets: `log_bets` [eras, G, M, M], of these in batches without a leader `log_open`, in batches with one, against who
    follows it, `log_stops` [eras, G, M]; the guard's sums `guard`, `stake` and, over voters, `guard2`,
    `guard_stake`, `stake2` [M].
    `votes`, `voters` count, `credited` [M] counts votes per contender, `told_apart` [M, M] votes on which two differ.
    """

    liked: FloatArray
    mass: FloatArray
    liked2: FloatArray
    cross: FloatArray
    mass2: FloatArray
    vote_liked2: FloatArray
    vote_cross: FloatArray
    vote_mass2: FloatArray
    residual: FloatArray
    gram: FloatArray
    gram_weight: FloatArray
    vote_gram: FloatArray
    paired: FloatArray
    paired2: FloatArray
    log_bets: FloatArray
    log_open: FloatArray
    log_stops: FloatArray
    guard: FloatArray
    stake: FloatArray
    guard2: FloatArray
    guard_stake: FloatArray
    stake2: FloatArray
    credited: FloatArray
    told_apart: FloatArray
    weight: float = 0.0
    weight2: float = 0.0
    votes: float = 0.0
    voters: float = 0.0

    @classmethod
    def none(cls, contenders: int, eras: int = 1) -> Evidence:
        """Before the first vote."""
        m, g = contenders, len(BETS)
        square = ("gram", "vote_gram", "paired", "paired2", "told_apart")
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(square, (m, m))
        shapes |= {"log_bets": (eras, g, m, m), "log_open": (eras, g, m, m), "log_stops": (eras, g, m)}
        names = [one.name for one in fields(cls) if one.name not in COUNTS]
        return cls(**{name: np.zeros(shapes.get(name, (m,))) for name in names})  # type: ignore[arg-type]

    @property
    def contenders(self) -> int:
        """M."""
        return len(self.liked)


@dataclass(frozen=True, slots=True)
class Credits:
    """n answers of one batch, ready to be added. An answer is one vote, or all votes on what was shown together.

    `voters` [n] rows of the voters; `trust` [n] r; over the votes of an answer `mass` [n, M] Σ r w 1_i, `liked` [n, M]
    Σ r w 1_i y and `moves` [n, M] Σ r w 1_i (y - m), so that ψ_ij is the difference of two columns of `moves`;
    `votes` [n] counts them and `members` [n, M] how many of them each contender is credited with.
    """

    voters: NDArray[np.intp]
    trust: FloatArray
    mass: FloatArray
    liked: FloatArray
    moves: FloatArray
    votes: FloatArray
    members: FloatArray


def credits_of(
    voters: NDArray[np.intp],
    members: NDArray[np.bool_],
    weights: FloatArray,
    trust: FloatArray,
    answers: FloatArray,
    baselines: FloatArray,
    groups: NDArray[np.intp] | None = None,
) -> Credits:
    """Credits of n votes: row of the voter, who put the pair first [n, M], 1 / (Q π), r, y (1, 0 or 1/2), and m.

    Votes with the same number in `groups` [n] are one answer of one voter: they were drawn together, so that only their
    sum has the mean A_i - A_j. Each such answer takes the least of its votes' r.

    >>> members, one = np.array([[True, False]]), np.ones(1)
    >>> found = credits_of(np.array([0]), members, np.array([2.0]), one, one, np.array([0.5]))
    >>> found.mass.tolist(), found.liked.tolist(), found.moves.tolist()
    ([[2.0, 0.0]], [[2.0, 0.0]], [[1.0, 0.0]])
    """
    columns = members.astype(np.float64)
    mass = (trust * weights)[:, None] * columns
    parts = (mass, mass * answers[:, None], mass * (answers - baselines)[:, None], np.ones(len(voters)), columns)
    if groups is None:
        return Credits(voters, trust, *parts)
    _, first, place = np.unique(groups, return_index=True, return_inverse=True)
    summed = [np.zeros((len(first), *part.shape[1:])) for part in parts]
    for total, part in zip(summed, parts, strict=True):
        np.add.at(total, place, part)
    least = np.full(len(first), np.inf)
    np.minimum.at(least, place, trust)
    return Credits(voters[first], least, *summed)


def add(evidence: Evidence, rows: VoterSums, batch: Batch, portion: Credits, sign: float = 1.0) -> None:
    """Add the votes of one batch to the study's sums and to the voters' rows, in place; sign -1 takes them back.

    The counts of `voters` are the caller's: a row tells nothing of a voter whose votes cancel out.

    >>> from evalapp.stats.batches import batch_of
    >>> batch = batch_of(np.eye(2, dtype=bool), np.full(2, 0.5), 1)
    >>> evidence, rows = Evidence.none(2), VoterSums.none(1, 2)
    >>> who, answers, half = np.zeros(2, dtype=int), np.array([1.0, 0.0]), np.full(2, 0.5)
    >>> ready = credits_of(who, np.eye(2, dtype=bool), np.full(2, 2.0), np.ones(2), answers, half)
    >>> add(evidence, rows, batch, ready)
    >>> (evidence.liked / evidence.mass).tolist()
    [1.0, 0.0]
    >>> add(evidence, rows, batch, ready, -1.0)
    >>> evidence.votes, evidence.mass.tolist()
    (0.0, [0.0, 0.0])
    """
    _add_votes(evidence, batch, portion, sign)
    touched = np.unique(portion.voters)
    before = _squares(rows, touched)
    _add_to_rows(rows, batch, portion, sign)
    after = _squares(rows, touched)
    for name, old in before.items():
        setattr(evidence, name, getattr(evidence, name) + after[name] - old)


def _squares(rows: VoterSums, touched: NDArray[np.intp]) -> dict[str, FloatArray | float]:
    """What the touched voters contribute to the sums of squares over voters."""
    liked, mass, residual = rows.liked[touched], rows.mass[touched], rows.residual[touched]
    weight, guard, stake = rows.weight[touched], rows.guard[touched], rows.stake[touched]
    return {
        "liked2": (liked * liked).sum(axis=0),
        "cross": (liked * mass).sum(axis=0),
        "mass2": (mass * mass).sum(axis=0),
        "gram": residual.T @ residual,
        "gram_weight": weight @ residual,
        "weight2": float(weight @ weight),
        "guard2": (guard * guard).sum(axis=0),
        "guard_stake": (guard * stake).sum(axis=0),
        "stake2": (stake * stake).sum(axis=0),
    }


def _add_to_rows(rows: VoterSums, batch: Batch, portion: Credits, sign: float) -> None:
    own, common = sign * own_weights(batch), sign * common_weight(batch)
    np.add.at(rows.mass, portion.voters, own * portion.mass)
    np.add.at(rows.liked, portion.voters, own * portion.liked)
    np.add.at(rows.residual, portion.voters, common * portion.moves)
    np.add.at(rows.weight, portion.voters, common * portion.trust)
    if batch.leader >= 0:
        ahead = portion.moves[:, [batch.leader]] - portion.moves
        led = sign * pair_weights(batch)[batch.leader]
        np.add.at(rows.guard, portion.voters, led * ahead)
        np.add.at(rows.stake, portion.voters, led * portion.trust[:, None])


def _add_votes(evidence: Evidence, batch: Batch, portion: Credits, sign: float) -> None:
    own, common = own_weights(batch), common_weight(batch)
    evidence.mass += sign * own * portion.mass.sum(axis=0)
    evidence.liked += sign * own * portion.liked.sum(axis=0)
    evidence.vote_mass2 += sign * own**2 * (portion.mass**2).sum(axis=0)
    evidence.vote_cross += sign * own**2 * (portion.mass * portion.liked).sum(axis=0)
    evidence.vote_liked2 += sign * own**2 * (portion.liked**2).sum(axis=0)
    evidence.credited += sign * portion.members.sum(axis=0)
    evidence.votes += sign * float(portion.votes.sum())
    evidence.weight += sign * common * float(portion.trust.sum())
    _add_pairs(evidence, batch, portion, sign)


def _add_pairs(evidence: Evidence, batch: Batch, portion: Credits, sign: float) -> None:
    pairs, common, leader = pair_weights(batch), common_weight(batch), batch.leader
    residual = portion.moves.sum(axis=0)
    spread = portion.moves.T @ portion.moves
    evidence.residual += sign * common * residual
    evidence.vote_gram += sign * common**2 * spread
    evidence.paired += sign * pairs * _apart(residual)
    evidence.paired2 += sign * pairs**2 * _squares_apart(spread)
    evidence.told_apart += sign * _squares_apart(portion.members.T @ portion.members)
    gains = _log_gains(stakes(batch), portion.moves)
    evidence.log_bets[batch.era] += sign * gains
    if leader < 0:
        evidence.log_open[batch.era] += sign * gains
    else:
        evidence.log_stops[batch.era] += sign * gains[:, leader, :]
        evidence.guard += sign * pairs[leader] * (residual[leader] - residual)
        evidence.stake += sign * pairs[leader] * float(portion.trust.sum())


def _apart(values: FloatArray) -> FloatArray:
    return values[:, None] - values


def _squares_apart(gram: FloatArray) -> FloatArray:
    """Σ (x_i - x_j)² [M, M] out of Σ x_i x_j."""
    alone = np.diagonal(gram)
    return alone[:, None] + alone - 2 * gram


def _log_gains(bets: FloatArray, moves: FloatArray) -> FloatArray:
    """Σ_t log(1 + λ_g ψ_ij,t) [G, M, M]."""
    total = np.zeros(bets.shape)
    step = max(1, _CHUNK // bets.size)
    for start in range(0, len(moves), step):
        part = moves[start : start + step]
        psi = part[:, None, :, None] - part[:, None, None, :]
        total += np.log1p(bets * psi).sum(axis=0)
    return total


def log_wealth(log_products: FloatArray) -> FloatArray:
    """Log of the e-value of bets [eras, G, ...]: within an era the mean over bet sizes, over eras the product.

    When a contender enters, the wealth so far is spread evenly over the sizes again, which is a new mean.

    >>> log_wealth(np.log([[[4.0], [2.0]], [[1.0], [3.0]]])).round(4).tolist() == [round(float(np.log(3 * 2)), 4)]
    True
    """
    return np.asarray((logsumexp(log_products, axis=1) - np.log(log_products.shape[1])).sum(axis=0))
