"""What is learnt from: its snapshot changes with everything that matters, labels become numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from models_registry.spec import Box
from models_registry.training.labels.labelled_pictures import LabelledPictures, label_codes
from models_registry.training.labels.reviewed_triplets import Reviewed
from tests.models_registry.training.clouds import clouds


def test_a_snapshot_changes_with_all_that_is_learnt_from() -> None:
    data = clouds(products=3, pictures=2)
    triplet = np.array([[0, 1, 2]])

    def boxed(*corners: int) -> LabelledPictures:
        return replace(data, pictures=[replace(data.pictures[0], box=Box(*corners)), *data.pictures[1:]])

    def changed(name: str, value: Any) -> LabelledPictures:
        return replace(data, **{name: [value, *getattr(data, name)[1:]]})

    others = [
        boxed(0, 0, 8, 8), boxed(1, 0, 8, 8), boxed(0, 1, 8, 8), boxed(0, 0, 9, 8), boxed(0, 0, 8, 9),
        changed("keys", "other"), changed("sha256s", "other"), changed("categories", None), changed("products", None),
        changed("domains", None), changed("splits", "test"), changed("attributes", {"colour": "red"}),
        replace(data, reviewed=Reviewed(accepted=triplet)), replace(data, reviewed=Reviewed(rejected=triplet)),
    ]  # fmt: skip
    snapshots = [one.snapshot for one in (data, *others)]
    assert len(set(snapshots)) == len(snapshots)


def test_a_snapshot_stays_with_what_does_not_matter() -> None:
    data = clouds(products=3, pictures=2)
    attributes = [{"colour": "red", "shape": "round"} for _ in range(6)]
    turned = [{"shape": "round", "colour": "red"} for _ in range(6)]
    assert replace(data, attributes=attributes).snapshot == replace(data, attributes=turned).snapshot
    assert replace(data, name="renamed", base_tap="other", reviewed=Reviewed()).snapshot == data.snapshot
    assert len(data.snapshot) == 64
    assert len(data) == 6


def test_neighbouring_pictures_do_not_run_into_one_another() -> None:
    data = clouds(products=2, pictures=1)
    assert replace(data, keys=["a", "b"]).snapshot != replace(data, keys=["b", "a"]).snapshot


def test_labels_are_numbered_in_the_order_of_their_names() -> None:
    codes, names = label_codes(["skirt", None, "coat", "skirt", "dress"])
    assert codes.tolist() == [2, -1, 0, 2, 1]
    assert names == ["coat", "dress", "skirt"]
    codes, names = label_codes([None])
    assert (codes.tolist(), names) == ([-1], [])
