"""Ranks and a winner out of intervals that hold all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalapp.stats.intervals.share_intervals import Interval


@dataclass(frozen=True, slots=True)
class Rank:
    """The best and worst place that the intervals leave possible; 1 is the top."""

    best: int
    worst: int


def rank_ranges(intervals: Sequence[Interval]) -> list[Rank]:
    """For each interval its possible ranks, given that every interval holds its value.

    If each misses with probability at most δ / M, all M hold with probability at least 1 - δ (union bound), and
    then all ranges are right.

    >>> found = [Interval(None, low, high, 0.05, "") for low, high in ((0.6, 0.7), (0.3, 0.5), (0.4, 0.5))]
    >>> [(rank.best, rank.worst) for rank in rank_ranges(found)]
    [(1, 1), (2, 3), (2, 3)]
    """
    return [
        Rank(
            best=1 + sum(other.low > mine.high for other in intervals),
            worst=len(intervals) - sum(other.high < mine.low for other in intervals),
        )
        for mine in intervals
    ]


def index_of_winner(intervals: Sequence[Interval]) -> int | None:
    """Index of the one whose interval lies above all others; None if there is none or nobody to beat.

    >>> index_of_winner([Interval(None, low, high, 0.05, "") for low, high in ((0.2, 0.4), (0.5, 0.7))])
    1
    """
    if len(intervals) < 2:
        return None
    ranks = rank_ranges(intervals)
    return next((index for index, rank in enumerate(ranks) if rank.worst == 1), None)
