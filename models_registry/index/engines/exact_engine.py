"""The referee: every row is compared, by `models_registry.neighbours`. Also scans the bits of all other engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.index.engines.engine_base import Engine
from models_registry.neighbours import nearest
from models_registry.store import Vectors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from models_registry.index.engines.engine_base import AllowedRows, EngineSettings
    from models_registry.index.vector_spaces import Space
    from models_registry.metrics import Metric


class ExactEngine(Engine):
    """Holds nothing of its own: it reads the mapped vectors and their bits."""

    name = "exact"
    exact = True

    def __init__(self, space: Space, vectors: Vectors) -> None:
        super().__init__(space, len(vectors), vectors.dim)
        self._vectors = vectors

    @classmethod
    def build(
        cls, settings: EngineSettings, space: Space, metrics: tuple[Metric, ...], vectors: Vectors
    ) -> ExactEngine:
        return cls(space, vectors)

    @classmethod
    def open(
        cls, settings: EngineSettings, space: Space, folder: Path, facts: Mapping[str, Any], vectors: Vectors
    ) -> ExactEngine:
        return cls(space, vectors)

    def save(self, folder: Path) -> dict[str, Any]:
        return {}

    def propose_rows(
        self,
        queries: NDArray[np.float32],
        count: int,
        *,
        metric: Metric,
        allowed: AllowedRows | None = None,
        effort: float = 1.0,
    ) -> NDArray[np.int64]:
        rows = self._vectors if allowed is None else self._vectors.select(allowed.positions)
        indices = nearest(
            Vectors.from_array(queries),
            rows,
            metric=metric,
            k=count,
            query_ids=np.full(len(queries), -1, dtype=np.int64),
            gallery_ids=np.arange(len(rows), dtype=np.int64),
        ).indices
        return indices if allowed is None else np.where(indices >= 0, _positions_at(allowed.positions, indices), -1)

    @property
    def memory_bytes(self) -> int:
        """The mapped vectors or bits that a scan reads: without them in memory it waits for the disk."""
        return self.rows * (-(-self.dim // 8) if self.space == "bits" else 4 * self.dim)


def _positions_at(positions: NDArray[np.int64], indices: NDArray[np.int64]) -> NDArray[np.int64]:
    return positions[np.maximum(indices, 0)] if len(positions) else indices
