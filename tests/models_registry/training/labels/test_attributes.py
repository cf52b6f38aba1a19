"""Attributes as numbers, what pictures share of them, and triplets by levels: as loops over pairs tell it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from models_registry.neighbours import Neighbours
from models_registry.training.common.training_errors import UnusableLabels
from models_registry.training.labels import attributes
from models_registry.training.labels.attributes import (
    AttributeTable,
    LevelOf,
    SameOrNot,
    attribute_levels,
    draw_triplets,
    shared_attributes,
    shares_of_first,
    tag_overlap,
)
from models_registry.training.labels.labelled_pictures import LabelledPictures
from tests.models_registry.training.clouds import clouds


def pictures_with(
    colours: list[str | None], shapes: list[str | None], categories: list[str | None]
) -> LabelledPictures:
    data = clouds(products=len(colours), pictures=1)
    told = [
        {name: value for name, value in (("shape", shape), ("colour", colour)) if value is not None}
        for shape, colour in zip(shapes, colours, strict=True)
    ]
    return replace(data, categories=categories, attributes=told)


def share_by_loop(values: np.ndarray, row: int, other: int) -> tuple[float, int]:
    known = [name for name in range(values.shape[1]) if values[row, name] >= 0 and values[other, name] >= 0]
    agreed = [name for name in known if values[row, name] == values[other, name]]
    return (len(agreed) / len(known) if known else 0.0), len(known)


def overlap_by_sets(values: np.ndarray, row: int, other: int) -> tuple[float, int]:
    one, two = ({(name, value) for name, value in enumerate(values[n]) if value >= 0} for n in (row, other))
    either = one | two
    return (len(one & two) / len(either) if either else 0.0), len({name for name, _ in either})


def level_by_loop(table: AttributeTable, row: int, other: int, bounds: list[float], fewest: int, likeness: str) -> int:
    share, count = (share_by_loop if likeness == "share" else overlap_by_sets)(table.values, row, other)
    if row == other or count < fewest:
        return -1
    if "category" in table.names:
        own, others = (table.values[n, table.names.index("category")] for n in (row, other))
        if own < 0 or others < 0:
            return -1
        if own != others:
            return len(bounds) + 1
    return next((number for number, bound in enumerate(bounds) if share >= bound), len(bounds))


def test_values_are_numbered_by_name_and_those_of_one_picture_or_none_are_unknown() -> None:
    data = pictures_with(
        colours=["red", "blue", "", "red", "blue", "green", None],
        shapes=["round", "round", "square", "flat", None, "square", "flat"],
        categories=["dress", "dress", "coat", "coat", None, "coat", "hat"],
    )
    table = AttributeTable.from_pictures(data)
    assert table.names == ("category", "colour", "shape")
    assert table.sizes == (2, 2, 3)
    assert table.values.T.tolist() == [[1, 1, 0, 0, -1, 0, -1], [1, 0, -1, 1, 0, -1, -1], [1, 1, 2, 0, -1, 2, 0]]
    assert table.values_of("shape").tolist() == [1, 1, 2, 0, -1, 2, 0]


def test_an_attribute_that_is_not_there_is_told_with_those_that_are() -> None:
    table = AttributeTable(("category", "colour"), np.zeros((2, 2), dtype=np.int64), (2, 2))
    with pytest.raises(UnusableLabels, match="no attribute shape with two values; there are category, colour"):
        table.values_of("shape")


def test_pictures_that_no_attribute_tells_apart_are_refused() -> None:
    data = pictures_with(["red", "red", "blue"], [None, None, None], ["dress", "dress", "dress"])
    with pytest.raises(UnusableLabels, match="No attribute of clouds has two values with two pictures each"):
        AttributeTable.from_pictures(data)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (12, 1), (25, 5)])
def test_shares_and_overlaps_are_those_of_a_loop_over_attributes(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(0).integers(-1, 3, size=shape)
    everyone = np.arange(len(values))
    for row in everyone:
        share, known = shared_attributes(values, row, everyone)
        overlap, either = tag_overlap(values, row, everyone)
        assert list(zip(share, known, strict=True)) == [share_by_loop(values, row, other) for other in everyone]
        assert list(zip(overlap, either, strict=True)) == [overlap_by_sets(values, row, other) for other in everyone]


@pytest.mark.parametrize("likeness", ["share", "overlap"])
@pytest.mark.parametrize("names", [("category", "a", "b", "c"), ("a", "category", "b", "c"), ("a", "b", "c", "d")])
@pytest.mark.parametrize(("bounds", "fewest"), [([1.0, 0.5], 2), ([0.75, 0.5, 0.25], 3), ([0.5], 1)])
def test_levels_are_those_of_a_loop_over_bounds(
    names: tuple[str, ...], bounds: list[float], fewest: int, likeness: str
) -> None:
    table = AttributeTable(names, np.random.default_rng(0).integers(-1, 2, size=(40, 4)), (2,) * 4)
    others = np.arange(5, 40)
    for row in range(40):
        expected = [level_by_loop(table, row, other, bounds, fewest, likeness) for other in others]
        assert attribute_levels(table, row, others, bounds, fewest, likeness).tolist() == expected
        if likeness == "share":
            assert attribute_levels(table, row, others, bounds, fewest).tolist() == expected


def test_all_attributes_must_be_known_where_there_are_fewer_than_asked_for() -> None:
    table = AttributeTable(("a", "b"), np.array([[0, 0], [0, 0], [0, 1], [1, -1]]), (2, 2))
    assert LevelOf(table, np.arange(4), [1.0, 0.5], 3)(0).tolist() == [-1, 0, 1, -1]
    assert LevelOf(table, np.arange(4), [1.0, 0.5], 1)(0).tolist() == [-1, 0, 1, 2]


def test_what_an_anchor_sees_follows_the_likeness_asked_for() -> None:
    table = AttributeTable(("a", "b"), np.array([[0, 0], [0, -1]]), (1, 1))
    assert LevelOf(table, np.arange(2), [1.0], 1)(0).tolist() == [-1, 0]
    assert LevelOf(table, np.arange(2), [1.0], 1, "overlap")(0).tolist() == [-1, 1]


def test_one_attribute_parts_the_same_from_others_and_leaves_out_the_unknown() -> None:
    values, rows = np.array([0, 1, 0, -1, 1, -1, 0]), np.array([1, 2, 3, 4, 6])
    same_or_not = SameOrNot(values, rows)
    for anchor in range(7):
        expected = [
            -1 if other == anchor or values[other] < 0 or values[anchor] < 0 else int(values[other] != values[anchor])
            for other in rows
        ]
        assert same_or_not(anchor).tolist() == expected


def test_levels_of_the_latest_anchors_are_kept_as_far_as_memory_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert attributes.MOST_REMEMBERED == 256 * 1024**2
    monkeypatch.setattr(attributes, "MOST_REMEMBERED", 30)
    level_of = SameOrNot(np.arange(10) % 2, np.arange(10))
    first = [level_of(anchor) for anchor in (0, 1, 2)]
    assert [level_of(anchor) is levels for anchor, levels in zip((0, 1, 2), first, strict=True)] == [True] * 3
    level_of(3)
    assert [level_of(anchor) is levels for anchor, levels in zip((1, 2), first[1:], strict=True)] == [True] * 2
    assert level_of(0) is not first[0]
    assert level_of(0).tolist() == first[0].tolist()


def test_every_triplet_has_its_positive_on_a_nearer_level_than_its_negative() -> None:
    rng = np.random.default_rng(4)
    table = AttributeTable(("category", "a", "b"), rng.integers(-1, 2, size=(60, 3)), (2, 2, 2))
    rows = np.arange(10, 60)
    level_of = LevelOf(table, rows, [1.0, 0.5], 2)
    triplets = draw_triplets(rows, level_of, 500, rng)
    assert triplets.shape == (500, 3)
    pairs = Counter()
    for anchor, positive, negative in triplets.tolist():
        near, far = (int(level_of(anchor)[other - 10]) for other in (positive, negative))
        assert 0 <= near < far
        pairs[near, far] += 1
    assert set(pairs) == {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)}
    assert set(triplets[:, 0].tolist()) == {row for row in rows.tolist() if len({*level_of(row).tolist()} - {-1}) > 1}


def test_two_levels_are_enough_for_triplets_and_one_is_not() -> None:
    rng, rows = np.random.default_rng(0), np.arange(6)
    assert len(draw_triplets(rows, SameOrNot(np.array([0, 0, 0, 1, 1, 1]), rows), 7, rng)) == 7
    assert draw_triplets(rows, SameOrNot(np.zeros(6, dtype=np.int64), rows), 7, rng).shape == (0, 3)


def test_twenty_anchors_are_looked_at_for_each_triplet_that_is_asked_for() -> None:
    class Counted(SameOrNot):
        looks = 0

        def __call__(self, anchor: int) -> np.ndarray:
            self.looks += 1
            return super().__call__(anchor)

    rows = np.arange(6)
    hopeless, plain = Counted(np.zeros(6, dtype=np.int64), rows), Counted(np.array([0, 0, 0, 1, 1, 1]), rows)
    draw_triplets(rows, hopeless, 7, np.random.default_rng(0))
    draw_triplets(rows, plain, 7, np.random.default_rng(0))
    assert (hopeless.looks, plain.looks) == (7 * 20, 7)


def test_what_first_answers_share_is_the_mean_over_those_that_are_there() -> None:
    """Queries are pictures; neighbours count places in the gallery, which counts places among the rows."""
    rng = np.random.default_rng(1)
    table = AttributeTable(("a", "b", "c"), rng.integers(-1, 2, size=(20, 3)), (2, 2, 2))
    rows, gallery, queries = np.arange(19, 4, -1), np.array([2, 3, 5, 8, 13]), np.array([0, 7, 12, 3])
    indices = np.array([[4, 0, 2], [0, 1, -1], [-1, -1, -1], [3, -1, -1]])
    distances = np.where(indices < 0, np.nan, np.arange(3.0))
    found = shares_of_first(table, queries, gallery, rows, Neighbours(indices, distances))
    expected = [
        np.mean([share_by_loop(table.values, query, rows[gallery[place]])[0] for place in near if place >= 0] or np.nan)
        for query, near in zip(queries, indices, strict=True)
    ]
    assert found == pytest.approx(expected, nan_ok=True)
    assert np.isnan(found).tolist() == [False, False, True, False]
