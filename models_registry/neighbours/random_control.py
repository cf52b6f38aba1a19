"""The random control: what a contender that knows nothing would answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models_registry.hash_sampling import mix_words
from models_registry.neighbours.search_result import Neighbours
from models_registry.neighbours.visibility import GroupPair, Visibility

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def random_control(
    *,
    query_ids: NDArray[np.int64],
    gallery_ids: NDArray[np.int64],
    query_words: NDArray[np.uint64],
    gallery_words: NDArray[np.uint64],
    seed: int,
    hidden: Sequence[GroupPair] = (),
) -> Neighbours:
    """One candidate per query, drawn uniformly from those that `nearest` with the same rules might answer.

    `query_words` [Q] and `gallery_words` [N] are `name_words` of what the rows are called. The draw for a query depends
    on the seed, its name and the names it may be answered with: other queries do not matter, and when candidates come
    or go it changes only as often as a uniform draw must. Distances are unknown (NaN); a query from which everything is
    hidden gets -1.
    """
    visibility = Visibility.from_ids(query_ids, gallery_ids, hidden)
    starts = mix_words(np.asarray(query_words, dtype=np.uint64), seed)
    indices = np.full((visibility.n_queries, 1), -1, dtype=np.int64)
    for query, start in enumerate(starts):
        visible = np.flatnonzero(visibility.visible_to(query))
        if len(visible):
            # The candidate whose word is lowest after mixing with the query's (rendezvous hashing).
            indices[query, 0] = visible[np.argmin(mix_words(gallery_words[visible] ^ start, 0))]
    return Neighbours(indices, np.full(indices.shape, np.nan))
