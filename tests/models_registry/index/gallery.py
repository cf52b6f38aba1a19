"""Vectors for indexes: families around centres, as pictures of products are, and indexes over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models_registry.index import EngineSettings, IndexBase, VectorIndex, build_engines
from models_registry.metrics import METRICS, Metric, exact_distances
from models_registry.store import Vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def families(count: int, dim: int = 32, *, seed: int = 0, of: int = 20) -> NDArray[np.float32]:
    """`count` vectors [count, dim] behind a ReLU, `of` around each centre."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((max(1, count // of), dim), dtype=np.float32)
    vectors = centres[rng.integers(0, len(centres), count)]
    vectors = vectors + 0.4 * rng.standard_normal((count, dim), dtype=np.float32)
    return np.maximum(vectors, 0)


def index_of(
    vectors: NDArray[np.float32],
    *,
    engine: str | EngineSettings = "exact",
    metrics: Sequence[Metric] = METRICS,
    ids: NDArray[np.int64] | None = None,
    labels: dict[str, list[str | None]] | None = None,
) -> VectorIndex:
    settings = EngineSettings.parse(engine) if isinstance(engine, str) else engine
    rows = Vectors.from_array(vectors)
    numbers = np.arange(len(vectors), dtype=np.int64) if ids is None else ids
    base = IndexBase(numbers, rows, build_engines(settings, metrics, rows), settings.rerank)
    return VectorIndex.from_base(base, labels=labels)


def by_hand(
    metric: Metric, query: NDArray[np.float32], vectors: dict[int, NDArray[np.float32]], k: int
) -> tuple[list[int], list[float]]:
    """The k nearest of items by number, every one compared: equal distances in the order of the numbers."""
    ranked = sorted((float(exact_distances(metric, query, row[None, :])[0]), item) for item, row in vectors.items())
    return [item for _, item in ranked[:k]], [distance for distance, _ in ranked[:k]]


def recall(found: NDArray[np.int64], true: NDArray[np.int64]) -> float:
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found.tolist(), true.tolist(), strict=True)]))
