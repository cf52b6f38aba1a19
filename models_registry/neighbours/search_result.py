"""What a search found, refused when it cannot be true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The nearest candidates of each query, nearest first.

    `indices` [Q, k] are positions in the gallery, -1 at the end of a row where fewer exist. `distances` [Q, k] are
    the metric's canonical values, NaN there; a row that was not chosen by distance (a random control) has only NaN.
    """

    indices: NDArray[np.int64]
    distances: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.indices.ndim != 2 or self.indices.shape != self.distances.shape:
            raise ValueError(f"Indices {self.indices.shape} and distances {self.distances.shape} must both be [Q, k].")
        empty, unknown = self.indices < 0, np.isnan(self.distances)
        if (empty[:, :-1] & ~empty[:, 1:]).any():
            raise ValueError("A row has a neighbour behind an empty place.")
        if ((unknown != empty).any(axis=1) & ~unknown.all(axis=1)).any():
            raise ValueError("A row has a distance without a neighbour, or a neighbour without its distance.")
        if (self.distances[:, 1:] < self.distances[:, :-1]).any():
            raise ValueError("A row is not sorted by distance.")

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def top(self) -> NDArray[np.int64]:
        """The first neighbour of each query [Q], -1 where it has none."""
        if self.indices.shape[1] == 0:
            return np.full(len(self), -1, dtype=np.int64)
        return self.indices[:, 0]
