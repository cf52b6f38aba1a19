"""Pairs of items that may be one, each at the highest of three levels; memory holds a batch and what was proposed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from models_registry.duplicates.picture_hash import HASH_BITS
from models_registry.duplicates.same_picture import pair_features

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from models_registry.duplicates.same_picture import PictureCalibration
    from models_registry.index import VectorIndex
    from models_registry.metrics import Metric

DuplicateLevel = Literal["bytes", "picture", "thing"]

NEIGHBOURS = 10
_BATCH = 256


@dataclass(frozen=True, slots=True)
class DuplicatePair:
    """Two items, the lower number first. `distance` is that of their vectors, `hash_distance` counts bits of 256.

    `score` orders the pairs of one level, the surest highest: 1 for the same bytes, the calibration's for pictures, the
    distance turned round for things.
    """

    first: int
    second: int
    level: DuplicateLevel
    score: float
    distance: float | None
    hash_distance: int | None


@dataclass(frozen=True, slots=True, eq=False)
class PictureMarks:
    """By what pictures are told apart, a row per item: SHA-256 of the bytes and `picture_hash` [n, m, 32].

    `products` [n] are numbers of known products, -1 for none: items of one product are no news at the level of things.
    """

    ids: NDArray[np.int64]
    sha256: Sequence[str]
    hashes: NDArray[np.uint8]
    products: NDArray[np.int64] | None = None


def propose_duplicates(
    index: VectorIndex,
    marks: PictureMarks,
    *,
    metric: Metric,
    calibration: PictureCalibration,
    thing_within: float,
) -> Iterator[DuplicatePair]:
    """Every pair once: the same bytes first, then batch by batch what the index finds near each item.

    Of many items with the same bytes each is paired with the first. Items that the index does not hold take part by
    their bytes alone.
    """
    proposed: set[tuple[int, int]] = set()
    for pair in _same_bytes(marks):
        proposed.add((pair.first, pair.second))
        yield pair
    row_of = {item: row for row, item in enumerate(marks.ids.tolist())}
    first_of = _first_with_same_bytes(marks)
    for rows in _row_batches(index, marks):
        for pair in _near_pairs(index, marks, rows, row_of, metric, calibration, thing_within):
            first_row, second_row = row_of[pair.first], row_of[pair.second]
            if (pair.first, pair.second) not in proposed and first_of[first_row] != first_of[second_row]:
                proposed.add((pair.first, pair.second))
                yield pair


def _first_with_same_bytes(marks: PictureMarks) -> list[int]:
    first: dict[str, int] = {}
    return [first.setdefault(sha256, row) for row, sha256 in enumerate(marks.sha256)]


def _same_bytes(marks: PictureMarks) -> Iterator[DuplicatePair]:
    for row, first in enumerate(_first_with_same_bytes(marks)):
        if row != first:
            low, high = sorted((int(marks.ids[first]), int(marks.ids[row])))
            yield DuplicatePair(low, high, "bytes", 1.0, None, 0)


def _row_batches(index: VectorIndex, marks: PictureMarks) -> Iterator[NDArray[np.int64]]:
    """Rows of the marks that the index holds."""
    indexed_rows = np.flatnonzero(index.slots_of(marks.ids) >= 0).astype(np.int64)
    return (indexed_rows[start : start + _BATCH] for start in range(0, len(indexed_rows), _BATCH))


def _near_pairs(
    index: VectorIndex,
    marks: PictureMarks,
    rows: NDArray[np.int64],
    row_of: dict[int, int],
    metric: Metric,
    calibration: PictureCalibration,
    thing_within: float,
) -> Iterator[DuplicatePair]:
    ids = marks.ids[rows]
    answers = index.search(index.vectors_of(index.slots_of(ids)), metric=metric, k=NEIGHBOURS, query_ids=ids)
    query_numbers, column = np.nonzero(answers.ids >= 0)
    others = np.array([row_of.get(item, -1) for item in answers.ids[query_numbers, column].tolist()], dtype=np.int64)
    has_mark = others >= 0
    ones, others, distances = (
        rows[query_numbers[has_mark]],
        others[has_mark],
        answers.distances[query_numbers, column][has_mark],
    )
    features = pair_features(distances, marks.hashes[ones], marks.hashes[others])
    scores = calibration.likeness_scores(features)
    same_product = _same_product(marks, ones, others)
    for pair_number in np.flatnonzero(
        (scores >= calibration.threshold) | ((distances <= thing_within) & ~same_product)
    ):
        low, high = sorted((int(marks.ids[ones[pair_number]]), int(marks.ids[others[pair_number]])))
        is_same_picture = bool(scores[pair_number] >= calibration.threshold)
        distance = float(distances[pair_number])
        bits = round(features[pair_number, 1] * HASH_BITS)
        score = float(scores[pair_number]) if is_same_picture else -distance
        yield DuplicatePair(low, high, "picture" if is_same_picture else "thing", score, distance, bits)


def _same_product(marks: PictureMarks, ones: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
    if marks.products is None:
        return np.zeros(len(ones), dtype=np.bool_)
    return np.asarray((marks.products[ones] == marks.products[others]) & (marks.products[ones] != -1))
