"""How many votes it takes to tell two contenders apart: from what a study has shown, or before it begins."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evalapp.stats.intervals.normal_mixture import log_evidence

MOST = 10_000_000
"""Beyond this a plan says "more than": nobody will cast so many."""
MIDDLE_HALF = 0.6745
"""Standard errors to each side within which half of a normal spread lies."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Votes in all until the two are told apart: `likely` if the difference is what it seems, `soon` and `late` if it
    is larger or smaller by as much as it is in half of all cases. None: not within `MOST` votes."""

    soon: int | None
    likely: int | None
    late: int | None


def votes_to_separate(gap: float, variance: float, delta: float = 0.05) -> int | None:
    """Votes until the e-value for a difference of `gap` is expected to reach 1 / delta; None beyond `MOST`.

    After n votes the sum is n · gap with a variance of n · `variance` (per vote, voters as clusters); the first n with
        log_evidence(n gap / σ, n) ≥ log(1 / delta),    σ² = variance
    is found by bisection, the evidence growing with n. Ignores that the sum wanders: half of all studies take longer.
    ValueError for a variance that is not above 0 or a delta outside (0, 1).

    >>> votes_to_separate(0.15, 0.75), votes_to_separate(0.05, 0.75), votes_to_separate(0.0, 0.75)
    (327, 2653, None)
    """
    if variance <= 0 or not 0 < delta < 1:
        raise ValueError("a variance above 0 and a delta in (0, 1) are needed")
    if gap <= 0:
        return None
    # In standard deviations of one vote, where the mixtures are sharp.
    scaled, limit = gap / variance**0.5, -math.log(delta)

    def is_separated(votes: int) -> bool:
        return float(log_evidence(votes * scaled, float(votes))) >= limit

    if not is_separated(MOST):
        return None
    low, high = 0, MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_separated(middle) else (middle, high)
    return high


def plan_from_now(difference: float, error: float, votes: int, delta: float = 0.05) -> Plan:
    """The plan for two contenders that differ by `difference` with the standard error `error` after `votes` votes.

    One vote's variance is votes · error². ValueError for an error that is not above 0 or no votes.

    >>> plan_from_now(0.02, 0.01, 4000)
    Plan(soon=4907, likely=8753, late=19915)
    """
    if error <= 0 or votes < 1:
        raise ValueError("an error above 0 and at least one vote are needed")
    variance = votes * error**2
    gaps = (abs(difference) + MIDDLE_HALF * error, abs(difference), abs(difference) - MIDDLE_HALF * error)
    return Plan(*(votes_to_separate(gap, variance, delta) for gap in gaps))


def votes_beforehand(
    best: float, second: float, contenders: int, overlap: float, *, effect: float = 1.0, delta: float = 0.05
) -> int | None:
    """Votes for a study yet to begin, drawn uniformly, each credited to everybody whose pair it is.

    Two of the M contenders nominate the same candidate with probability `overlap`, so that a query has about
        C = 1 + (M - 1)(1 - overlap)
    distinct candidates, and a vote carries weight C. Where the two differ, two of the C candidates speak of them:
        σ² = 2 C (1 - overlap) · p(1 - p) · effect,    p the mean of both approvals
    `effect` is the design effect of voters who resemble themselves (1: none). A rule of thumb: within a third of what
    simulated studies take with the uniform design; the adaptive one takes a half to a quarter. None beyond `MOST`.
    ValueError for approvals outside 0 … 1, an overlap outside [0, 1), fewer than two contenders.

    >>> votes_beforehand(0.65, 0.45, 7, 0.2)
    543
    """
    if not (0 <= second <= best <= 1) or not 0 <= overlap < 1 or contenders < 2 or effect <= 0:
        raise ValueError("approvals in 0 … 1, the best first, an overlap in [0, 1) and two contenders are needed")
    mean = (best + second) / 2
    candidates = 1 + (contenders - 1) * (1 - overlap)
    variance = 2 * candidates * (1 - overlap) * max(mean * (1 - mean), 1e-6) * effect
    return votes_to_separate(best - second, variance, delta)
