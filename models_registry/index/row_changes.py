"""Rows that came after the base was built: kept as they are and compared one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models_registry.store import Vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST_ROOM = 64


@dataclass(slots=True, eq=False)
class _Room:
    """Memory that younger snapshots go on filling; what an older one sees is never touched again."""

    array: NDArray[np.float32]
    used: int


@dataclass(frozen=True, slots=True, eq=False)
class DeltaRows:
    """The first `rows` vectors of a room that is shared by the snapshots of an index. One thread adds at a time."""

    room: _Room
    rows: int

    @classmethod
    def empty(cls, dim: int) -> DeltaRows:
        return cls(_Room(np.empty((0, dim), dtype=np.float32), 0), 0)

    def with_more(self, vectors: NDArray[np.float32]) -> DeltaRows:
        """These rows and then others [m, d]. In place where there is room and nobody else has added to it."""
        total = self.rows + len(vectors)
        room = self.room
        if room.used != self.rows or total > len(room.array):
            grown = np.empty((max(_FIRST_ROOM, 2 * total), room.array.shape[1]), dtype=np.float32)
            grown[: self.rows] = room.array[: self.rows]
            room = _Room(grown, self.rows)
        room.array[self.rows : total] = vectors
        room.used = total
        return DeltaRows(room, total)

    @property
    def vectors(self) -> Vectors:
        """The rows, ready to be searched."""
        view = self.room.array[: self.rows]
        return Vectors([view], None, np.zeros(self.rows, np.int64), np.arange(self.rows, dtype=np.int64), view.shape[1])
