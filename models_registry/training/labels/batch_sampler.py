"""Batches: every picture once, or so many groups with so many pictures each, spread over categories."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]


def shuffled_batches(rows: Ids, size: int, rng: np.random.Generator) -> Iterator[Ids]:
    """All rows in random order, `size` at a time; a last batch of one row joins the one before."""
    order = rng.permutation(rows)
    starts = list(range(0, len(order), size))
    if len(starts) > 1 and len(order) - starts[-1] == 1:
        starts.pop()
    for number, start in enumerate(starts):
        yield order[start:] if number == len(starts) - 1 else order[start : start + size]


def balanced_batches(rows: Ids, class_of: Ids, size: int, rng: np.random.Generator) -> Iterator[Ids]:
    """About as many draws as there are rows, equally many of each class, `size` at a time.

    `class_of` [n] goes with `rows` [n]. The pictures of a small class come again and again, each equally often but for
    one; of a large class some wait for another epoch.
    """
    members = members_by_group(rows, class_of)
    draws_per_class = -(-len(rows) // max(len(members), 1))
    drawn = [
        np.concatenate([rng.permutation(part) for _ in range(-(-draws_per_class // len(part)))])[:draws_per_class]
        for part in members.values()
    ]
    if drawn:
        yield from shuffled_batches(np.concatenate(drawn), size, rng)


def members_by_group(rows: Ids, group_of: Ids) -> dict[int, Ids]:
    """The rows of each group in their order, groups below 0 left out; `group_of` [n] goes with `rows` [n].

    Sorted once: to look for each group among all rows takes minutes at a million pictures.
    """
    if not len(rows):
        return {}
    order = np.argsort(group_of, kind="stable")
    groups, starts = np.unique(group_of[order], return_index=True)
    parts = np.split(rows[order], starts[1:])
    return {int(group): part for group, part in zip(groups, parts, strict=True) if group >= 0}


class BalancedSampler:
    """Batches of `groups` groups with `per_group` pictures each, drawn evenly from `categories` categories.

    `rows` [n] are the pictures, `group_of` and `category_of` [n] their groups (what is the same: a product) and
    categories as numbers, -1 for none. Groups of one picture cannot give a positive and are passed over. Few
    categories per batch make the negatives hard to tell apart.
    """

    def __init__(
        self, rows: Ids, group_of: Ids, category_of: Ids, *, groups: int, per_group: int, categories: int
    ) -> None:
        self._members = {group: part for group, part in members_by_group(rows, group_of).items() if len(part) > 1}
        categories_of = members_by_group(category_of, group_of)
        category = {group: int(categories_of[group][0]) for group in self._members}
        self._by_category: dict[int, list[int]] = {}
        for group, name in sorted(category.items()):
            self._by_category.setdefault(name, []).append(group)
        self._groups, self._per_group, self._categories = groups, per_group, categories

    @property
    def usable_groups(self) -> int:
        """Groups with more than one picture."""
        return len(self._members)

    def group_members(self, group: int) -> Ids:
        """The pictures of a group."""
        return self._members[group]

    def draw_batches(self, count: int, rng: np.random.Generator) -> Iterator[Ids]:
        """So many batches; each holds at least two groups where there are two."""
        for _ in range(count):
            yield np.concatenate([self._draw_members(group, rng) for group in self._choose_groups(rng)])

    def _choose_groups(self, rng: np.random.Generator) -> list[int]:
        names = list(self._by_category)
        picked = rng.permutation(len(names))[: max(1, self._categories)]
        pools = [rng.permutation(self._by_category[names[number]]).tolist() for number in picked]
        chosen: list[int] = []
        while len(chosen) < self._groups and any(pools):
            for pool in pools:
                if pool and len(chosen) < self._groups:
                    chosen.append(pool.pop())
        if len(chosen) == 1 and len(self._members) > 1:
            others = [group for group in self._members if group != chosen[0]]
            chosen.append(int(rng.choice(others)))
        return chosen

    def _draw_members(self, group: int, rng: np.random.Generator) -> Ids:
        members = self._members[group]
        drawn: Ids = rng.choice(members, self._per_group, replace=len(members) < self._per_group)
        return drawn
