"""Scores of whole lists: which of the first k are right, and how well the list is ordered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models_registry.neighbours import GroupPair, Neighbours, Visibility, group_codes

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    Labels = Sequence[Hashable | None]


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Which neighbours are right answers.

    `right` [Q, k] says whether the neighbour at each rank bears the query's label. `relevant` [Q] counts the right
    answers in the whole gallery that the query may see; where it is 0, or the query has no label, no score is known.
    """

    right: NDArray[np.bool_]
    relevant: NDArray[np.int64]


def find_hits(
    neighbours: Neighbours,
    query_labels: Labels,
    gallery_labels: Labels,
    *,
    query_ids: NDArray[np.int64],
    gallery_ids: NDArray[np.int64],
    hidden: Sequence[GroupPair] = (),
) -> Hits:
    """Compare labels along the neighbours, by the rules with which they were searched.

    Raises ValueError where labels and neighbours are of different numbers of queries.
    """
    of_query, of_gallery = group_codes(query_labels, gallery_labels)
    if len(neighbours) != len(of_query):
        raise ValueError(f"{len(of_query)} labels do not fit the neighbours of {len(neighbours)} queries.")
    indices = neighbours.indices
    answered = np.where(indices >= 0, of_gallery[indices] if len(of_gallery) else -1, -1)
    right = (answered == of_query[:, None]) & (of_query[:, None] >= 0)
    return Hits(right, relevant_counts(of_query, of_gallery, Visibility.from_ids(query_ids, gallery_ids, hidden)))


def relevant_counts(
    of_query: NDArray[np.int64], of_gallery: NDArray[np.int64], visibility: Visibility
) -> NDArray[np.int64]:
    """How many gallery rows that a query may see bear its label [Q]; labels as `group_codes` numbers them."""
    relevant = np.zeros(len(of_query), dtype=np.int64)
    members = _rows_by_label(of_gallery)
    for query in np.flatnonzero(of_query >= 0):
        same = members.get(int(of_query[query]))
        if same is not None:
            relevant[query] = len(same) - int(visibility.hidden_candidates(np.array([query]), same[None, :]).sum())
    return relevant


def recall_at(hits: Hits, k: int) -> NDArray[np.float64]:
    """Whether one of the first k neighbours is right: 1 or 0 per query [Q], NaN where nothing could be.

    This is what retrieval papers report as recall@k (and some as CMC). Raises ValueError where fewer than k
    neighbours were searched.
    """
    if not 1 <= k <= hits.right.shape[1]:
        raise ValueError(f"recall@{k} needs {k} neighbours per query; there are {hits.right.shape[1]}.")
    return np.where(hits.relevant > 0, hits.right[:, :k].any(axis=1), np.nan)


def map_at_r(hits: Hits, *, most: int | None = None) -> NDArray[np.float64]:
    """Mean average precision at R per query [Q], NaN where nothing could be right.

    With R right answers in the gallery: 1/R times the sum, over those of the first R ranks that hold one, of the
    share of right answers up to that rank (Musgrave, Belongie and Lim, A Metric Learning Reality Check, 2020).
    1 exactly where the first R neighbours are right. R is `most` at most where that is given. Raises ValueError
    where fewer than R neighbours were searched.
    """
    width = hits.right.shape[1]
    lengths = hits.relevant if most is None else np.minimum(hits.relevant, most)
    longest = int(lengths.max(initial=0))
    if longest > width:
        raise ValueError(f"mAP@R needs {longest} neighbours per query; there are {width}.")
    ranks = np.arange(1, width + 1)
    within = ranks[None, :] <= lengths[:, None]
    precision = np.cumsum(hits.right, axis=1) / ranks
    total = (precision * (hits.right & within)).sum(axis=1)
    return np.where(lengths > 0, total / np.maximum(lengths, 1), np.nan)


def coverage(neighbours: Neighbours, gallery_size: int) -> float | None:
    """The share of the gallery that is somebody's first neighbour; None where nothing was asked or is there.

    At most Q / N. Low beside other encoders on the same queries: a few candidates answer for all.
    """
    answered = neighbours.top[neighbours.top >= 0]
    if not len(answered) or not gallery_size:
        return None
    return float(len(np.unique(answered)) / gallery_size)


def _rows_by_label(codes: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """Gallery rows of each label."""
    order = np.argsort(codes, kind="stable")
    labels, starts = np.unique(codes[order], return_index=True)
    return {int(label): rows for label, rows in zip(labels, np.split(order, starts)[1:], strict=True) if label >= 0}
