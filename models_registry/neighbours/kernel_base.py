"""The fast half of a search: blocks compared in float32 or on bits, with an error that is known.

A kernel ranks by its own `cost`, smaller is nearer, which need not be the metric's distance. Its `highest_cost` says
how much the cost may be off, and so which candidates must be looked at exactly. The bounds are the usual ones for sums
of d products in any order, gamma = d u / (1 - d u) with u = 2^-24 (Higham, Accuracy and Stability of Numerical
Algorithms, ch. 3), with some room to spare.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.neighbours.search_threads import in_shares

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_registry.neighbours.shortlist import Shortlist
    from models_registry.store import Vectors

# Below the smallest normal float32, processors may round to zero; a sum of d squares can lose this much each time.
UNDERFLOW = 1e-37
# Costs computed at once, queries times rows: enough for BLAS to be at its best, and no more memory than that.
_QUERIES_AT_ONCE, _ROWS_AT_ONCE = 2048, 2048


class Kernel(ABC):
    """Compares blocks of one metric."""

    exact = False  # whether the cost is the metric's distance itself

    def __init__(self, dim: int, threads: int) -> None:
        self.dim = dim
        self.threads = threads
        self.gamma = 1.2 * (dim + 16) * 2.0**-24
        self._buffer: NDArray[np.float32] | None = None

    @property
    def row_bytes(self) -> int:
        """Bytes of a row as the kernel reads it."""
        return 4 * self.dim

    def read_block(self, vectors: Vectors, start: int, stop: int) -> NDArray[Any]:
        """Rows start..stop, ready to be searched; good until the next block is asked for."""
        return vectors.rows(start, stop, self._room_for(stop - start))

    def end_of_pass(self) -> None:
        """Let go of the memory that blocks were read into."""
        self._buffer = None

    def _room_for(self, rows: int) -> NDArray[np.float32]:
        """One buffer for all blocks of a pass: fresh memory for each would cost more time than copying into it."""
        if self._buffer is None or len(self._buffer) < rows:
            self._buffer = np.empty((rows, self.dim), dtype=np.float32)
        return self._buffer

    def read_queries(self, vectors: Vectors, positions: NDArray[np.int64]) -> NDArray[Any]:
        """The rows at these positions, ready to be searched."""
        return vectors.take(positions)

    def squared_lengths(self, queries: NDArray[Any]) -> NDArray[np.float64]:
        """The squared lengths [P] of queries from `read_queries`, where costs depend on them."""
        return np.zeros(len(queries))

    @abstractmethod
    def search_block(self, queries: NDArray[Any], rows: NDArray[Any], start: int, shortlist: Shortlist) -> None:
        """Put the rows of least cost of a block that starts at `start` into the shortlist of the queries [P, ...]."""

    def complete_costs(self, costs: NDArray[np.float64], squares: NDArray[np.float64]) -> NDArray[np.float64]:
        """The costs [P, width] of a shortlist with what was left out while blocks went by."""
        return costs

    def estimated_distances(self, costs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The distances that such costs speak of, but for rounding."""
        return costs

    @abstractmethod
    def highest_cost(self, distances: NDArray[np.float64], squares: NDArray[np.float64]) -> NDArray[np.float64]:
        """For exact distances [P] from queries of such `squares` [P]: the highest cost of a row so near."""


class MatrixKernel(Kernel):
    """Kernels that give a matrix of costs, computed in pieces that a cache can hold.

    Each thread has queries of its own and walks over the block with them.
    """

    def __init__(self, dim: int, threads: int) -> None:
        super().__init__(dim, threads)
        self._costs: list[NDArray[np.float32]] = []

    def end_of_pass(self) -> None:
        super().end_of_pass()
        self._costs = []

    def search_block(self, queries: NDArray[Any], rows: NDArray[Any], start: int, shortlist: Shortlist) -> None:
        at_once = min(_QUERIES_AT_ONCE, len(queries)) // self.threads + 1
        if not self._costs:
            self._costs = [np.empty(at_once * _ROWS_AT_ONCE, dtype=np.float32) for _ in range(self.threads)]

        def search_share(thread_number: int) -> None:
            for query in range(thread_number * at_once, len(queries), at_once * self.threads):
                query_block = queries[query : query + at_once]
                for row in range(0, len(rows), _ROWS_AT_ONCE):
                    piece = rows[row : row + _ROWS_AT_ONCE]
                    costs = self._costs[thread_number][: len(query_block) * len(piece)].reshape(
                        len(query_block), len(piece)
                    )
                    self.fill_costs(query_block, piece, start + row, costs)
                    shortlist.add_costs(costs, start + row, query)

        in_shares(search_share, self.threads)

    @abstractmethod
    def fill_costs(self, queries: NDArray[Any], rows: NDArray[Any], start: int, costs: NDArray[np.float32]) -> None:
        """Fill `costs` [q, m] of rows of which the first is row `start` of the gallery."""
