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


@dataclass(slots=True)
class VoterSums:
    """Rows of V voters. Per voter and contender, over the voter's votes with their weights:

    `liked` Σ a_i r w 1_i y and `mass` Σ a_i r w 1_i, for approvals; `residual` Σ a r w 1_i (y - m) and, one per voter,
    `weight` Σ a r, for differences; `guard` Σ a_li ψ_li, l the leader of the vote's batch, for the stopping rule.
    """

    liked: FloatArray
    mass: FloatArray
    residual: FloatArray
    guard: FloatArray
    weight: FloatArray

    @classmethod
    def none(cls, voters: int, contenders: int) -> VoterSums:
        """Rows of voters who have not voted."""
        return cls(*(np.zeros((voters, contenders)) for _ in range(4)), np.zeros(voters))

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
    follows it, `log_stops` [eras, G, M]; the guard's sums `guard`, `guard2` [M].
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
    guard2: FloatArray
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
        shapes = {"gram": (m, m), "vote_gram": (m, m), "paired": (m, m), "paired2": (m, m), "told_apart": (m, m)}
        shapes |= {"log_bets": (eras, g, m, m), "log_open": (eras, g, m, m), "log_stops": (eras, g, m)}
        arrays = {one.name: np.zeros(shapes.get(one.name, m)) for one in fields(cls) if one.type == "FloatArray"}
        return cls(**arrays)

    @property
    def contenders(self) -> int:
        """M."""
        return len(self.liked)


@dataclass(frozen=True, slots=True)
class Credits:
    """n votes of one batch, ready to be added: all that counts of each vote, known but for `answers` before it came.

    `voters` [n] rows of the voters; `members` [n, M] who put the pair first; `weights` [n] 1 / (Q π); `trust` [n] r;
    `answers` [n] 1 dope, 0 nope, 1/2 tie; `baselines` [n] m.
    """

    voters: NDArray[np.intp]
    members: NDArray[np.bool_]
    weights: FloatArray
    trust: FloatArray
    answers: FloatArray
    baselines: FloatArray


def add(evidence: Evidence, rows: VoterSums, batch: Batch, portion: Credits, sign: float = 1.0) -> None:
    """Add the votes of one batch to the study's sums and to the voters' rows, in place; sign -1 takes them back.

    The counts of `voters` are the caller's: a row tells nothing of a voter whose votes cancel out.
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
    weight, guard = rows.weight[touched], rows.guard[touched]
    return {
        "liked2": (liked * liked).sum(axis=0),
        "cross": (liked * mass).sum(axis=0),
        "mass2": (mass * mass).sum(axis=0),
        "gram": residual.T @ residual,
        "gram_weight": weight @ residual,
        "weight2": float(weight @ weight),
        "guard2": (guard * guard).sum(axis=0),
    }


def _add_to_rows(rows: VoterSums, batch: Batch, portion: Credits, sign: float) -> None:
    members = portion.members.astype(np.float64)
    mine = members * own_weights(batch) * (sign * portion.trust * portion.weights)[:, None]
    np.add.at(rows.mass, portion.voters, mine)
    np.add.at(rows.liked, portion.voters, mine * portion.answers[:, None])
    common = sign * common_weight(batch)
    moves = _moves(portion)
    np.add.at(rows.residual, portion.voters, common * moves[:, None] * members)
    np.add.at(rows.weight, portion.voters, common * portion.trust)
    if batch.leader >= 0:
        ahead = members[:, [batch.leader]] - members
        np.add.at(rows.guard, portion.voters, sign * moves[:, None] * ahead * pair_weights(batch)[batch.leader])


def _moves(portion: Credits) -> FloatArray:
    """r w (y - m) [n]."""
    return portion.trust * portion.weights * (portion.answers - portion.baselines)


def _add_votes(evidence: Evidence, batch: Batch, portion: Credits, sign: float) -> None:
    members, moves = portion.members.astype(np.float64), _moves(portion)
    own, pairs, common = own_weights(batch), pair_weights(batch), common_weight(batch)
    mass = portion.trust * portion.weights
    answers = portion.answers
    for name, values in (("mass", mass), ("liked", mass * answers)):
        setattr(evidence, name, getattr(evidence, name) + sign * own * (values @ members))
    squares = (("vote_mass2", mass**2), ("vote_cross", mass**2 * answers), ("vote_liked2", (mass * answers) ** 2))
    for name, values in squares:
        setattr(evidence, name, getattr(evidence, name) + sign * own**2 * (values @ members))
    residual = moves @ members
    spread = (members * (moves**2)[:, None]).T @ members
    alone = np.diagonal(spread)
    evidence.residual += sign * common * residual
    evidence.weight += sign * common * float(portion.trust.sum())
    evidence.vote_gram += sign * common**2 * spread
    evidence.paired += sign * pairs * (residual[:, None] - residual)
    evidence.paired2 += sign * pairs**2 * (alone[:, None] + alone - 2 * spread)
    together = members.T @ members
    count = np.diagonal(together)
    evidence.credited += sign * count
    evidence.told_apart += sign * (count[:, None] + count - 2 * together)
    evidence.votes += sign * len(answers)
    gains = _log_gains(stakes(batch), moves, members)
    evidence.log_bets[batch.era] += sign * gains
    if batch.leader < 0:
        evidence.log_open[batch.era] += sign * gains
    else:
        leader = batch.leader
        evidence.log_stops[batch.era] += sign * gains[:, leader, :]
        evidence.guard += sign * pairs[leader] * (residual[leader] - residual)


def _log_gains(bets: FloatArray, moves: FloatArray, members: FloatArray) -> FloatArray:
    """Σ_t log(1 + λ_g ψ_ij,t) [G, M, M]."""
    total = np.zeros(bets.shape)
    step = max(1, _CHUNK // bets.size)
    for start in range(0, len(moves), step):
        part = slice(start, start + step)
        psi = moves[part, None, None] * (members[part, :, None] - members[part, None, :])
        total += np.log1p(bets * psi[:, None]).sum(axis=0)
    return total


def log_wealth(log_products: FloatArray) -> FloatArray:
    """Log of the e-value of bets [eras, G, ...]: within an era the mean over bet sizes, over eras the product.

    When a contender enters, the wealth so far is spread evenly over the sizes again, which is a new mean.

    >>> log_wealth(np.log([[[4.0], [2.0]], [[1.0], [3.0]]])).round(4).tolist() == [round(float(np.log(3 * 2)), 4)]
    True
    """
    return np.asarray((logsumexp(log_products, axis=1) - np.log(log_products.shape[1])).sum(axis=0))
