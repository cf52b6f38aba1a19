"""Automatic scores of neighbours, from labels where there are any: per query, so that intervals can be put on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models_registry.neighbours import GroupPair, Neighbours, Visibility, group_codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Labels = Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Score:
    """A mean over the `n` queries for which it can be computed; `value` is None when there are none."""

    value: float | None
    n: int


def mean_score(per_query: NDArray[np.float64]) -> Score:
    """The mean of per-query values [Q], passing over those that are not known (NaN)."""
    known_values = per_query[~np.isnan(per_query)]
    return Score(float(known_values.mean()) if len(known_values) else None, len(known_values))


def category_match(neighbours: Neighbours, query_labels: Labels, gallery_labels: Labels) -> NDArray[np.float64]:
    """Whether the first neighbour has the query's label: 1 or 0 per query [Q], NaN where either has none."""
    of_query, of_gallery = group_codes(query_labels, gallery_labels)
    _same_length(neighbours, of_query)
    top = neighbours.top
    answered = np.full(len(top), -1, dtype=np.int64)
    answered[top >= 0] = of_gallery[top[top >= 0]]
    return np.where((of_query >= 0) & (answered >= 0), of_query == answered, np.nan)


def expected_random_match(
    query_labels: Labels,
    gallery_labels: Labels,
    *,
    query_ids: NDArray[np.int64],
    gallery_ids: NDArray[np.int64],
    hidden: Sequence[GroupPair] = (),
) -> Score:
    """What `category_match` gives on average for `random_control` with the same ids and rules.

    Per query: of the visible candidates that have a label, the share that has the query's. Queries without a label
    or without such candidates do not count.
    """
    of_query, of_gallery = group_codes(query_labels, gallery_labels)
    visibility = Visibility.from_ids(query_ids, gallery_ids, hidden)
    shares = np.full(len(of_query), np.nan)
    for query in np.flatnonzero(of_query >= 0):
        candidates = of_gallery[visibility.visible_to(int(query)) & (of_gallery >= 0)]
        if len(candidates):
            shares[query] = np.mean(candidates == of_query[query])
    return mean_score(shares)


def product_recall(
    neighbours: Neighbours,
    query_products: Labels,
    gallery_products: Labels,
    *,
    query_ids: NDArray[np.int64],
    gallery_ids: NDArray[np.int64],
    hidden: Sequence[GroupPair] = (),
    k: int = 1,
) -> NDArray[np.float64]:
    """Whether one of the first k neighbours shows the query's product: 1 or 0 per query [Q].

    NaN where the query's product is not known or the gallery has no other visible picture of it, so a search that
    hides products from themselves gives NaN throughout.
    """
    of_query, of_gallery = group_codes(query_products, gallery_products)
    _same_length(neighbours, of_query)
    visibility = Visibility.from_ids(query_ids, gallery_ids, hidden)
    recall = np.full(len(of_query), np.nan)
    for query in np.flatnonzero(of_query >= 0):
        is_right = visibility.visible_to(int(query)) & (of_gallery == of_query[query])
        if is_right.any():
            first = neighbours.indices[query, :k]
            recall[query] = is_right[first[first >= 0]].any()
    return recall


def hubness(neighbours: Neighbours) -> float | None:
    """The largest share of queries whose first neighbour is one and the same candidate; None without queries.

    Near 1 / Q when every query has its own; high values tell of an encoder that gives everybody the same answer.
    """
    answered = neighbours.top[neighbours.top >= 0]
    if not len(answered):
        return None
    return float(np.bincount(answered).max() / len(answered))


def _same_length(neighbours: Neighbours, of_query: NDArray[np.int64]) -> None:
    if len(neighbours) != len(of_query):
        raise ValueError(f"{len(of_query)} labels do not fit the neighbours of {len(neighbours)} queries.")
