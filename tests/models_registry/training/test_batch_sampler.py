"""Groups of pictures found by one sort, as a loop over all of them would."""

from __future__ import annotations

import numpy as np

from models_registry.training.labels.batch_sampler import BalancedSampler, members_by_group
from models_registry.training.labels.recipes.deep_ranking import CloseNegatives


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
