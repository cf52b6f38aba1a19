"""All that the votes say about M contenders, as sums: adding a vote costs O(M²), whatever was added before.

Every sum is linear in the votes but the squares of voters' own sums, and those follow from the voters' rows before and
after. So votes may come in any order and in any portions, and adding with the sign -1 takes them back.

Contenders that enter later open a new era. What is compared between two contenders comes from the eras in which both
took part: from level k on, k the later of their entries. Sums of differences are kept per level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from evalapp.stats.sums.epochs import BETS, Batch, bet_stakes, common_weight, own_weights, pair_weights

FloatArray = NDArray[np.float64]
_CHUNK = 2_000_000
COUNTS = ("votes", "voters")


@dataclass(slots=True)
class VoterSums:
    """Rows of V voters. Per voter and contender, over the voter's votes with their weights:

    `liked` Σ a_i r w 1_i y and `mass` Σ a_i r w 1_i [V, M], for approvals; `residual` Σ a r ψ_i [V, E, M] by era and
    `weight` Σ a r [V, E], for differences; `guard` Σ a_li ψ_li and `stake` Σ a_li r [V, M], l the leader of the batch,
    for stopping.
    """

    liked: FloatArray
    mass: FloatArray
    residual: FloatArray
    guard: FloatArray
    stake: FloatArray
    weight: FloatArray

    @classmethod
    def zeros_for(cls, voters: int, contenders: int, eras: int = 1) -> VoterSums:
        """Rows of voters who have not voted."""
        liked, mass, guard, stake = (np.zeros((voters, contenders)) for _ in range(4))
        residual, weight = np.zeros((voters, eras, contenders)), np.zeros((voters, eras))
        return cls(liked, mass, residual, guard, stake, weight)

    def copy(self) -> VoterSums:
        """The same rows, to be changed freely."""
        return VoterSums(*(getattr(self, one.name).copy() for one in fields(self)))


@dataclass(slots=True)
class Evidence:
    """The study's sums over M contenders, E eras and G bet sizes.

    `entered` [M] is the first era of each contender; it took part in all later ones, too.

    Approvals: `liked`, `mass` [M]; squares of the voters' sums `liked2`, `cross`, `mass2` [M]; the same of single votes
    `vote_liked2`, `vote_cross`, `vote_mass2` [M]. Differences: by level `residual` [E, M], `weight` [E], and over
    voters `gram_weight` [E, M], `weight2` [E]; per pair of contenders, at its level, over voters `spread` and over
    single votes `vote_spread` [M, M]; `paired`, `paired2` [M, M] with a weight per pair. Bets [G, M, M]: `log_bets` of
    each pair; of these `log_open` in batches without a leader; `log_led` of the leader (row) against all, in the
    batches that it led; `log_near` of whoever has led (row) against all, on ψ + r margin. The guard's sums `guard`,
    `stake` and, over voters, `guard2`, `guard_stake`, `stake2` [M].
    `votes`, `voters` count, `credited` [M] counts votes per contender, `told_apart` [M, M] votes on which two differ.
    """

    entered: FloatArray
    liked: FloatArray
    mass: FloatArray
    liked2: FloatArray
    cross: FloatArray
    mass2: FloatArray
    vote_liked2: FloatArray
    vote_cross: FloatArray
    vote_mass2: FloatArray
    residual: FloatArray
    weight: FloatArray
    gram_weight: FloatArray
    weight2: FloatArray
    spread: FloatArray
    vote_spread: FloatArray
    paired: FloatArray
    paired2: FloatArray
    log_bets: FloatArray
    log_open: FloatArray
    log_led: FloatArray
    log_near: FloatArray
    guard: FloatArray
    stake: FloatArray
    guard2: FloatArray
    guard_stake: FloatArray
    stake2: FloatArray
    credited: FloatArray
    told_apart: FloatArray
    votes: float = 0.0
    voters: float = 0.0

    @classmethod
    def before_votes(cls, contenders: int, eras: int = 1, entered: Sequence[int] | None = None) -> Evidence:
        """Before the first vote; all have taken part from the first era on, if not told otherwise."""
        m, g = contenders, len(BETS)
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(
            ("spread", "vote_spread", "paired", "paired2", "told_apart"), (m, m)
        )
        shapes |= dict.fromkeys(("log_bets", "log_open", "log_led", "log_near"), (g, m, m))
        shapes |= dict.fromkeys(("residual", "gram_weight"), (eras, m))
        shapes |= dict.fromkeys(("weight", "weight2"), (eras,))
        names = [one.name for one in fields(cls) if one.name not in COUNTS]
        found = cls(**{name: np.zeros(shapes.get(name, (m,))) for name in names})  # type: ignore[arg-type]
        if entered is not None:
            found.entered = np.asarray(entered, dtype=np.float64)
        return found

    @property
    def contenders(self) -> int:
        """M."""
        return len(self.liked)

    @property
    def eras(self) -> int:
        """E."""
        return len(self.weight)

    @property
    def levels(self) -> NDArray[np.intp]:
        """The era from which on two contenders took part together [M, M]."""
        first = self.entered.astype(np.intp)
        return np.maximum(first[:, None], first)


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
    known: FloatArray | None = None,
) -> Credits:
    """Credits of n votes: row of the voter, who put the pair first [n, M], 1 / (Q π), r, y (1, 0 or 1/2), and m.

    Votes with the same number in `groups` [n] are one answer of one voter: they were drawn together, so that only their
    sum has the mean A_i - A_j. Each such answer takes the least of its votes' r.

    `known` [n, M] is what the voter's earlier answers tell of each contender, Σ 1_i (y - m) / Q, where the pairs are
    drawn from those that the voter has not seen: with it each draw stands for the whole pool (Des Raj 1956). It is
    added once per answer.

    >>> members, one = np.array([[True, False]]), np.ones(1)
    >>> found = credits_of(np.array([0]), members, np.array([2.0]), one, one, np.array([0.5]))
    >>> found.mass.tolist(), found.liked.tolist(), found.moves.tolist()
    ([[2.0, 0.0]], [[2.0, 0.0]], [[1.0, 0.0]])
    """
    columns = members.astype(np.float64)
    mass = (trust * weights)[:, None] * columns
    moves = mass * (answers - baselines)[:, None]
    if groups is None:
        moves = moves if known is None else moves + trust[:, None] * known
        return Credits(voters, trust, mass, mass * answers[:, None], moves, np.ones(len(voters)), columns)
    parts = (mass, mass * answers[:, None], moves, np.ones(len(voters)), columns)
    _, first, group_index = np.unique(groups, return_index=True, return_inverse=True)
    summed = [np.zeros((len(first), *part.shape[1:])) for part in parts]
    for total, part in zip(summed, parts, strict=True):
        np.add.at(total, group_index, part)
    least = np.full(len(first), np.inf)
    np.minimum.at(least, group_index, trust)
    if known is not None:
        summed[2] += least[:, None] * known[first]
    return Credits(voters[first], least, *summed)


def add_portion(evidence: Evidence, rows: VoterSums, batch: Batch, portion: Credits, sign: float = 1.0) -> None:
    """Add the votes of one batch to the study's sums and to the voters' rows, in place; sign -1 takes them back.

    The counts of `voters` are the caller's: a row tells nothing of a voter whose votes cancel out.

    >>> from evalapp.stats.sums.epochs import batch_of
    >>> batch = batch_of(np.eye(2, dtype=bool), np.full(2, 0.5), 1)
    >>> evidence, rows = Evidence.before_votes(2), VoterSums.zeros_for(1, 2)
    >>> who, answers, half = np.zeros(2, dtype=int), np.array([1.0, 0.0]), np.full(2, 0.5)
    >>> ready = credits_of(who, np.eye(2, dtype=bool), np.full(2, 2.0), np.ones(2), answers, half)
    >>> add_portion(evidence, rows, batch, ready)
    >>> (evidence.liked / evidence.mass).tolist()
    [1.0, 0.0]
    >>> add_portion(evidence, rows, batch, ready, -1.0)
    >>> evidence.votes, evidence.mass.tolist()
    (0.0, [0.0, 0.0])
    """
    _add_votes(evidence, batch, portion, sign)
    touched = np.unique(portion.voters)
    before = _squares_of_voters(evidence, rows, touched)
    _add_to_rows(rows, batch, portion, sign)
    after = _squares_of_voters(evidence, rows, touched)
    for name, old in before.items():
        setattr(evidence, name, getattr(evidence, name) + after[name] - old)


def _squares_of_voters(evidence: Evidence, rows: VoterSums, touched: NDArray[np.intp]) -> dict[str, FloatArray]:
    """What the touched voters contribute to the sums of squares over voters."""
    liked, mass = rows.liked[touched], rows.mass[touched]
    guard, stake = rows.guard[touched], rows.stake[touched]
    residual, weight = _from_level(rows.residual[touched]), _from_level(rows.weight[touched])
    return {
        "liked2": (liked * liked).sum(axis=0),
        "cross": (liked * mass).sum(axis=0),
        "mass2": (mass * mass).sum(axis=0),
        "spread": _spread_of_pairs(residual, evidence.levels),
        "gram_weight": np.einsum("ve,vem->em", weight, residual),
        "weight2": (weight * weight).sum(axis=0),
        "guard2": (guard * guard).sum(axis=0),
        "guard_stake": (guard * stake).sum(axis=0),
        "stake2": (stake * stake).sum(axis=0),
    }


def _from_level(by_era: FloatArray) -> FloatArray:
    """Sums over the eras from each level on [V, E, ...]."""
    return by_era[:, ::-1].cumsum(axis=1)[:, ::-1]


def _spread_of_pairs(residual: FloatArray, levels: NDArray[np.intp]) -> FloatArray:
    """Σ_v (R_vi - R_vj)² [M, M], each pair at its own level; residual [V, E, M] by level."""
    spread = np.zeros(levels.shape)
    for level in np.unique(levels):
        level_residual = residual[:, level]
        spread = np.where(levels == level, _squares_apart(level_residual.T @ level_residual), spread)
    return spread


def _add_to_rows(rows: VoterSums, batch: Batch, portion: Credits, sign: float) -> None:
    own, common = sign * own_weights(batch), sign * common_weight(batch)
    np.add.at(rows.mass, portion.voters, own * portion.mass)
    np.add.at(rows.liked, portion.voters, own * portion.liked)
    np.add.at(rows.residual[:, batch.era], portion.voters, common * portion.moves)
    np.add.at(rows.weight[:, batch.era], portion.voters, common * portion.trust)
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
    evidence.weight[: batch.era + 1] += sign * common * float(portion.trust.sum())
    evidence.residual[: batch.era + 1] += sign * common * portion.moves.sum(axis=0)
    _add_pairs(evidence, batch, portion, sign)


def _add_pairs(evidence: Evidence, batch: Batch, portion: Credits, sign: float) -> None:
    pairs, common, leader = pair_weights(batch), common_weight(batch), batch.leader
    residual = portion.moves.sum(axis=0)
    squares = _squares_apart(portion.moves.T @ portion.moves)
    together = evidence.levels <= batch.era
    evidence.vote_spread += sign * common**2 * np.where(together, squares, 0.0)
    evidence.paired += sign * pairs * _pairwise_differences(residual)
    evidence.paired2 += sign * pairs**2 * squares
    evidence.told_apart += sign * np.where(together, _squares_apart(portion.members.T @ portion.members), 0.0)
    bets = bet_stakes(batch)
    gains = sign * _log_gains(bets, portion.moves)
    evidence.log_bets += gains
    if leader < 0:
        evidence.log_open += gains
        return
    evidence.log_led[:, leader] += gains[:, leader]
    evidence.guard += sign * pairs[leader] * (residual[leader] - residual)
    evidence.stake += sign * pairs[leader] * float(portion.trust.sum())
    if batch.margin > 0 and batch.led:
        led = list(batch.led)
        lifted = batch.margin * portion.trust
        evidence.log_near[:, led] += sign * _log_gains_of(led, bets[:, led], portion.moves, lifted)


def _pairwise_differences(values: FloatArray) -> FloatArray:
    return values[:, None] - values


def _squares_apart(gram: FloatArray) -> FloatArray:
    """Σ (x_i - x_j)² [M, M] out of Σ x_i x_j."""
    alone = np.diagonal(gram)
    return alone[:, None] + alone - 2 * gram


def _log_gains(bets: FloatArray, moves: FloatArray) -> FloatArray:
    """Σ_t log(1 + λ_g ψ_ij,t) [G, M, M]."""
    return _log_gains_of(list(range(moves.shape[1])), bets, moves, np.zeros(len(moves)))


def _log_gains_of(rows: list[int], bets: FloatArray, moves: FloatArray, lifted: FloatArray) -> FloatArray:
    """Σ_t log(1 + λ_g (ψ_ij,t + lifted_t)) [G, rows, M], bets [G, rows, M]."""
    total = np.zeros(bets.shape)
    step = max(1, _CHUNK // bets.size)
    for start in range(0, len(moves), step):
        part, more = moves[start : start + step], lifted[start : start + step]
        psi = part[:, rows, None] - part[:, None, :] + more[:, None, None]
        total += np.log1p(bets * psi[:, None]).sum(axis=0)
    return total


def log_wealth(log_products: FloatArray) -> FloatArray:
    """Log of the e-value of bets [G, ...]: the mean over bet sizes, each of which is a test supermartingale.

    >>> log_wealth(np.log([[4.0], [2.0]])).round(4).tolist() == [round(float(np.log(3)), 4)]
    True
    """
    return np.asarray(logsumexp(log_products, axis=0) - np.log(len(log_products)))
