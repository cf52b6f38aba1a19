"""The few rows of least cost for each query, kept while blocks of costs go by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST = 256
_GROWTH = 2


class Shortlist:
    """The `width` rows of least cost for each of P queries, among those that were added.

    What is no better than the worst that is kept is passed over at the price of one comparison. A block is looked at
    in pieces that grow with what was seen before, so that only a few rows of a piece pass: about `_GROWTH` times the
    width where rows come in no order, and more, but no wrong ones, where they do. Threads may add to different queries
    at the same time.
    """

    def __init__(self, queries: int, width: int) -> None:
        self.costs = np.full((queries, width), np.inf)
        self.rows = np.zeros((queries, width), dtype=np.int64)
        self._seen = np.zeros(queries, dtype=np.int64)

    def add_costs(self, costs: NDArray[Any], row: int, query: int = 0) -> None:
        """Take in costs [q, m] of the queries from `query` on and the rows from `row` on."""
        done = 0
        while done < costs.shape[1]:
            stop = min(costs.shape[1], done + max(_FIRST, _GROWTH * int(self._seen[query])))
            self._take_in(costs[:, done:stop], row + done, query)
            self._seen[query : query + len(costs)] += stop - done
            done = stop

    def add_found(self, costs: NDArray[np.float64], rows: NDArray[np.int64], query: int = 0) -> None:
        """Take in costs [q, m] of rows [q, m] that were chosen for each query by itself."""
        query_range = slice(query, query + len(costs))
        costs, rows = np.hstack([self.costs[query_range], costs]), np.hstack([self.rows[query_range], rows])
        width = self.costs.shape[1]
        if costs.shape[1] > width:
            keep = np.argpartition(costs, width - 1, axis=1)[:, :width]
            costs, rows = np.take_along_axis(costs, keep, axis=1), np.take_along_axis(rows, keep, axis=1)
        self.costs[query_range], self.rows[query_range] = costs, rows

    def sorted_rows(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Costs and rows, both [P, width], least cost first."""
        order = np.argsort(self.costs, axis=1)
        return np.take_along_axis(self.costs, order, axis=1), np.take_along_axis(self.rows, order, axis=1)

    def _take_in(self, costs: NDArray[Any], row: int, query: int) -> None:
        width = self.costs.shape[1]
        if not self._seen[query] and costs.shape[1] > width:
            columns = np.argpartition(costs, width - 1, axis=1)[:, :width]
            self.add_found(np.take_along_axis(costs, columns, axis=1).astype(np.float64), columns + row, query)
            return
        worst = self.costs[query : query + len(costs)].max(axis=1)
        # In the type of the costs, from which it came, or each comparison would convert all of them.
        # Flat: numpy has a fast way to find the few that pass in one dimension only.
        passing = np.flatnonzero(costs < worst.astype(costs.dtype)[:, None])
        queries, columns = np.divmod(passing, costs.shape[1])
        if not len(queries):
            return
        passed = np.bincount(queries, minlength=len(costs))
        rank_in_query = np.arange(len(queries)) - np.repeat(np.cumsum(passed) - passed, passed)
        passed_costs = np.full((len(costs), int(passed.max())), np.inf)
        rows = np.zeros(passed_costs.shape, dtype=np.int64)
        passed_costs[queries, rank_in_query] = costs[queries, columns]
        rows[queries, rank_in_query] = columns + row
        self.add_found(passed_costs, rows, query)
