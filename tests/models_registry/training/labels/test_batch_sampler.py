"""Groups found by one sort as by a loop; batches: how many, how large and of what they are, counted."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from models_registry.training.labels.batch_sampler import (
    BalancedSampler,
    balanced_batches,
    members_by_group,
    shuffled_batches,
)
from models_registry.training.labels.recipes.deep_ranking import CloseNegatives


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, []), (1, [1]), (2, [2]), (3, [3]), (4, [4]), (5, [3, 2]), (6, [3, 3]), (7, [3, 4])]
)
def test_every_row_comes_once_and_no_batch_of_one_is_left_over(count: int, sizes: list[int]) -> None:
    rows = np.arange(10, 10 + count)
    batches = list(shuffled_batches(rows, 3, np.random.default_rng(0)))
    assert [len(batch) for batch in batches] == sizes
    assert sorted(row for batch in batches for row in batch.tolist()) == rows.tolist()


def test_rows_come_in_another_order_each_epoch() -> None:
    rng, rows = np.random.default_rng(0), np.arange(60)
    first, second = (np.concatenate(list(shuffled_batches(rows, 7, rng))).tolist() for _ in range(2))
    assert first != rows.tolist()
    assert first != second


@pytest.mark.parametrize("sizes", [[6], [7, 2], [1, 5, 3], [4, 4], [2, 9]])
def test_each_class_is_drawn_as_often_as_an_even_share_of_all_rows(sizes: list[int]) -> None:
    class_of = np.repeat(np.arange(len(sizes)), sizes)
    rows = np.random.default_rng(0).permutation(len(class_of)) + 50
    drawn = np.concatenate(list(balanced_batches(rows, class_of, 4, np.random.default_rng(1))))
    share = int(np.ceil(len(rows) / len(sizes)))
    class_of_row = dict(zip(rows.tolist(), class_of.tolist(), strict=True))
    assert Counter(class_of_row[row] for row in drawn.tolist()) == dict.fromkeys(range(len(sizes)), share)
    for name in range(len(sizes)):
        often = [int((drawn == row).sum()) for row in rows[class_of == name]]
        assert max(often) - min(often) <= 1


def test_balanced_batches_have_the_size_asked_for_and_leave_out_what_has_no_class() -> None:
    rows, class_of = np.arange(9), np.array([0, 0, 0, 0, -1, 1, 1, 1, -1])
    batches = list(balanced_batches(rows, class_of, 4, np.random.default_rng(0)))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert not {4, 8} & set(np.concatenate(batches).tolist())
    for nothing in (rows[:0], rows[[4, 8]]):
        assert list(balanced_batches(nothing, class_of[nothing], 4, np.random.default_rng(0))) == []


def test_members_of_each_group_stand_in_their_order_and_those_of_none_are_left_out() -> None:
    rows, group_of = np.array([9, 4, 7, 1, 3, 2]), np.array([5, 0, 5, -1, 0, -2])
    found = {group: part.tolist() for group, part in members_by_group(rows, group_of).items()}
    assert found == {0: [4, 3], 5: [9, 7]}
    assert members_by_group(rows[:0], group_of[:0]) == {}


def catalogue(groups_of_category: list[int], pictures: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, their groups and their categories; groups are numbered through."""
    categories = np.repeat(np.arange(len(groups_of_category)), groups_of_category)
    group_of = np.repeat(np.arange(len(categories)), pictures)
    return np.arange(len(group_of)) + 100, group_of, categories[group_of]


@pytest.mark.parametrize(
    ("groups_of_category", "groups", "categories", "expected"),
    [
        ([5, 5, 5], 4, 2, [2, 2]),
        ([5, 5, 5], 3, 2, [1, 2]),
        ([5, 5, 5], 6, 3, [2, 2, 2]),
        ([5, 5, 5], 6, 9, [2, 2, 2]),
        ([5, 5, 5], 3, 0, [3]),
        ([5, 5, 5], 3, 1, [3]),
        ([2, 5], 6, 2, [2, 4]),
        ([2, 2], 9, 2, [2, 2]),
        ([1, 1, 1], 1, 1, [1, 1]),
        ([1, 1], 1, 1, [1, 1]),
        ([1], 1, 1, [1]),
        ([1], 4, 3, [1]),
        ([3], 2, 1, [2]),
    ],
)
def test_groups_of_a_batch_are_spread_evenly_over_so_many_categories(
    groups_of_category: list[int], groups: int, categories: int, expected: list[int]
) -> None:
    rows, group_of, category_of = catalogue(groups_of_category)
    sampler = BalancedSampler(rows, group_of, category_of, groups=groups, per_group=2, categories=categories)
    assert sampler.usable_groups == sum(groups_of_category)
    batches = list(sampler.draw_batches(25, np.random.default_rng(0)))
    assert len(batches) == 25
    seen: set[int] = set()
    for batch in batches:
        of_batch = group_of[batch - 100]
        pictures = Counter(of_batch.tolist())
        assert set(pictures.values()) == {2}
        assert len(set(batch.tolist())) == len(batch)
        category_of_group = {int(group): int(category_of[np.flatnonzero(group_of == group)[0]]) for group in pictures}
        assert sorted(Counter(category_of_group.values()).values()) == expected
        seen |= set(pictures)
    assert seen == set(range(sum(groups_of_category)))


@pytest.mark.parametrize(("pictures", "per_group"), [(2, 2), (3, 3), (5, 3), (2, 3), (2, 7)])
def test_so_many_pictures_are_drawn_of_a_group_and_none_twice_where_it_has_enough(
    pictures: int, per_group: int
) -> None:
    rows, group_of, category_of = catalogue([4], pictures)
    sampler = BalancedSampler(rows, group_of, category_of, groups=2, per_group=per_group, categories=1)
    different = Counter()
    for batch in sampler.draw_batches(20, np.random.default_rng(0)):
        for group in set(group_of[batch - 100].tolist()):
            own = batch[group_of[batch - 100] == group]
            assert len(own) == per_group
            different[len(set(own.tolist()))] += 1
    assert max(different) == min(pictures, per_group)
    assert (len(different) == 1) == (pictures >= per_group)


def test_groups_of_one_picture_or_of_none_are_passed_over() -> None:
    rows, group_of = np.array([8, 6, 4, 2, 0, 1, 3]), np.array([3, 1, 3, 0, 1, -1, -1])
    sampler = BalancedSampler(rows, group_of, np.zeros(7), groups=5, per_group=2, categories=1)
    assert sampler.usable_groups == 2
    assert (sampler.group_members(3).tolist(), sampler.group_members(1).tolist()) == ([8, 4], [6, 0])
    assert {*np.concatenate(list(sampler.draw_batches(9, np.random.default_rng(0)))).tolist()} == {8, 6, 4, 0}


def test_the_category_of_a_group_is_that_of_its_first_picture() -> None:
    group_of = np.repeat(np.arange(4), 2)
    category_of = np.array([0, 1, 0, 0, 1, 0, 1, 1])
    sampler = BalancedSampler(np.arange(8), group_of, category_of, groups=2, per_group=1, categories=1)
    drawn = {tuple(sorted(group_of[batch].tolist())) for batch in sampler.draw_batches(40, np.random.default_rng(0))}
    assert drawn == {(0, 1), (2, 3)}


def test_members_are_those_that_a_loop_finds_in_their_order() -> None:
    rng = np.random.default_rng(0)
    rows = rng.permutation(500)
    group_of = rng.integers(-1, 60, 500)
    found = members_by_group(rows, group_of)
    assert list(found) == sorted(set(group_of.tolist()) - {-1})
    for group, members in found.items():
        assert members.tolist() == [row for row, own in zip(rows, group_of, strict=True) if own == group]
    assert members_by_group(rows[:0], group_of[:0]) == {}


def test_a_sampler_passes_over_groups_of_one_and_keeps_their_categories() -> None:
    rows, group_of = np.arange(9), np.array([4, 4, 7, 9, 9, 9, -1, 2, 2])
    sampler = BalancedSampler(
        rows, group_of, np.array([1, 1, 1, 0, 0, 0, 5, 1, 1]), groups=3, per_group=2, categories=2
    )
    assert sampler.usable_groups == 3
    assert sampler.group_members(9).tolist() == [3, 4, 5]
    assert {int(group_of[row]) for batch in sampler.draw_batches(20, np.random.default_rng(0)) for row in batch} == {
        2,
        4,
        9,
    }


def test_millions_of_pictures_take_one_sort_and_not_a_look_at_all_for_each_product() -> None:
    """Counted, not timed: a mask over all pictures for each of these products would hold 40,000 x 100,000 values."""
    rows = np.arange(100_000)
    group_of = rows // 2
    sampler = BalancedSampler(rows, group_of, group_of % 7, groups=8, per_group=2, categories=3)
    assert sampler.usable_groups == 50_000
    assert CloseNegatives(rows, group_of, None, close=5).has_anchors
