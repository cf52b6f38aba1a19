"""The fast half of a search: blocks compared in float32 or on bits, with an error that is known.

A kernel ranks by its own `cost`, smaller is nearer, which need not be the metric's distance. Its `reach` says how
much the cost may be off, and so which candidates must be looked at exactly. The bounds are the usual ones for sums of
d products in any order, gamma = d u / (1 - d u) with u = 2^-24 (Higham, Accuracy and Stability of Numerical
Algorithms, ch. 3), with some room to spare.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from models_registry.devices import all_cores, usable_cores
from models_registry.neighbours.cityblock import cityblock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from models_registry.metrics import Metric
    from models_registry.neighbours.shortlist import Shortlist
    from models_registry.store import Vectors

# Below the smallest normal float32, processors may round to zero; a sum of d squares can lose this much each time.
_UNDERFLOW = 1e-37
_SAFE_SQUARES = (1e-24, 1e34)
# Rows scaled at once: they are read twice, so they should still be in a cache; smaller costs more than it saves.
_CACHED_BYTES = 2 << 20
# Costs computed at once, queries times rows: enough for BLAS to be at its best, and no more memory than that.
_QUERIES_AT_ONCE, _ROWS_AT_ONCE = 2048, 2048


def kernel_for(metric: Metric, dim: int, threads: int, *, compiled: bool = False) -> Kernel:
    """The kernel that ranks by this metric, for vectors of `dim` components; `compiled` where a search is large."""
    l1 = _CompiledL1 if compiled else _L1
    kinds: dict[Metric, type[Kernel]] = {"l1": l1, "l2": _L2, "cosine": _Cosine, "hamming": _Hamming}
    return kinds[metric](dim, threads)


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

    def block(self, vectors: Vectors, start: int, stop: int) -> NDArray[Any]:
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

    def chosen(self, vectors: Vectors, positions: NDArray[np.int64]) -> NDArray[Any]:
        """The rows at these positions, ready to be searched."""
        return vectors.take(positions)

    @abstractmethod
    def search(self, queries: NDArray[Any], rows: NDArray[Any], start: int, shortlist: Shortlist) -> None:
        """Put the rows of least cost of a block that starts at `start` into the shortlist of the queries [P, ...]."""

    def whole(self, costs: NDArray[np.float64], queries: NDArray[Any]) -> NDArray[np.float64]:
        """The costs [P, width] of a shortlist with what was left out while blocks went by."""
        return costs

    def estimate(self, costs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The distances that such costs speak of, but for rounding."""
        return costs

    @abstractmethod
    def reach(self, distances: NDArray[np.float64], queries: NDArray[Any]) -> NDArray[np.float64]:
        """For exact distances [P] of queries [P, ...], ready as from `chosen`: the highest cost of a row so near."""


class _Matrix(Kernel):
    """Kernels that give a matrix of costs, computed in pieces that a cache can hold."""

    def search(self, queries: NDArray[Any], rows: NDArray[Any], start: int, shortlist: Shortlist) -> None:
        for query in range(0, len(queries), _QUERIES_AT_ONCE):
            some = queries[query : query + _QUERIES_AT_ONCE]
            for row in range(0, len(rows), _ROWS_AT_ONCE):
                piece = slice(row, min(row + _ROWS_AT_ONCE, len(rows)))
                shortlist.add(self.costs(some, rows, piece, start), start + row, query)

    @abstractmethod
    def costs(self, queries: NDArray[Any], rows: NDArray[Any], piece: slice, start: int) -> NDArray[np.float32]:
        """Costs [q, m] of some rows of a block that starts at `start`; good until the next are asked for."""


class _L1(Kernel):
    def search(self, queries: NDArray[Any], rows: NDArray[Any], start: int, shortlist: Shortlist) -> None:
        import faiss

        width = min(shortlist.costs.shape[1], len(rows))
        costs, positions = faiss.knn(queries, rows, width, metric=faiss.METRIC_L1)
        shortlist.add_found(costs.astype(np.float64), positions + start)

    def reach(self, distances: NDArray[np.float64], queries: NDArray[Any]) -> NDArray[np.float64]:
        return _l1_reach(self, distances)


class _CompiledL1(_Matrix):
    """The same sums by the compiled kernel, some five times as fast."""

    def costs(self, queries: NDArray[Any], rows: NDArray[Any], piece: slice, start: int) -> NDArray[np.float32]:
        return cityblock(queries, rows[piece], self.threads)

    def reach(self, distances: NDArray[np.float64], queries: NDArray[Any]) -> NDArray[np.float64]:
        return _l1_reach(self, distances)


def _l1_reach(kernel: Kernel, distances: NDArray[np.float64]) -> NDArray[np.float64]:
    reach: NDArray[np.float64] = distances * (1 + kernel.gamma) + kernel.dim * _UNDERFLOW
    return reach


class _Products(_Matrix):
    """Costs from matrix products of BLAS, which lie in one buffer."""

    def __init__(self, dim: int, threads: int) -> None:
        super().__init__(dim, threads)
        self._products: NDArray[np.float32] | None = None

    def end_of_pass(self) -> None:
        super().end_of_pass()
        self._products = None

    def products(self, queries: NDArray[Any], rows: NDArray[Any]) -> NDArray[np.float32]:
        """Inner products [q, m]; good until the next are asked for."""
        size = len(queries) * len(rows)
        if self._products is None or len(self._products) < size:
            self._products = np.empty(size, dtype=np.float32)
        return np.matmul(queries, rows.T, out=self._products[:size].reshape(len(queries), len(rows)))


class _L2(_Products):
    """Costs are squares, taken as |x|^2 + |y|^2 - 2 x.y: off by at most gamma (|x| + |y|)^2.

    While blocks go by they stand without what is the same for all rows, as |y|^2 / 2 - x.y.
    """

    def __init__(self, dim: int, threads: int) -> None:
        super().__init__(dim, threads)
        self._halves: dict[int, NDArray[np.float32]] = {}
        self._own: tuple[NDArray[Any] | None, NDArray[np.float64]] = (None, np.empty(0))

    def block(self, vectors: Vectors, start: int, stop: int) -> NDArray[Any]:
        rows = super().block(vectors, start, stop)
        if start not in self._halves:
            self._halves[start] = _half_squares(rows, self.threads)
        return rows

    def costs(self, queries: NDArray[Any], rows: NDArray[Any], piece: slice, start: int) -> NDArray[np.float32]:
        products = self.products(queries, rows[piece])
        return np.subtract(self._halves[start][piece], products, out=products)

    def whole(self, costs: NDArray[np.float64], queries: NDArray[Any]) -> NDArray[np.float64]:
        return 2 * costs + self._squares_of(queries)[:, None]

    def estimate(self, costs: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.sqrt(np.maximum(costs, 0.0)))

    def reach(self, distances: NDArray[np.float64], queries: NDArray[Any]) -> NDArray[np.float64]:
        # A row within D of the query is no longer than |x| + D, so its own length need not be known.
        lengths = np.sqrt(self._squares_of(queries))
        error: NDArray[np.float64] = self.gamma * np.square(2 * lengths + distances) + self.dim * _UNDERFLOW
        return error + np.square(distances)

    def _squares_of(self, queries: NDArray[Any]) -> NDArray[np.float64]:
        """The squared lengths [P] of the queries that are answered now: they are asked for several times.

        Kept in one place together, as two threads ask: one searches while the other decides.
        """
        own = self._own
        if own[0] is not queries:
            self._own = own = (queries, np.einsum("ij,ij->i", queries, queries, dtype=np.float64))
        return own[1]


class _Cosine(_Products):
    """Costs are minus the inner products of rows brought to length 1; a zero row stays zero."""

    def block(self, vectors: Vectors, start: int, stop: int) -> NDArray[Any]:
        room = self._room_for(stop - start)
        return _unit_rows(vectors.rows(start, stop, room), room[: stop - start], self.threads)

    def chosen(self, vectors: Vectors, positions: NDArray[np.int64]) -> NDArray[Any]:
        rows = vectors.take(positions)
        return _unit_rows(rows, rows, self.threads)

    def costs(self, queries: NDArray[Any], rows: NDArray[Any], piece: slice, start: int) -> NDArray[np.float32]:
        products = self.products(queries, rows[piece])
        return np.negative(products, out=products)

    def estimate(self, costs: NDArray[np.float64]) -> NDArray[np.float64]:
        return costs + 1

    def reach(self, distances: NDArray[np.float64], queries: NDArray[Any]) -> NDArray[np.float64]:
        # Once for the inner product, once for each of the two lengths.
        return distances - 1 + 3 * self.gamma


class _Hamming(Kernel):
    exact = True

    @property
    def row_bytes(self) -> int:
        return -(-self.dim // 8)

    def block(self, vectors: Vectors, start: int, stop: int) -> NDArray[Any]:
        return vectors.bits(start, stop)

    def chosen(self, vectors: Vectors, positions: NDArray[np.int64]) -> NDArray[Any]:
        return vectors.take_bits(positions)

    def search(self, queries: NDArray[Any], rows: NDArray[Any], start: int, shortlist: Shortlist) -> None:
        import faiss

        costs, positions = faiss.knn_hamming(queries, rows, min(shortlist.costs.shape[1], len(rows)))
        shortlist.add_found(costs.astype(np.float64), positions + start)

    def reach(self, distances: NDArray[np.float64], queries: NDArray[Any]) -> NDArray[np.float64]:
        return distances


@contextmanager
def limited_threads(threads: int | None) -> Iterator[int]:
    """Let faiss and BLAS use this many threads, None for this process's share of the cores; gives their number."""
    import faiss

    used = threads or usable_cores()
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(used)
    try:
        # BLAS takes all cores by itself, and asking it takes some milliseconds.
        with threadpool_limits(used, user_api="blas") if used != all_cores() else nullcontext():
            yield used
    finally:
        faiss.omp_set_num_threads(before)


def _half_squares(rows: NDArray[np.float32], threads: int) -> NDArray[np.float32]:
    """Half the squared lengths [m] of rows [m, d]."""
    halves = np.empty(len(rows), dtype=np.float32)
    edges = np.linspace(0, len(rows), threads + 1).astype(int)

    def share(start: int, stop: int) -> None:
        np.einsum("ij,ij->i", rows[start:stop], rows[start:stop], out=halves[start:stop])

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(share, edges[:-1], edges[1:]))
    halves /= 2
    return halves


def _unit_rows(rows: NDArray[np.float32], units: NDArray[np.float32], threads: int) -> NDArray[np.float32]:
    """The rows brought to length 1, or 0 where they were 0, in `units` of the same shape (it may be `rows`)."""
    at_once = max(1, _CACHED_BYTES // max(1, rows[:1].nbytes))

    def share(own: int) -> None:
        for start in range(own * at_once, len(rows), threads * at_once):
            _make_units(rows[start : start + at_once], units[start : start + at_once])

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(share, range(threads)))
    return units


def _make_units(rows: NDArray[np.float32], units: NDArray[np.float32]) -> None:
    squares = np.einsum("ij,ij->i", rows, rows)
    # Squares of very short or long rows leave float32, or lose digits there.
    odd = np.flatnonzero((squares < _SAFE_SQUARES[0]) | (squares > _SAFE_SQUARES[1]))
    squares[odd] = 1.0
    wide = rows[odd].astype(np.float64)
    np.multiply(rows, (1 / np.sqrt(squares))[:, None], out=units)
    if len(odd):
        lengths = np.linalg.norm(wide, axis=1, keepdims=True)
        units[odd] = wide / np.where(lengths > 0, lengths, 1.0)
