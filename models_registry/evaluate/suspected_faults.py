"""Pictures that may be at fault, for a person to confirm: by what was flagged before, and by how they lie among others.

    like flagged    most of its nearest pictures bear one flag: a close-up among close-ups that people flagged
    wrong label     none of its nearest pictures is of its category, and most of them agree on another one
    outlying        it lies so far from the nearest of its own category as hardly any other picture of that category

Nothing is decided here: a network's opinion of a picture is a reason to look at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from models_registry.neighbours import nearest
from models_registry.store import Vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models_registry.metrics import Metric

Reason = Literal["like flagged", "wrong label", "outlying"]
NEIGHBOURS = 10
AGREED = 0.6
"""So many of the nearest must agree."""
FAR = 4.0
"""Robust standard deviations (1.4826 times the median deviation) above the median of the category."""
_FEWEST = 8
"""A category with fewer pictures has no outliers."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row, why it is suspected, what speaks for it (the name of a flag or category), and how strongly: the share of
    its neighbours that agree, or for outliers their deviations."""

    row: int
    reason: Reason
    told: str
    strength: float


def suspected_faults(
    vectors: NDArray[np.float32], metric: Metric, categories: Sequence[str | None], flags: Sequence[str | None]
) -> list[Suspect]:
    """The suspects among rows [n] that bear no flag, the strongest of each reason first.

    A row is told once, by the first reason in the order above. `flags` [n] are the reasons of those that were flagged.
    """
    count = len(vectors)
    if count < 2:
        return []
    table, ids = Vectors.from_array(vectors), np.arange(count, dtype=np.int64)
    k = min(NEIGHBOURS, count - 1)
    neighbours = nearest(table, table, metric=metric, k=k, query_ids=ids, gallery_ids=ids)
    far = _robust_deviations(vectors, metric, categories)
    suspects = []
    for row in range(count):
        if flags[row]:
            continue
        near_rows = neighbours.indices[row][neighbours.indices[row] >= 0].tolist()
        suspect = (
            _like_flagged(row, [flags[one] for one in near_rows])
            or _wrong_label(row, categories[row], [categories[one] for one in near_rows])
            or (Suspect(row, "outlying", categories[row] or "", float(far[row])) if far[row] > FAR else None)
        )
        if suspect is not None:
            suspects.append(suspect)
    order = {"like flagged": 0, "wrong label": 1, "outlying": 2}
    return sorted(suspects, key=lambda one: (order[one.reason], -one.strength, one.row))


def _like_flagged(row: int, around: Sequence[str | None]) -> Suspect | None:
    name, share = _most_common_name(around)
    return Suspect(row, "like flagged", name, share) if name and share >= AGREED else None


def _wrong_label(row: int, category: str | None, around: Sequence[str | None]) -> Suspect | None:
    if not category or category in around:
        return None
    name, share = _most_common_name(around)
    return Suspect(row, "wrong label", name, share) if name and share >= AGREED else None


def _most_common_name(names: Sequence[str | None]) -> tuple[str, float]:
    """The name that most bear, with its share of all; no name where nobody bears one."""
    given_names = [name for name in names if name]
    if not given_names:
        return "", 0.0
    best = max(sorted(set(given_names)), key=given_names.count)
    return best, given_names.count(best) / len(names)


def _robust_deviations(
    vectors: NDArray[np.float32], metric: Metric, categories: Sequence[str | None]
) -> NDArray[np.float64]:
    """How far each row [n] lies from the nearest of its category, in robust deviations; 0 where that is not known."""
    far = np.zeros(len(vectors))
    for name in sorted({category for category in categories if category}):
        rows = np.array([row for row, own in enumerate(categories) if own == name], dtype=np.int64)
        if len(rows) < _FEWEST:
            continue
        part = Vectors.from_array(vectors[rows])
        distances = nearest(part, part, metric=metric, k=3, query_ids=rows, gallery_ids=rows).distances.mean(axis=1)
        middle = np.median(distances)
        spread = 1.4826 * np.median(np.abs(distances - middle))
        far[rows] = (distances - middle) / max(float(spread), 1e-12)
    return far
