"""Answers after a change of the gallery, without asking again where the answer cannot have changed.

The k nearest of a query in a gallery that lost rows and got others are among its k nearest of before and its k nearest
of the new rows, as long as none of those of before is gone. Only queries that lost one are searched in full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models_registry.neighbours.equal_rows import draw_lots
from models_registry.neighbours.search import nearest
from models_registry.neighbours.search_result import Neighbours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models_registry.metrics import Metric
    from models_registry.neighbours.visibility import GroupPair
    from models_registry.store import Vectors


def refresh_neighbours(
    before: Neighbours,
    stale: NDArray[np.bool_],
    added: NDArray[np.int64],
    queries: Vectors,
    gallery: Vectors,
    *,
    metric: Metric,
    k: int,
    query_ids: NDArray[np.int64],
    gallery_ids: NDArray[np.int64],
    lots: NDArray[np.int64] | None = None,
    hidden: Sequence[GroupPair] = (),
) -> Neighbours:
    """What `nearest` would find, given the answers from before the change.

    `before` [Q, k] holds positions in the gallery as it is now, with their distances. `stale` [Q] says for which
    queries it is of no use: one of the answers is gone or may be hidden now, or the query was not asked. `added` are
    the positions of rows that were not searched then, or that may have been hidden then; rows of it may be in `before`.
    """
    indices, distances = np.array(before.indices), np.array(before.distances)
    # By lot equal distances are decided by ids, which stay when positions change.
    order = np.arange(len(gallery), dtype=np.int64) if lots is None else gallery_ids

    def search_rows(
        query_numbers: NDArray[np.int64], rows: NDArray[np.int64], within: NDArray[np.float64] | None = None
    ) -> Neighbours:
        return nearest(
            queries.select(query_numbers),
            gallery.select(rows),
            metric=metric,
            k=k,
            query_ids=query_ids[query_numbers],
            gallery_ids=gallery_ids[rows],
            gallery_order=order[rows],
            lots=None if lots is None else lots[query_numbers],
            hidden=[(of_query[query_numbers], of_gallery[rows]) for of_query, of_gallery in hidden],
            within=within,
        )

    asked_again, carried = np.flatnonzero(stale), np.flatnonzero(~stale)
    added = np.unique(added)
    if len(asked_again):
        neighbours = search_rows(asked_again, np.arange(len(gallery), dtype=np.int64))
        indices[asked_again], distances[asked_again] = neighbours.indices, neighbours.distances
    if len(carried) and len(added):
        # What is farther than the last of before cannot get in. Rows of before that are searched again do not count.
        farthest_before = np.where(
            np.isin(indices[carried], added) | (indices[carried] < 0), np.inf, distances[carried]
        ).max(axis=1)
        neighbours = search_rows(carried, added, farthest_before)
        new_positions = np.where(neighbours.indices < 0, -1, added[neighbours.indices])
        lots_and_ids = None if lots is None else (lots[carried], gallery_ids)
        indices[carried], distances[carried] = _merge_answers(
            indices[carried], distances[carried], new_positions, neighbours.distances, added, lots_and_ids
        )
    return Neighbours(indices, distances)


def _merge_answers(
    old: NDArray[np.int64],
    old_distances: NDArray[np.float64],
    new: NDArray[np.int64],
    new_distances: NDArray[np.float64],
    added: NDArray[np.int64],
    by_lot: tuple[NDArray[np.int64], NDArray[np.int64]] | None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The k nearest of both, ties by position, or by lot: lots [Q] and ids [N]; what is among the added rows counts as
    it was found now."""
    k = old.shape[1]
    is_found_anew = np.isin(old, added)
    rows = np.hstack([np.where(is_found_anew, -1, old), new])
    distances = np.hstack([np.where(is_found_anew, np.nan, old_distances), new_distances])
    distances = np.where(rows < 0, np.inf, distances)
    tie_order = rows if by_lot is None else draw_lots(by_lot[0], by_lot[1][np.maximum(rows, 0)])
    order = np.lexsort((tie_order, distances), axis=1)[:, :k]
    rows, distances = np.take_along_axis(rows, order, axis=1), np.take_along_axis(distances, order, axis=1)
    return rows, np.where(rows < 0, np.nan, distances)
