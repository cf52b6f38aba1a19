"""The three spaces in which candidates are looked for: which metrics each serves, and how vectors get there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from models_registry.metrics import METRICS, is_metric
from models_registry.store.stored_vectors import checked_vectors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import ArrayLike, NDArray

    from models_registry.metrics import Metric
    from models_registry.store import Vectors

Space = Literal["raw", "unit", "bits"]

SPACE_OF: dict[Metric, Space] = {"l1": "raw", "l2": "raw", "cosine": "unit", "hamming": "bits"}
"""One space does not serve all: `l1` finds its neighbours among those of `l2`, hardly among those of `cosine`."""

LARGEST_DIM = 4096

_BLOCK_BYTES = 16 << 20


def spaces_of(metrics: Iterable[Metric]) -> dict[Space, tuple[Metric, ...]]:
    """The spaces that serve these metrics, and which metrics each of them; raises ValueError for an unknown metric."""
    metrics_of_space: dict[Space, tuple[Metric, ...]] = {}
    for metric in metrics:
        if not is_metric(metric):
            raise ValueError(f"Unknown metric {metric!r}; choose one of {', '.join(METRICS)}.")
        space = SPACE_OF[metric]
        metrics_of_space[space] = (*metrics_of_space.get(space, ()), metric)
    return metrics_of_space


def in_space(space: Space, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors [n, d] as the engines of the raw or unit space read them; zero has no direction and stays zero."""
    if space != "unit":
        return vectors
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))[:, None]
    units: NDArray[np.float32] = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return units


def blocks_in_space(space: Space, vectors: Vectors) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """All vectors, a block [m, d] at a time with the position of its first; memory does not grow with them."""
    step = max(1, _BLOCK_BYTES // (4 * vectors.dim))
    for start in range(0, len(vectors), step):
        block = vectors.rows(start, min(start + step, len(vectors)))
        yield start, np.ascontiguousarray(in_space(space, block))
        vectors.release()


def checked_queries(queries: ArrayLike, dim: int) -> NDArray[np.float32]:
    """Queries as float32 [Q, dim], one vector [dim] being one query; raises ValueError for anything else."""
    array = np.asarray(queries, dtype=np.float32)
    rows = checked_vectors(array[None, :] if array.ndim == 1 else array)
    if rows.shape[1] != dim:
        raise ValueError(f"The index holds vectors of {dim} components, the query has {rows.shape[1]}.")
    return rows
