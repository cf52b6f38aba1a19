"""The fast half of a search on a GPU: blocks are copied there, compared there, and only the shortlist comes back.

What is compared and how exact it is stay those of the kernel that it stands in for; float64 on the processor decides.
Half precision and TF32 stay off: their error would make the shortlists long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

import numpy as np
import torch

from models_registry.neighbours.kernel_base import Kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_registry.metrics import Metric
    from models_registry.neighbours.shortlist import Shortlist
    from models_registry.store import Vectors


_MOST_COSTS = 1 << 27
"""Costs of queries by rows at once, 512 MB: with bits a block of rows would fill a card of 12 GB."""


def on_device(kernel: Kernel, metric: Metric, device: str) -> Kernel:
    """The kernel on this device; itself where `auto` finds no GPU."""
    if device == "auto" and not torch.cuda.is_available():
        return kernel
    return _OnDevice(kernel, metric, torch.device("cuda" if device == "auto" else device))


class _OnDevice(Kernel):
    """`kernel` with its search done by torch. Blocks of rows are page-locked, so that copying them is fast."""

    def __init__(self, kernel: Kernel, metric: Metric, device: torch.device) -> None:
        super().__init__(kernel.dim, kernel.threads)
        self.exact = kernel.exact
        self._kernel = kernel
        self._metric = metric
        self._device = device
        self._last_queries: NDArray[Any] | None = None
        self._last_on_device = torch.empty(0)

    @property
    def row_bytes(self) -> int:
        return self._kernel.row_bytes

    def read_block(self, vectors: Vectors, start: int, stop: int) -> NDArray[Any]:
        return self._kernel.read_block(vectors, start, stop)

    def end_of_pass(self) -> None:
        self._kernel.end_of_pass()
        self._last_queries, self._last_on_device = None, torch.empty(0)

    def read_queries(self, vectors: Vectors, positions: NDArray[np.int64]) -> NDArray[Any]:
        return self._kernel.read_queries(vectors, positions)

    def squared_lengths(self, queries: NDArray[Any]) -> NDArray[np.float64]:
        return self._kernel.squared_lengths(queries)

    def estimated_distances(self, costs: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._kernel.estimated_distances(costs)

    def highest_cost(self, distances: NDArray[np.float64], squares: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._kernel.highest_cost(distances, squares)

    def search_block(self, queries: NDArray[Any], rows: NDArray[Any], start: int, shortlist: Shortlist) -> None:
        if self._last_queries is not queries:
            self._last_queries, self._last_on_device = queries, self._to_device(queries)
        width = min(shortlist.costs.shape[1], len(rows))
        step = max(width, _MOST_COSTS // max(1, len(queries)))
        for first in range(0, len(rows), step):
            part = rows[first : first + step]
            with torch.inference_mode():
                costs_on_device = self._block_costs(self._last_on_device, self._to_device(part))
                costs, columns = costs_on_device.topk(min(width, len(part)), dim=1, largest=False)
            rows_found = columns.cpu().numpy().astype(np.int64) + start + first
            shortlist.add_found(costs.cpu().numpy().astype(np.float64), rows_found)

    def _to_device(self, rows: NDArray[Any]) -> torch.Tensor:
        """Rows on the device as float32; packed bits become zeros and ones, whose products are exact."""
        if self._metric == "hamming":
            rows = np.unpackbits(rows, axis=1, count=self.dim)
        host = torch.from_numpy(np.require(rows, requirements=["C", "W"]))
        if self._device.type == "cuda":
            host = host.pin_memory()
        return host.to(self._device, non_blocking=True).float()

    def _block_costs(self, queries: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        if self._metric == "l1":
            return torch.cdist(queries, rows, p=1)
        products = queries @ rows.T
        if self._metric == "cosine":
            return products  # of queries that were turned round
        if self._metric == "l2" or self._metric == "hamming":
            # Of zeros and ones the squared distance is the number of bits that differ.
            return queries.square().sum(1)[:, None] + rows.square().sum(1)[None, :] - 2 * products
        assert_never(self._metric)
