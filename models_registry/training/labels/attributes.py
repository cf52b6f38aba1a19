"""Attributes as numbers, what two pictures share of them, and triplets by levels of that."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models_registry.training.common.training_errors import UnusableLabels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models_registry.neighbours import Neighbours
    from models_registry.training.labels.labelled_pictures import LabelledPictures

    Ids = NDArray[np.int64]

CATEGORY = "category"
_TRIES = 20
MOST_REMEMBERED = 1 << 28


@dataclass(frozen=True, slots=True)
class AttributeTable:
    """`values` [pictures, attributes]: the number of the value, -1 where it is not known; `sizes`: how many there are.

    The category counts as an attribute, the first one, where there are categories.
    """

    names: tuple[str, ...]
    values: Ids
    sizes: tuple[int, ...]

    @classmethod
    def from_pictures(cls, data: LabelledPictures) -> AttributeTable:
        """Attributes with at least two values; raises UnusableLabels where there is none."""
        columns: dict[str, list[str | None]] = {CATEGORY: list(data.categories)}
        for name in sorted({name for attributes in data.attributes for name in attributes}):
            columns[name] = [attributes.get(name) or None for attributes in data.attributes]
        names, numbers, sizes = [], [], []
        for name, column in columns.items():
            # A value that one picture alone has tells nothing about another.
            repeated_values = sorted(
                value for value, count in Counter(column).items() if value is not None and count > 1
            )
            if len(repeated_values) > 1:
                number: dict[str | None, int] = {value: code for code, value in enumerate(repeated_values)}
                names.append(name)
                numbers.append([number.get(value, -1) for value in column])
                sizes.append(len(repeated_values))
        if not names:
            raise UnusableLabels(
                f"No attribute of {data.name} has two values with two pictures each: there is nothing to learn from."
            )
        return cls(tuple(names), np.array(numbers, dtype=np.int64).T, tuple(sizes))

    def values_of(self, name: str) -> Ids:
        """The values [pictures] of one attribute; raises UnusableLabels naming those there are."""
        if name not in self.names:
            raise UnusableLabels(f"There is no attribute {name} with two values; there are {', '.join(self.names)}.")
        return self.values[:, self.names.index(name)]


def shared_attributes(values: Ids, row: int, others: Ids) -> tuple[NDArray[np.float64], Ids]:
    """What a picture shares with others [n]: matched attributes over those known of both (0 where none is), and how
    many are known of both."""
    anchor_values, other_values = values[row], values[others]
    known_of_both = (other_values >= 0) & (anchor_values >= 0)
    count = known_of_both.sum(axis=1)
    matched = (known_of_both & (other_values == anchor_values)).sum(axis=1)
    return matched / np.maximum(count, 1), count


def tag_overlap(values: Ids, row: int, others: Ids) -> tuple[NDArray[np.float64], Ids]:
    """How far the tags of a picture overlap with those of others [n], a tag being an attribute with its value: those
    of both over those of either (0 where neither has one), and how many attributes are known of either."""
    anchor_values, other_values = values[row], values[others]
    both = ((other_values >= 0) & (other_values == anchor_values)).sum(axis=1)
    either = (other_values >= 0).sum(axis=1) + (anchor_values >= 0).sum() - both
    return both / np.maximum(either, 1), ((other_values >= 0) | (anchor_values >= 0)).sum(axis=1)


LIKENESS = {"share": shared_attributes, "overlap": tag_overlap}
"""What the bounds between levels are about, by its name in the settings."""


def attribute_levels(
    table: AttributeTable, row: int, others: Ids, bounds: Sequence[float], fewest_known: int, likeness: str = "share"
) -> Ids:
    """The level of each other picture [n], 0 the closest; -1 where too little is known.

    Of the same category by bounds: share >= bounds[0] is level 0, and so on; all other categories are the last one.
    """
    share, count = LIKENESS[likeness](table.values, row, others)
    level = np.full(len(others), len(bounds), dtype=np.int64)
    for number, bound in reversed(list(enumerate(bounds))):
        level[share >= bound] = number
    if CATEGORY in table.names:
        category = table.values_of(CATEGORY)
        level[category[others] != category[row]] = len(bounds) + 1
        level[(category[others] < 0) | (category[row] < 0)] = -1
    level[count < fewest_known] = -1
    level[others == row] = -1
    return level


def draw_triplets(rows: Ids, level_of: LevelOf, count: int, rng: np.random.Generator) -> Ids:
    """Anchor, positive and negative [count at most, 3]: for each a level and one farther away, both at random."""
    triplets: list[tuple[int, int, int]] = []
    for _ in range(count * _TRIES):
        if len(triplets) == count:
            break
        anchor = int(rng.choice(rows))
        level = level_of(anchor)
        levels_present = np.unique(level[level >= 0])
        if len(levels_present) < 2:
            continue
        near, far = np.sort(rng.choice(levels_present, 2, replace=False))
        triplets.append((anchor, int(rng.choice(rows[level == near])), int(rng.choice(rows[level == far]))))
    return np.array(triplets, dtype=np.int64).reshape(-1, 3)


class LevelOf:
    """The levels of all training pictures as an anchor sees them; the last ones are remembered, up to 256 MB.

    `fewest_known` attributes must be known of both pictures, all of them where there are fewer.
    """

    def __init__(
        self, table: AttributeTable, rows: Ids, bounds: Sequence[float], fewest_known: int, likeness: str = "share"
    ) -> None:
        self._table, self._rows, self._bounds = table, rows, bounds
        self._fewest_known = min(fewest_known, len(table.names))
        self._likeness = likeness
        self._seen: OrderedDict[int, NDArray[np.int8]] = OrderedDict()

    def __call__(self, anchor: int) -> NDArray[np.int8]:
        if anchor not in self._seen:
            self._seen[anchor] = self._levels_seen_by(anchor)
            if len(self._seen) * len(self._rows) > MOST_REMEMBERED:
                self._seen.popitem(last=False)
        return self._seen[anchor]

    def _levels_seen_by(self, anchor: int) -> NDArray[np.int8]:
        level = attribute_levels(self._table, anchor, self._rows, self._bounds, self._fewest_known, self._likeness)
        return level.astype(np.int8)


class SameOrNot(LevelOf):
    """Two levels only: the same value of one attribute, and another one."""

    def __init__(self, values: Ids, rows: Ids) -> None:
        self._values, self._rows = values, rows
        self._seen = OrderedDict()

    def _levels_seen_by(self, anchor: int) -> NDArray[np.int8]:
        anchor_value, other_values = self._values[anchor], self._values[self._rows]
        level = np.where(other_values == anchor_value, 0, 1).astype(np.int8)
        level[(other_values < 0) | (anchor_value < 0) | (self._rows == anchor)] = -1
        return level


def shares_of_first(
    table: AttributeTable, queries: Ids, gallery: Ids, rows: Ids, neighbours: Neighbours
) -> NDArray[np.float64]:
    """Mean share of attributes that each query [Q] has in common with its neighbours; NaN where it has none.

    `queries` [Q] are pictures, `gallery` the places in `rows` that the neighbours' indices count.
    """
    share = np.full(len(queries), np.nan)
    for number, near in enumerate(neighbours.indices):
        others = rows[gallery[near[near >= 0]]]
        if len(others):
            share[number] = shared_attributes(table.values, int(queries[number]), others)[0].mean()
    return share
