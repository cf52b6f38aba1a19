"""The random control: what a contender that knows nothing would answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models_registry.neighbours.result import Neighbours
from models_registry.neighbours.visibility import GroupPair, Visibility

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def random_control(
    *,
    query_ids: NDArray[np.int64],
    gallery_ids: NDArray[np.int64],
    seed: int,
    hidden: Sequence[GroupPair] = (),
) -> Neighbours:
    """One candidate per query, drawn uniformly from those that `nearest` with the same rules might answer.

    The same seed, queries and gallery give the same draw. Distances are unknown (NaN); a query from which
    everything is hidden gets -1.
    """
    visibility = Visibility.of(query_ids, gallery_ids, hidden)
    draws = np.random.default_rng(seed).random(visibility.n_queries)
    indices = np.full((visibility.n_queries, 1), -1, dtype=np.int64)
    for query, draw in enumerate(draws):
        visible = np.flatnonzero(visibility.visible_to(query))
        if len(visible):
            indices[query, 0] = visible[int(draw * len(visible))]
    return Neighbours(indices, np.full(indices.shape, np.nan))
