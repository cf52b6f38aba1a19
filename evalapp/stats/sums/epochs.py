"""A batch: what a published design fixes before the votes on it come, and with it the size of every bet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Members = NDArray[np.bool_]
"""[K, M] whether contender i put pair k first."""

CLIP = 0.05
"""A baseline lies between this and 1 less this, so that no answer is further from it than `FARTHEST`."""
FARTHEST = 1.0 - CLIP
_CAP = 0.9
BETS = np.array([0.03, 0.06, 0.12, 0.25])
"""Bet sizes g: few, so that the wealth is not spread thin, and from where differences of some points are found."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One design over M contenders and Q queries; all of it is known before its first vote.

    `variance` [M, M] bounds the mean of ψ_ij² per vote and `reach` [M, M] the size of its weight; both are 0 where two
    contenders put the same pairs first, and infinite where one of them had not entered. `own` [M] is the variance
    bound of each contender's weighted votes. `leader` is whom the stopping rule bets on, -1 for nobody, and `closeness`
    [M] how near each challenger is to it. `mean` and `query_means` [Q] are what the baselines start from. `era` counts
    the entries of late contenders so far. `led` are those who have led so far, in their order, and `margin` is
    how far below the best counts as near.
    """

    variance: FloatArray
    reach: FloatArray
    own: FloatArray
    leader: int = -1
    closeness: FloatArray | None = None
    mean: float = 0.5
    query_means: FloatArray | None = None
    era: int = 0
    led: tuple[int, ...] = ()
    margin: float = 0.0

    @property
    def contenders(self) -> int:
        """M."""
        return len(self.own)


def design_bounds(
    members: Members, probabilities: FloatArray, queries: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """`variance`, `reach` and `own` of a design: π [..., K] over pairs, members [K, M], Q = `queries`.

        v_ij = (1/4Q) Σ_q 1{n_i ≠ n_j} (1 / (Q π(q, n_i)) + 1 / (Q π(q, n_j))),     v_i the same over all its queries
        B_ij = max of 1 / (Q π) over pairs that just one of the two put first

    since Var y ≤ 1/4. Of two queries on which two contenders have different candidates, 1/2 each:

    >>> members = np.array([[True, False], [False, True]] * 2)
    >>> variance, reach, own = design_bounds(members, np.full(4, 0.25), queries=2)
    >>> float(variance[0, 1]), float(reach[0, 1]), own.tolist()
    (1.0, 2.0, [0.5, 0.5])
    """
    # A design that asks nothing, such as that of a study which only holds what was said to searches, parts nobody.
    queries = max(queries, 1)
    weights = 1.0 / (queries * np.asarray(probabilities, dtype=np.float64))
    columns = members.astype(np.float64)
    shared = np.swapaxes(weights[..., None] * columns, -1, -2) @ columns / (4 * queries)
    own = np.diagonal(shared, axis1=-2, axis2=-1)
    variance = own[..., :, None] + own[..., None, :] - 2 * shared
    reach = np.stack([_reach_from(members, weights, one) for one in range(members.shape[1])], axis=-2)
    # The sums above leave rounding where nothing differs; no reach says so exactly.
    return np.where(reach > 0, variance, 0.0), reach, own.copy()


def _reach_from(members: Members, weights: FloatArray, one: int) -> FloatArray:
    apart = members != members[:, [one]]
    return np.asarray((weights[..., None] * apart).max(axis=-2, initial=0.0))


def batch_of(members: Members, probabilities: FloatArray, queries: int, **known: object) -> Batch:
    """The batch of a design; `known` are the other fields.

    >>> members = np.array([[True, False], [False, True]] * 2)
    >>> batch_of(members, np.full(4, 0.25), 2, leader=1).leader
    1
    """
    return Batch(*design_bounds(members, probabilities, queries), **known)  # type: ignore[arg-type]


def bet_stakes(batch: Batch) -> FloatArray:
    """λ_g = min(g / v_ij, 0.9 / B_ij) [G, M, M], B_ij the largest |ψ_ij|; 0 where nothing can differ.

    >>> members = np.array([[True, False], [False, True]] * 2)
    >>> bet_stakes(batch_of(members, np.full(4, 0.25), 2))[:, 0, 1].round(3).tolist()
    [0.03, 0.06, 0.12, 0.25]
    """
    apart = (batch.reach > 0) & np.isfinite(batch.reach)
    variance = np.where(apart, batch.variance, 1.0)
    largest = np.where(apart, batch.reach, 1.0) * FARTHEST
    return np.asarray(np.minimum(BETS[:, None, None] / variance, _CAP / largest) * apart)


def pair_weights(batch: Batch) -> FloatArray:
    """a_ij = 1 / v_ij [M, M]: how much a vote of this batch counts for a difference; 0 where nothing can differ.

    >>> members = np.array([[True, False], [False, True]] * 2)
    >>> pair_weights(batch_of(members, np.full(4, 0.25), 2)).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    apart = (batch.reach > 0) & np.isfinite(batch.reach)
    return np.asarray(apart / np.where(apart, batch.variance, 1.0))


def own_weights(batch: Batch) -> FloatArray:
    """a_i = 1 / v_i [M]: how much a vote of this batch counts for an approval; 0 for who had not entered.

    >>> members = np.array([[True, False], [False, True]] * 2)
    >>> own_weights(batch_of(members, np.full(4, 0.25), 2)).tolist()
    [2.0, 2.0]
    """
    seen = np.isfinite(batch.own) & (batch.own > 0)
    return np.asarray(seen / np.where(seen, batch.own, 1.0))


def common_weight(batch: Batch) -> float:
    """One weight for all differences: 1 / the mean variance bound of the leader's pairs, its close rivals first.

    Without a leader all pairs count alike. The variance that voters bring comes from one Gram matrix of all contenders,
    and a matrix takes one weight per vote; so it is made for the differences that the batch was made for.

    >>> members = np.array([[True, False], [False, True]] * 2)
    >>> common_weight(batch_of(members, np.full(4, 0.25), 2))
    1.0
    """
    apart = (batch.reach > 0) & np.isfinite(batch.reach)
    if batch.leader < 0:
        return float(apart.sum() / batch.variance[apart].sum()) if apart.any() else 1.0
    near = np.where(apart[batch.leader], 1.0 if batch.closeness is None else batch.closeness, 0.0)
    total = float((near * np.where(apart[batch.leader], batch.variance[batch.leader], 0.0)).sum())
    return float(near.sum() / total) if total > 0 else 1.0


def difference_units(first: Batch) -> FloatArray:
    """[M, M] by which a difference's sums are multiplied before a mixture sees them, fixed by the first batch.

    Mixtures are sharpest for sums whose votes have weight 1 / v_ij; the common weight is another by this factor. It is
    0 where two contenders put the same pairs first, and nan where one of them had not entered: nothing is known of how
    these two compare.

    >>> members = np.array([[True, False], [False, True]] * 2)
    >>> difference_units(batch_of(members, np.full(4, 0.25), 2)).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    return np.where(np.isfinite(first.reach), pair_weights(first) / common_weight(first), np.nan)
