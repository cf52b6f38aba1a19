"""What recipes learn from labels: pictures, what is known about them, and the base network's vectors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from models_registry.training.labels.reviewed_triplets import Reviewed

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from models_registry.embed import Picture
    from models_registry.spec import EncoderSpec
    from models_registry.store import Vectors

    Labels = Sequence[str | None]


@dataclass(frozen=True, slots=True)
class LabelledPictures:
    """Pictures [n] in the order of their keys. Every sequence has n entries; a label that is not known is None.

    `vectors` are the base encoder's at `base_tap` [n, d], read when asked for. `base_weights` is its main file, None
    where it has none. `reviewed` are triplets of rows that people have looked at.
    """

    name: str
    keys: Sequence[str]
    sha256s: Sequence[str]
    pictures: Sequence[Picture]
    categories: Labels
    products: Labels
    domains: Labels
    splits: Labels
    attributes: Sequence[Mapping[str, str]]
    base: EncoderSpec
    base_tap: str
    base_weights: Path | None
    vectors: Vectors
    reviewed: Reviewed = field(default_factory=Reviewed)

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def snapshot(self) -> str:
        """SHA-256 (hex) over everything that is learnt from: keys, pictures, boxes, labels and reviewed triplets."""
        digest = hashlib.sha256()
        boxes = [None if one.box is None else (one.box.x1, one.box.y1, one.box.x2, one.box.y2) for one in self.pictures]
        labels = (self.categories, self.products, self.domains, self.splits, self.attributes)
        for row in zip(self.keys, self.sha256s, boxes, *labels, strict=True):
            digest.update(json.dumps(row, sort_keys=True, default=dict).encode())
            digest.update(b"\n")
        for triplets in (self.reviewed.accepted, self.reviewed.rejected):
            digest.update(json.dumps(triplets.tolist()).encode())
        return digest.hexdigest()


def label_codes(labels: Labels) -> tuple[NDArray[np.int64], list[str]]:
    """Labels as numbers [n] in the order of their names, -1 for none, and the names."""
    names = sorted({label for label in labels if label is not None})
    number = {name: code for code, name in enumerate(names)}
    return np.array([-1 if label is None else number[label] for label in labels], dtype=np.int64), names
