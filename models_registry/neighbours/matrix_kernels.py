"""Kernels whose costs come from matrix products of BLAS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.neighbours.kernel_base import UNDERFLOW, MatrixKernel
from models_registry.neighbours.search_threads import in_shares

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_registry.store import Vectors

_SAFE_SQUARES = (1e-24, 1e34)
# Rows scaled at once: they are read twice, so they should still be in a cache; smaller costs more than it saves.
_CACHED_BYTES = 2 << 20


class L2(MatrixKernel):
    """Costs are squares, taken as |x|^2 + |y|^2 - 2 x.y: off by at most gamma (|x| + |y|)^2.

    While blocks go by they stand without what is the same for all rows, as |y|^2 / 2 - x.y.
    """

    def __init__(self, dim: int, threads: int) -> None:
        super().__init__(dim, threads)
        self._halves: dict[int, NDArray[np.float32]] = {}
        self._block_start = 0

    def read_block(self, vectors: Vectors, start: int, stop: int) -> NDArray[Any]:
        rows = super().read_block(vectors, start, stop)
        self._block_start = start
        if start not in self._halves:
            self._halves[start] = _half_squares(rows, self.threads)
        return rows

    def fill_costs(self, queries: NDArray[Any], rows: NDArray[Any], start: int, costs: NDArray[np.float32]) -> None:
        np.matmul(queries, rows.T, out=costs)
        offset = start - self._block_start
        np.subtract(self._halves[self._block_start][offset : offset + len(rows)], costs, out=costs)

    def squared_lengths(self, queries: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(np.einsum("ij,ij->i", queries, queries, dtype=np.float64))

    def complete_costs(self, costs: NDArray[np.float64], squares: NDArray[np.float64]) -> NDArray[np.float64]:
        return 2 * costs + squares[:, None]

    def estimated_distances(self, costs: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.sqrt(np.maximum(costs, 0.0)))

    def highest_cost(self, distances: NDArray[np.float64], squares: NDArray[np.float64]) -> NDArray[np.float64]:
        # A row within D of the query is no longer than |x| + D, so its own length need not be known.
        error: NDArray[np.float64] = self.gamma * np.square(2 * np.sqrt(squares) + distances) + self.dim * UNDERFLOW
        return error + np.square(distances)


class Cosine(MatrixKernel):
    """Costs are minus the inner products of rows brought to length 1; a zero row stays zero."""

    def read_block(self, vectors: Vectors, start: int, stop: int) -> NDArray[Any]:
        room = self._room_for(stop - start)
        return _unit_rows(vectors.rows(start, stop, room), room[: stop - start], self.threads)

    def read_queries(self, vectors: Vectors, positions: NDArray[np.int64]) -> NDArray[Any]:
        rows = vectors.take(positions)
        # Turned round here and not in every matrix of costs.
        return np.negative(_unit_rows(rows, rows, self.threads), out=rows)

    def fill_costs(self, queries: NDArray[Any], rows: NDArray[Any], start: int, costs: NDArray[np.float32]) -> None:
        np.matmul(queries, rows.T, out=costs)

    def estimated_distances(self, costs: NDArray[np.float64]) -> NDArray[np.float64]:
        return costs + 1

    def highest_cost(self, distances: NDArray[np.float64], squares: NDArray[np.float64]) -> NDArray[np.float64]:
        # Once for the inner product, once for each of the two lengths.
        return distances - 1 + 3 * self.gamma


def _half_squares(rows: NDArray[np.float32], threads: int) -> NDArray[np.float32]:
    """Half the squared lengths [m] of rows [m, d]."""
    halves = np.empty(len(rows), dtype=np.float32)

    def square_share(thread_number: int) -> None:
        np.einsum(
            "ij,ij->i", rows[thread_number::threads], rows[thread_number::threads], out=halves[thread_number::threads]
        )

    in_shares(square_share, threads)
    halves /= 2
    return halves


def _unit_rows(rows: NDArray[np.float32], units: NDArray[np.float32], threads: int) -> NDArray[np.float32]:
    """The rows brought to length 1, or 0 where they were 0, in `units` of the same shape (it may be `rows`)."""
    at_once = max(1, _CACHED_BYTES // max(1, rows[:1].nbytes))

    def scale_share(thread_number: int) -> None:
        for start in range(thread_number * at_once, len(rows), threads * at_once):
            _make_units(rows[start : start + at_once], units[start : start + at_once])

    in_shares(scale_share, threads)
    return units


def _make_units(rows: NDArray[np.float32], units: NDArray[np.float32]) -> None:
    squares = np.einsum("ij,ij->i", rows, rows)
    # Squares of very short or long rows leave float32, or lose digits there.
    extreme = np.flatnonzero((squares < _SAFE_SQUARES[0]) | (squares > _SAFE_SQUARES[1]))
    squares[extreme] = 1.0
    wide = rows[extreme].astype(np.float64)
    np.multiply(rows, (1 / np.sqrt(squares))[:, None], out=units)
    if len(extreme):
        lengths = np.linalg.norm(wide, axis=1, keepdims=True)
        units[extreme] = wide / np.where(lengths > 0, lengths, 1.0)
