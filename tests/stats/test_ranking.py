"""Rank ranges and the winner."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalapp.stats.intervals.share_intervals import Interval
from evalapp.stats.ranking import index_of_winner, rank_ranges


def between(low: float, high: float) -> Interval:
    return Interval((low + high) / 2, low, high, 0.05, "test")


@st.composite
def fields(draw: st.DrawFn) -> list[tuple[float, Interval]]:
    """True values, each inside its interval."""
    drawn = draw(st.lists(st.tuples(*[st.floats(0, 1)] * 3), min_size=1, max_size=8))
    return [(middle, between(low, high)) for low, middle, high in map(sorted, drawn)]


@given(fields())
def test_true_ranks_lie_in_the_ranges_if_the_intervals_hold(field: list[tuple[float, Interval]]) -> None:
    values = [value for value, _ in field]
    for value, rank in zip(values, rank_ranges([interval for _, interval in field]), strict=True):
        assert rank.best <= 1 + sum(other > value for other in values)
        assert rank.worst >= sum(other >= value for other in values)


@given(fields())
def test_a_winner_is_a_best_one_if_the_intervals_hold(field: list[tuple[float, Interval]]) -> None:
    best = index_of_winner([interval for _, interval in field])
    assert best is None or field[best][0] == max(value for value, _ in field)


def test_intervals_that_do_not_touch_give_an_order() -> None:
    ranks = rank_ranges([between(0.1, 0.2), between(0.7, 0.9), between(0.3, 0.5)])
    assert [(rank.best, rank.worst) for rank in ranks] == [(3, 3), (1, 1), (2, 2)]
    assert all(a != b for a, b in pairwise(ranks))


@pytest.mark.parametrize(
    ("intervals", "index"),
    [
        ([between(0.1, 0.4), between(0.5, 0.9), between(0.2, 0.49)], 1),
        ([between(0.1, 0.5), between(0.5, 0.9)], None),
        ([between(0.5, 0.9)], None),
        ([], None),
    ],
)
def test_a_winner_lies_above_all_others(intervals: list[Interval], index: int | None) -> None:
    assert index_of_winner(intervals) == index
