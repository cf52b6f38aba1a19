"""Team draft is fair, and its confidence sequence holds at every moment of a test of one encoder against itself."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from evalapp.stats.interleaving import LivePreference, live_preference, team_draft
from evalapp.stats.intervals.normal_mixture import mixture_radius


def test_both_rankings_take_turns_and_no_item_comes_twice() -> None:
    drafted = team_draft("abcdef", "bdxyza", 6, np.random.default_rng(0))
    items = [one.item for one in drafted]
    assert len(items) == len(set(items)) == 6
    for start in (0, 2, 4):
        assert {one.team for one in drafted[start : start + 2]} == {"a", "b"}
    for team, ranking in (("a", "abcdef"), ("b", "bdxyza")):
        places = [ranking.index(one.item) for one in drafted if one.team == team]
        assert places == sorted(places)


def test_each_team_is_first_half_of_the_time() -> None:
    rng = np.random.default_rng(1)
    first = Counter(team_draft([1, 2], [3, 4], 2, rng)[0].team for _ in range(2_000))
    assert abs(first["a"] - 1_000) < 4 * np.sqrt(500)


def test_equal_rankings_give_that_ranking_with_the_teams_by_chance() -> None:
    rng = np.random.default_rng(2)
    lists = [team_draft(range(10), range(10), 10, rng) for _ in range(200)]
    assert all([one.item for one in drafted] == list(range(10)) for drafted in lists)
    assert len({tuple(one.team for one in drafted) for drafted in lists}) > 20


def test_a_ranking_that_has_nothing_left_passes() -> None:
    drafted = team_draft([1], [2, 3, 4], 9, np.random.default_rng(3))
    assert sorted(one.item for one in drafted) == [1, 2, 3, 4]
    assert team_draft([], [], 5, np.random.default_rng(3)) == []


def visits(rng: np.random.Generator, visitors: int, likes_a: float, likes_b: float) -> tuple[np.ndarray, ...]:
    """Credits per visitor of tests in which each judges 1 to 12 items, some visitors being harder to please."""
    judged = rng.integers(1, 13, visitors)
    of_a = rng.binomial(judged, 0.5)
    mood = rng.uniform(-0.2, 0.2, visitors)
    dopes_a = rng.binomial(of_a, np.clip(likes_a + mood, 0, 1))
    dopes_b = rng.binomial(judged - of_a, np.clip(likes_b + mood, 0, 1))
    return 2 * dopes_a - of_a, 2 * dopes_b - (judged - of_a), judged


def test_one_encoder_against_itself_stays_inside_its_sequence_at_every_look() -> None:
    """200 tests, each looked at three times: in at least 95 % nobody is ever declared better."""
    rng = np.random.default_rng(4)
    looks = (20, 120, 600)
    calm = 0
    for _ in range(200):
        a, b, judged = visits(rng, 600, 0.4, 0.4)
        calm += all(live_preference(a[:n], b[:n], judged[:n]).preferred is None for n in looks)
    assert calm >= 190


def test_a_better_encoder_is_found_and_the_interval_narrows() -> None:
    rng = np.random.default_rng(5)
    a, b, judged = visits(rng, 3_000, 0.6, 0.4)
    early, late = (live_preference(a[:n], b[:n], judged[:n]) for n in (200, 3_000))
    assert late.preferred == "a"
    assert late.high - late.low < early.high - early.low
    assert late.low <= late.difference <= late.high
    mirrored = live_preference(b, a, judged)
    assert mirrored.preferred == "b"
    assert mirrored.difference == -late.difference


def test_few_visitors_say_nothing() -> None:
    found = live_preference([1] * 19, [0] * 19, [1] * 19)
    assert (found.low, found.high, found.preferred) == (-1, 1, None)
    assert live_preference([], [], []).visitors == 0
    assert live_preference([0, 3], [0, 0], [0, 3]).visitors == 1


def test_numbers_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="one number per visitor"):
        live_preference([1], [0], [1, 2])
    with pytest.raises(ValueError, match="more than was judged"):
        live_preference([2], [0], [1])


class Coins:
    """Throws what is told, one after another."""

    def __init__(self, *thrown: float) -> None:
        self.thrown = list(thrown)

    def random(self) -> float:
        return self.thrown.pop(0)


def drafted_by(coins: Coins, first: str, second: str, length: int) -> list[tuple[object, str]]:
    return [(one.item, one.team) for one in team_draft(first, second, length, coins)]  # type: ignore[arg-type]


def test_each_round_has_its_coin_and_ends_where_the_list_is_full() -> None:
    assert drafted_by(Coins(0.4999, 0.5), "abc", "xyz", 4) == [("a", "a"), ("x", "b"), ("y", "b"), ("b", "a")]
    assert drafted_by(Coins(0.9, 0.1), "abc", "xyz", 3) == [("x", "b"), ("a", "a"), ("b", "a")]
    assert drafted_by(Coins(0.1), "abc", "abc", 2) == [("a", "a"), ("b", "b")]
    assert drafted_by(Coins(), "abc", "xyz", 0) == []
    # One ranking has nothing left: the other goes on alone.
    assert drafted_by(Coins(0.1, 0.1), "a", "ba", 9) == [("a", "a"), ("b", "b")]
    assert drafted_by(Coins(0.9, 0.9, 0.9), "", "xy", 9) == [("x", "b"), ("y", "b")]


@pytest.mark.parametrize("alpha", [0.05, 0.4])
def test_the_preference_is_that_of_the_formula_over_visitors(alpha: float) -> None:
    a, b, judged = visits(np.random.default_rng(8), 80, 0.7, 0.3)
    judged[:5] = a[:5] = b[:5] = 0
    found = live_preference(a, b, judged, alpha)
    total = judged.sum()
    difference = (a - b).sum() / total
    effective = total**2 / (judged**2).sum()
    variance = sum((x - y - difference * m) ** 2 for x, y, m in zip(a, b, judged, strict=True))
    half = float(mixture_radius(variance * effective / (effective - 5), alpha)) / total
    assert found.difference == pytest.approx(difference)
    assert (found.low, found.high) == pytest.approx((difference - half, difference + half))
    assert (found.visitors, found.judgements) == (75, total)
    if alpha == 0.05:
        assert live_preference(a, b, judged) == found


def test_the_twentieth_visitor_who_judged_is_the_first_to_count() -> None:
    for visitors, says in ((19, False), (20, True)):
        found = live_preference([4] * visitors + [0], [0] * visitors + [0], [4] * visitors + [0])
        assert (found.visitors, found.low > -1, found.high) == (visitors, says, 1)


def test_nobody_is_preferred_while_zero_is_inside() -> None:
    kinds = [(0.1, 0.5, "a"), (0.0, 0.5, None), (-0.5, 0.0, None), (-0.5, -0.1, "b"), (-1.0, 1.0, None)]
    for low, high, preferred in kinds:
        assert LivePreference(0.0, low, high, 30, 60).preferred == preferred


def test_without_judgements_everything_is_open() -> None:
    assert live_preference([0, 0], [0, 0], [0, 0]) == LivePreference(0.0, -1.0, 1.0, 0, 0)


def test_credits_may_be_all_that_was_judged_and_come_in_one_row() -> None:
    assert live_preference([2], [0], [2]).difference == 1
    assert live_preference([0], [2], [2]).difference == -1
    with pytest.raises(ValueError, match="more than was judged"):
        live_preference([0], [3], [2])
    with pytest.raises(ValueError, match="one number per visitor"):
        live_preference([[1]], [[0]], [[1]])
