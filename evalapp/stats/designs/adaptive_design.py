"""The adaptive design: votes go to the queries where the leader and its closest challengers differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalapp.stats.sums.contender_sums import Evidence

FloatArray = NDArray[np.float64]
Members = NDArray[np.bool_]

EVEN_SHARE = 0.1
"""ε: this share of the draws is uniform over queries and their pairs, so that every pair keeps a known chance."""
FEWEST_WARM, WARM_PER_CONTENDER = 100, 10
FEWEST_IN_BATCH, SHARE_IN_BATCH = 20, 0.01


@dataclass(frozen=True, slots=True)
class Aim:
    """Whom the design is about: the leader and the closeness ω [M] of each challenger to it (the leader's own is 0)."""

    leader: int
    closeness: FloatArray


def warm_start(contenders: int) -> int:
    """Votes by the uniform design before the first adaptive one: max(100, 10 M).

    >>> warm_start(7), warm_start(12)
    (100, 120)
    """
    return max(FEWEST_WARM, WARM_PER_CONTENDER * contenders)


def batch_size(votes: int) -> int:
    """Votes until the design is made anew: max(20, 1 % of the votes so far).

    >>> batch_size(500), batch_size(12_000)
    (20, 120)
    """
    return max(FEWEST_IN_BATCH, int(SHARE_IN_BATCH * votes))


def aim_design(evidence: Evidence, standing: NDArray[np.bool_] | None = None, lacking: FloatArray | None = None) -> Aim:
    """The leader a = argmax_i min_j Z_ij, Z = S / sqrt(V), and the closeness of each challenger b to it.

        ω_b ∝ exp(L_ab),    L = `lacking` [M, M]: the log of the evidence that a decision for a lacks against b

    The top-two spirit (Russo 2020; Garivier and Kaufmann 2016): the next votes go where most of the evidence that
    decides is lacking; of normal sums it is -Z_ab² / 2, which stands in where `lacking` is not told. ω sums to 1; with
    one contender there is nobody to be close. Only those who are `standing` [M], if told, lead or challenge: in the
    race and not beaten.

    >>> aim_design(Evidence.before_votes(3)).closeness.tolist()
    [0.0, 0.5, 0.5]
    """
    places = np.arange(evidence.contenders) if standing is None or not standing.any() else np.flatnonzero(standing)
    here = np.ix_(places, places)
    found = aim_at(evidence.paired[here], evidence.paired2[here], None if lacking is None else lacking[here])
    closeness = np.zeros(evidence.contenders)
    closeness[places] = found.closeness
    return Aim(int(places[found.leader]), closeness)


def aim_at(sums: FloatArray, variances: FloatArray, lacking: FloatArray | None = None) -> Aim:
    """`aim_design` for paired sums S [M, M] and their variances V.

    Contenders that never differ stand at Z = 0, as equals.

    >>> found = aim_at(np.array([[0.0, 2.0, 9.0], [-2.0, 0.0, 3.0], [-9.0, -3.0, 0.0]]), np.ones((3, 3)))
    >>> found.leader, found.closeness.round(3).tolist()
    (0, [0.0, 1.0, 0.0])
    """
    count = len(sums)
    scores = np.where(variances > 1e-12, sums / np.sqrt(np.maximum(variances, 1e-12)), 0.0)
    apart = np.where(np.eye(count, dtype=bool), np.inf, scores)
    leader = int(apart.min(axis=1).argmax()) if count > 1 else 0
    if count < 2:
        return Aim(leader, np.zeros(1))
    exponents = -0.5 * np.maximum(scores[leader], 0.0) ** 2 if lacking is None else lacking[leader].copy()
    exponents[leader] = -np.inf
    closeness = np.exp(exponents - exponents.max())
    return Aim(leader, closeness / closeness.sum())


def uniform_design(places: NDArray[np.intp], queries: int) -> FloatArray:
    """Every query equally likely, then each of its distinct pairs: π = 1 / (Q |C(q)|), for K pairs at `places`.

    >>> uniform_design(np.array([0, 0, 1]), 2).tolist()
    [0.25, 0.25, 0.5]
    """
    slots = np.bincount(places)
    return np.asarray(1.0 / (queries * slots[places]))


def adaptive_design(
    members: Members, places: NDArray[np.intp], queries: int, aimed: Aim, floor: float = EVEN_SHARE
) -> FloatArray:
    """π [K] by the square-root rule; pairs on which leader and challengers agree get the floor only.

        s(q, c)² = Σ_b ω_b 1{n_a(q) ≠ n_b(q)} (1{c = n_a(q)} + 1{c = n_b(q)})
        π(q, c) = (1 - ε) s / Σ s + ε / (Q |C(q)|)

    `members` [K, M] says who put which pair first, `places` [K] which query it belongs to.

    >>> members = np.array([[True, True, False], [False, False, True], [True, False, False], [False, True, True]])
    >>> aimed = Aim(0, np.array([0.0, 1.0, 0.0]))
    >>> adaptive_design(members, np.array([0, 0, 1, 1]), 2, aimed).round(3).tolist()
    [0.025, 0.025, 0.475, 0.475]
    """
    plain = uniform_design(places, queries)
    wanted = np.sqrt(_pair_gains(members, places, aimed))
    total = wanted.sum()
    return (1.0 - floor) * wanted / total + floor * plain if total > 0 else plain


def _pair_gains(members: Members, places: NDArray[np.intp], aimed: Aim) -> FloatArray:
    """s² [K]: a pair of the leader gains from all who differ on its query, another pair from those who put it first."""
    has_leader = members[:, aimed.leader]
    weighted = members @ aimed.closeness
    # On the leader's pair: all closeness of contenders that answered this query with another pair.
    per_query = np.bincount(places, weights=weighted)
    led = np.bincount(places, weights=has_leader.astype(np.float64)) > 0
    against = per_query[places] - weighted
    return np.where(has_leader, against, weighted * led[places]).clip(min=0.0)


def quota_design(
    counts: NDArray[np.int64], places: NDArray[np.intp], queries: int, floor: float = EVEN_SHARE
) -> FloatArray:
    """π [K] that evens out the votes per pair: those that are behind the fullest share 1 - ε by what they lack.

    `counts` [K] are the votes on each pair so far, known before the votes that the design is for.

    >>> quota_design(np.array([3, 1, 3]), np.array([0, 0, 1]), 2).round(3).tolist()
    [0.205, 0.565, 0.23]
    """
    plain = uniform_design(places, queries)
    lacking = (counts.max(initial=0) + 1 - counts).astype(np.float64)
    return np.asarray((1.0 - floor) * lacking / lacking.sum() + floor * plain)


def keep_strata(probabilities: FloatArray, strata: NDArray[np.intp], places: NDArray[np.intp]) -> FloatArray:
    """The same design with each stratum of queries drawn as often as its share of the queries says.

    `strata` [positions] gives the stratum of each query. Within a stratum the proportions stay; one in which no pair
    can be drawn takes no part.

    >>> keep_strata(np.array([0.9, 0.05, 0.05]), np.array([0, 1, 1]), np.array([0, 1, 2])).round(3).tolist()
    [0.333, 0.333, 0.333]
    """
    of_pair = strata[places]
    size = np.bincount(strata[np.unique(places)], minlength=strata.max(initial=0) + 1)
    mass = np.bincount(of_pair, weights=probabilities, minlength=len(size))
    kept = probabilities * size[of_pair] / (size.sum() * mass[of_pair])
    return np.asarray(kept / kept.sum())
