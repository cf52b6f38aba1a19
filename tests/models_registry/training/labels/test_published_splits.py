"""Splits as a catalogue brings them: each picture's part, and validation cut from what trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from models_registry.training.labels.label_configs import LoopConfig
from models_registry.training.labels.labelled_pictures import LabelledPictures
from models_registry.training.labels.published_splits import published_splits
from tests.models_registry.training.clouds import clouds

CONFIG = LoopConfig(split="catalogue", validation_share=0.3)


def split_pictures(splits: Sequence[str | None], products: Sequence[str | None]) -> LabelledPictures:
    return replace(clouds(products=len(splits), pictures=1), splits=splits, products=products)


def test_every_name_of_a_part_is_understood_in_whatever_case() -> None:
    names = ["train", "Val", "VALIDATION", "test", "Query", "gallery", "other", "", None]
    data = split_pictures([*names], [None] * 9)
    assert published_splits(data, CONFIG) == ["train", "val", "val", "test", "test", "test", "", "", ""]


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        (["train", None, "val"], ["train", "train", "val"]),
        (["test", None, "val"], ["test", "test", "val"]),
        ([None, "val", "val"], ["val", "val", "val"]),
        # Pictures of both parts: the one without a split is kept from training, whichever comes first.
        (["train", "test", None, "val"], ["train", "test", "test", "val"]),
        (["test", "train", None, "val"], ["test", "train", "test", "val"]),
        (["test", "", "train", "val"], ["test", "test", "train", "val"]),
    ],
)
def test_a_picture_without_a_split_goes_where_its_product_goes(splits: list[str | None], expected: list[str]) -> None:
    products: list[str | None] = ["a"] * (len(splits) - 1)
    assert published_splits(split_pictures(splits, [*products, "b"]), CONFIG) == expected
    alone = published_splits(split_pictures([*splits, None], [*products, "b", None]), CONFIG)
    assert alone == [*expected, ""]


def test_of_pictures_without_a_product_none_speaks_for_another() -> None:
    data = split_pictures(["train", None, "val", "test"], [None, None, None, ""])
    assert published_splits(data, CONFIG) == ["train", "", "val", "test"]


def test_validation_is_cut_from_the_training_products_in_its_share_and_nothing_else_moves() -> None:
    count = 3000
    splits: list[str | None] = ["test" if row % 6 > 3 else "train" for row in range(count)]
    products: list[str | None] = [f"product-{row // 2}" if row % 6 > 1 else None for row in range(count)]
    data = split_pictures(splits, products)
    parts = published_splits(data, CONFIG)
    assert [part == "test" for part in parts] == [split == "test" for split in splits]
    trained = [part for part in parts if part != "test"]
    assert set(trained) == {"train", "val"}
    assert trained.count("val") / len(trained) == pytest.approx(0.3, abs=0.03)
    assert all(parts[row] == parts[row + 1] for row in range(0, count, 2) if row % 6 > 1)
    # Without a product each picture falls by itself.
    assert any(parts[row] != parts[row + 1] for row in range(0, count, 6))
    assert parts != published_splits(data, replace(CONFIG, salt="other"))


def test_a_validation_part_that_is_there_stays_as_it_is() -> None:
    splits = ["train"] * 60 + ["val"] + ["test"] * 3
    data = split_pictures(splits, [f"product-{row}" for row in range(64)])
    assert published_splits(data, CONFIG) == splits
