"""What trained encoders answer, query by query, and products in two halves that share none: trained on either half and
asked of the other, every product is asked about once by an encoder that never saw it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from models_registry.encoders.checkpoint import SPEC, apply_head, read_checkpoint, read_head
from models_registry.evaluate import Interval, paired_difference, recall_at, split_of
from models_registry.training.labels import validation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from models_registry.evaluate.leak_free_splits import Split
    from models_registry.metrics import Metric
    from models_registry.training.labels.labelled_pictures import LabelledPictures

WAYS = (validation.Way("street to shop", "street", "shop"), validation.Way("shop to street", "shop", "street"))
SALT = "labels"
# A product's place between 0 and 1 decides; a fifth of the half that trains validates.
_SHARES: dict[str, dict[Split, float]] = {
    "second half asked": {"train": 0.4, "val": 0.1, "test": 0.5},
    "first half asked": {"test": 0.5, "train": 0.4, "val": 0.1},
}
HALVES = tuple(_SHARES)


def split_in_halves(data: LabelledPictures, half: str) -> LabelledPictures:
    """The same pictures, split so that the half of the products that is named is asked about."""
    shares = _SHARES[half]
    return replace(data, splits=[split_of(f"product/{name}", salt=SALT, shares=shares) for name in data.products])


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """Per query [Q] its product, and whether the first answer is right: the trained encoder's, the raw features'."""

    trained: np.ndarray
    raw: np.ndarray
    products: np.ndarray

    @classmethod
    def together(cls, parts: Sequence[Answered]) -> Answered:
        """The queries of all parts."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))

    def gain(self) -> Interval:
        """By how much more often the trained encoder is right; the queries of one product are drawn together."""
        _, clusters = np.unique(self.products, return_inverse=True)
        return paired_difference(self.trained, self.raw, clusters=clusters)


def answered(
    data: LabelledPictures, rows: NDArray[np.int64], encoder: Path, metric: Metric, own: Metric, way: validation.Way
) -> Answered:
    """What a trained encoder says by `metric`, and the raw features by `own`, to the pictures `rows` of `data`."""
    question = validation.question_of(data, rows, way)
    judge = question.choose_judge()
    spec = read_checkpoint(encoder / SPEC)
    raw = data.vectors.take(rows)
    trained = apply_head(spec.head, read_head(encoder / SPEC, spec), raw)

    def right(vectors: np.ndarray, by: Metric) -> np.ndarray:
        return recall_at(question.judge_answers(question.nearest_answers(vectors, by, 1), judge), 1)

    asked = rows[question.queries].tolist()
    return Answered(
        right(trained, metric), right(raw, own), np.array([data.products[row] or str(row) for row in asked])
    )


def unseen(data: LabelledPictures) -> NDArray[np.int64]:
    """The rows that are split off as test."""
    return np.flatnonzero(np.array(data.splits) == "test")
