"""The kernel of each metric; those that need no matrix products are here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.neighbours.cityblock import cityblock_distances, compile_once
from models_registry.neighbours.kernel_base import UNDERFLOW, Kernel, MatrixKernel
from models_registry.neighbours.matrix_kernels import L2, Cosine

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_registry.metrics import Metric
    from models_registry.neighbours.shortlist import Shortlist
    from models_registry.store import Vectors


def kernel_for(metric: Metric, dim: int, threads: int, *, compiled: bool = False) -> Kernel:
    """The kernel that ranks by this metric, for vectors of `dim` components; `compiled` where a search is large."""
    l1 = CompiledL1 if compiled else L1
    kinds: dict[Metric, type[Kernel]] = {"l1": l1, "l2": L2, "cosine": Cosine, "hamming": Hamming}
    return kinds[metric](dim, threads)


class L1(Kernel):
    """Costs are the distances themselves, but for rounding, by faiss."""

    def search_block(self, queries: NDArray[Any], rows: NDArray[Any], start: int, shortlist: Shortlist) -> None:
        import faiss

        width = min(shortlist.costs.shape[1], len(rows))
        costs, positions = faiss.knn(queries, rows, width, metric=faiss.METRIC_L1)
        shortlist.add_found(costs.astype(np.float64), positions + start)

    def highest_cost(self, distances: NDArray[np.float64], squares: NDArray[np.float64]) -> NDArray[np.float64]:
        return _l1_reach(self, distances)


class CompiledL1(MatrixKernel):
    """The same sums by the compiled kernel, some five times as fast."""

    def __init__(self, dim: int, threads: int) -> None:
        super().__init__(dim, threads)
        compile_once()

    def fill_costs(self, queries: NDArray[Any], rows: NDArray[Any], start: int, costs: NDArray[np.float32]) -> None:
        cityblock_distances(queries, rows, costs)

    def highest_cost(self, distances: NDArray[np.float64], squares: NDArray[np.float64]) -> NDArray[np.float64]:
        return _l1_reach(self, distances)


def _l1_reach(kernel: Kernel, distances: NDArray[np.float64]) -> NDArray[np.float64]:
    reach: NDArray[np.float64] = distances * (1 + kernel.gamma) + kernel.dim * UNDERFLOW
    return reach


class Hamming(Kernel):
    """Costs are the distances: how many bits differ, by faiss."""

    exact = True

    @property
    def row_bytes(self) -> int:
        return -(-self.dim // 8)

    def read_block(self, vectors: Vectors, start: int, stop: int) -> NDArray[Any]:
        return vectors.bits(start, stop)

    def read_queries(self, vectors: Vectors, positions: NDArray[np.int64]) -> NDArray[Any]:
        return vectors.take_bits(positions)

    def search_block(self, queries: NDArray[Any], rows: NDArray[Any], start: int, shortlist: Shortlist) -> None:
        import faiss

        costs, positions = faiss.knn_hamming(queries, rows, min(shortlist.costs.shape[1], len(rows)))
        shortlist.add_found(costs.astype(np.float64), positions + start)

    def highest_cost(self, distances: NDArray[np.float64], squares: NDArray[np.float64]) -> NDArray[np.float64]:
        return distances
