"""Exact nearest neighbours: a fast pass proposes, float64 decides, and nothing that could matter is left out."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from models_registry.metrics import METRICS, exact_distances, is_metric
from models_registry.neighbours.cityblock import is_worth_while
from models_registry.neighbours.equal_rows import JoinedRows, SingleRows, Ties, any_equal, leads_of, seems_repetitive
from models_registry.neighbours.metric_kernels import kernel_for
from models_registry.neighbours.search_result import Neighbours
from models_registry.neighbours.search_threads import limited_threads
from models_registry.neighbours.shortlist import Shortlist
from models_registry.neighbours.visibility import GroupPair, Visibility

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from models_registry.metrics import Metric
    from models_registry.neighbours.equal_rows import SearchedRows
    from models_registry.neighbours.kernel_base import Kernel
    from models_registry.store import Vectors

    Progress = Callable[[int, int], None]

QUERY_BLOCK_BYTES = 32 << 20
GALLERY_BLOCK_BYTES = 32 << 20
EXACT_BLOCK_BYTES = 2 << 20
RELEASE_BYTES = 32 << 20
LARGE_BYTES = 1 << 30  # of a gallery of which every row that is looked at maps half a megabyte around itself
SHORTLIST_CELLS = 1 << 21

_SPARE = 16  # proposals beyond k, so that rounding seldom makes a second pass necessary
_SPARE_EXACT = 6  # without rounding only ties do
_HIDDEN_AT_ONCE = 64  # more hidden rows than this are met by widening the search for the few queries that have them
_WIDENING = 4
_LOOKED_AT = 16  # shortlists in which equal rows are looked for
_MANY_QUERIES = 64  # for whom it pays to look for equal rows before the first pass


def nearest(
    queries: Vectors,
    gallery: Vectors,
    *,
    metric: Metric,
    k: int,
    query_ids: NDArray[np.int64],
    gallery_ids: NDArray[np.int64],
    gallery_order: NDArray[np.int64] | None = None,
    lots: NDArray[np.int64] | None = None,
    hidden: Sequence[GroupPair] = (),
    within: NDArray[np.float64] | None = None,
    query_block: int | None = None,
    gallery_block: int | None = None,
    threads: int | None = None,
    device: str = "cpu",
    on_progress: Progress | None = None,
) -> Neighbours:
    """The k nearest gallery rows of each query, as a float64 comparison with every row would find them.

    - `query_ids` [Q] and `gallery_ids` [N] tell which row is the query itself: it is never its own neighbour.
    - `gallery_order` [N] decides between equal distances, lowest first; the position in the gallery if not given.
    - `lots` [Q]: a number per query by which equal distances are decided by lot, together with `gallery_order`: of rows
      that all lie equally far not one answers everybody, and the same query gets the same ones in every gallery.
    - `hidden`: pairs of group numbers, [Q] of the queries and [N] of the gallery; a candidate of the query's own
      group is passed over, -1 is no group.
    - `within` [Q]: rows farther than this from a query are not wanted; leaving them out saves time.
    - `query_block`, `gallery_block`: rows compared at once; chosen to bound memory if not given.
    - `device`: `cpu`, `cuda`, or `auto` for a GPU where there is one; the answers are the same.
    - `on_progress(done, total)` counts the gallery rows passed, over all blocks of queries.

    Raises ValueError for an unknown metric, k below 1, or lengths that do not fit.
    """
    order = np.arange(len(gallery), dtype=np.int64) if gallery_order is None else np.asarray(gallery_order)
    _check_arguments(queries, gallery, metric, k, (query_ids, gallery_ids, order))
    visibility = Visibility.from_ids(query_ids, gallery_ids, hidden)
    indices = np.full((len(queries), k), -1, dtype=np.int64)
    distances = np.full((len(queries), k), np.nan)
    with limited_threads(threads) as threads_used:
        new_kernel = partial(_kernel_for_search, metric, queries, gallery, threads_used, device)
        rows = SingleRows(gallery, visibility, Ties(order, lots))
        search = _Search(queries, metric, new_kernel(), k, rows, within)
        queries_at_once = query_block or _rows_in(QUERY_BLOCK_BYTES, search.kernel)
        rows_at_once = gallery_block or _rows_in(GALLERY_BLOCK_BYTES, search.kernel)
        search.fill_answers(
            queries_at_once, rows_at_once, indices, distances, on_progress or _report_nothing, new_kernel
        )
    return Neighbours(indices, distances)


def _kernel_for_search(metric: Metric, queries: Vectors, gallery: Vectors, threads: int, device: str) -> Kernel:
    compiled = metric == "l1" and is_worth_while(len(queries), len(gallery), gallery.dim)
    if device == "cpu":
        return kernel_for(metric, gallery.dim, threads, compiled=compiled)
    from models_registry.neighbours.gpu_kernels import on_device

    return on_device(kernel_for(metric, gallery.dim, threads, compiled=compiled), metric, device)


def _check_arguments(
    queries: Vectors, gallery: Vectors, metric: str, k: int, numbers: tuple[NDArray[np.int64], ...]
) -> None:
    if not is_metric(metric):
        raise ValueError(f"Unknown metric {metric!r}; choose one of {', '.join(METRICS)}.")
    if k < 1:
        raise ValueError(f"k is how many neighbours to find, at least 1, not {k}.")
    if queries.dim != gallery.dim and len(queries) and len(gallery):
        raise ValueError(f"Queries have {queries.dim} components and the gallery {gallery.dim}: one encoder, one tap.")
    expected = (len(queries), len(gallery), len(gallery))
    if tuple(len(column) for column in numbers) != expected:
        raise ValueError("Give one id per query, and one id and one order per gallery row.")


def _rows_in(size: int, kernel: Kernel) -> int:
    """Rows that fit into so many bytes; at least a few, for BLAS is not used for single ones."""
    return max(64, size // kernel.row_bytes)


@dataclass(frozen=True, slots=True)
class _Shortlisted:
    """What a pass over the gallery found for P queries: the rows of least cost, both [P, width], least first."""

    positions: NDArray[np.int64]
    squares: NDArray[np.float64]
    costs: NDArray[np.float64]
    rows: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Search:
    queries: Vectors
    metric: Metric
    kernel: Kernel
    k: int
    rows: SearchedRows
    within: NDArray[np.float64] | None

    def fill_answers(
        self,
        queries_at_once: int,
        gallery_block: int,
        indices: NDArray[np.int64],
        distances: NDArray[np.float64],
        progress: Progress,
        new_kernel: Callable[[], Kernel],
    ) -> None:
        """Fill the rows of `indices` and `distances`, for so many queries at a time.

        Queries whose shortlist turns out too short to be sure of it are asked again: of equal rows as one where there
        are some among them, else with a wider shortlist, at the latest with the whole gallery; fewer at a time,
        for a shortlist takes memory too.
        """
        gallery = self.rows.vectors
        pending = np.arange(len(self.queries) if len(gallery) else 0, dtype=np.int64)
        search, report, joined = self, progress, False
        by_bits = self.metric == "hamming"
        if len(pending) >= _MANY_QUERIES and seems_repetitive(gallery, by_bits=by_bits):
            search, joined = self.with_joined_rows(new_kernel()), True
        width = search.first_width(pending)
        while len(pending):
            step = min(queries_at_once, max(1, SHORTLIST_CELLS // width))
            blocks = [pending[start : start + step] for start in range(0, len(pending), step)]
            unsure = list(search.unsure_queries(blocks, width, gallery_block, indices, distances, report))
            pending = self._without_direction(
                np.concatenate([positions for positions, _ in unsure]), indices, distances
            )
            if len(pending) and not joined and any(repeats for _, repeats in unsure):
                search, joined = self.with_joined_rows(new_kernel()), True
                width = search.first_width(pending)
            else:
                width = min(len(search.rows.vectors), width * _WIDENING)
            report = _report_nothing

    def _without_direction(
        self, pending: NDArray[np.int64], indices: NDArray[np.int64], distances: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Answer zero vectors that ask by cosine: every row is at distance 1 from them. The queries that are left."""
        if self.metric != "cosine" or not len(pending):
            return pending
        step = max(1, EXACT_BLOCK_BYTES // (4 * self.queries.dim))
        parts = [pending[start : start + step] for start in range(0, len(pending), step)]
        zero = np.concatenate([~self.queries.take(part).any(axis=1) for part in parts])
        if zero.any():
            single, asking = self.rows, pending[zero]
            leads = np.zeros(len(single.vectors), dtype=np.int64)
            everything = JoinedRows(single.vectors, leads, single.visibility, single.ties)
            nothing = np.zeros((len(asking), 1), dtype=np.int64)
            indices[asking], distances[asking] = everything.nearest_visible(
                asking, nothing, np.ones(nothing.shape), self.k
            )
        with_direction: NDArray[np.int64] = pending[~zero]
        return with_direction

    def with_joined_rows(self, kernel: Kernel) -> _Search:
        """The same search with equal rows as one; a kernel of its own, for kernels remember what they read."""
        single = self.rows
        leads = leads_of(single.vectors, by_bits=self.metric == "hamming")
        return replace(self, kernel=kernel, rows=JoinedRows(single.vectors, leads, single.visibility, single.ties))

    def unsure_queries(
        self,
        blocks: Sequence[NDArray[np.int64]],
        width: int,
        gallery_block: int,
        indices: NDArray[np.int64],
        distances: NDArray[np.float64],
        report: Progress,
    ) -> Iterator[tuple[NDArray[np.int64], bool]]:
        """Answer blocks of queries; of each those whose shortlist was too short, and whether equal rows may be why.

        While one block is searched, a second thread decides about the one before: that takes Python's lock, which
        the products of a search leave alone.
        """
        size, total = len(self.rows.vectors), len(blocks) * len(self.rows.vectors)
        with ThreadPoolExecutor(1) as second:
            deciding: Future[tuple[NDArray[np.int64], bool]] | None = None
            for number, block in enumerate(blocks):
                shortlisted = self._shortlist_rows(
                    block, width, gallery_block, partial(_report_shifted, report, number * size, total)
                )
                if deciding is not None:
                    yield deciding.result()
                deciding = second.submit(self._settle_queries, shortlisted, indices, distances)
            if deciding is not None:
                yield deciding.result()

    def _settle_queries(
        self, shortlisted: _Shortlisted, indices: NDArray[np.int64], distances: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], bool]:
        """Write down the answers that are sure; the positions of the queries whose shortlist was too short, and
        whether equal rows are in them."""
        settled, bound, measured = self._decide_shortlists(shortlisted)
        sure = shortlisted.positions[settled]
        indices[sure], distances[sure] = self.rows.nearest_visible(
            sure, shortlisted.rows[settled], measured[settled], self.k
        )
        unsure, tied = shortlisted.rows[~settled], measured[~settled] == bound[~settled, None]
        return shortlisted.positions[~settled], self._has_equal_rows(unsure, tied)

    def _has_equal_rows(self, rows: NDArray[np.int64], tied: NDArray[np.bool_]) -> bool:
        """Whether rows are equal, not only equally far, among the `tied` of a few shortlists [P, width]."""
        near = np.unique(rows[:_LOOKED_AT][tied[:_LOOKED_AT]])[: _LOOKED_AT**2]
        return len(near) > 1 and any_equal(self.rows.vectors, near, by_bits=self.metric == "hamming")

    def first_width(self, queries: NDArray[np.int64]) -> int:
        hidden = int(np.minimum(self.rows.visibility.at_most_hidden()[queries], _HIDDEN_AT_ONCE).max(initial=0))
        return min(len(self.rows.vectors), self.k + hidden + (_SPARE_EXACT if self.kernel.exact else _SPARE))

    def _shortlist_rows(
        self, positions: NDArray[np.int64], width: int, gallery_block: int, report: Callable[[int], None]
    ) -> _Shortlisted:
        """The `width` gallery rows of least cost for each of these queries, sorted."""
        gallery = self.rows.vectors
        queries = self.kernel.read_queries(self.queries, positions)
        self.queries.release()
        per_release = max(1, RELEASE_BYTES // self.kernel.row_bytes)
        shortlist = Shortlist(len(queries), width)
        for start in range(0, len(gallery), gallery_block):
            stop = min(start + gallery_block, len(gallery))
            block = self.kernel.read_block(gallery, start, stop)
            self.kernel.search_block(queries, block, start, shortlist)
            if stop // per_release != start // per_release:
                gallery.release()
            report(stop)
        self.kernel.end_of_pass()
        squares = self.kernel.squared_lengths(queries)
        costs, rows = shortlist.sorted_rows()
        return _Shortlisted(positions, squares, self.kernel.complete_costs(costs, squares), rows)

    def _decide_shortlists(
        self, shortlisted: _Shortlisted
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
        """Whether the shortlist of each query settles it [P], how far its answer reaches at most [P], and the
        distances [P, width] of the rows that may be in it, infinity for all others.

        The first rows behind which there are k visible ones are measured exactly. The farthest of them bounds the
        answer, so every row whose cost may hide a distance within that bound is measured too; the shortlist settles
        the query if it reaches beyond that cost, or holds the whole gallery. What will be within the bound is guessed
        from the costs, so that nearly always one round of measuring is enough.
        """
        positions, squares, costs, rows = (
            shortlisted.positions,
            shortlisted.squares,
            shortlisted.costs,
            shortlisted.rows,
        )
        counts, possible = self.rows.count_visible(positions, rows)
        limit = np.full(len(rows), np.inf)
        if self.within is not None:
            limit = self.kernel.highest_cost(self.within[positions], squares)
            possible = possible & (costs <= limit[:, None])
            counts = np.where(possible, counts, 0)
        visible_so_far = np.cumsum(counts, axis=1, dtype=np.int64)
        first_k = possible & (visible_so_far - counts < self.k)
        distances = np.full(costs.shape, np.inf)
        farthest = np.where(first_k, costs, -np.inf).max(axis=1)
        guessed_reach = self.kernel.highest_cost(self.kernel.estimated_distances(farthest), squares)
        likely = first_k | (possible & (costs <= guessed_reach[:, None]))
        self._measure_exactly(positions, rows, costs, likely, distances)
        bound = np.where(first_k, distances, 0.0).max(axis=1)
        reach = np.where(visible_so_far[:, -1] >= self.k, self.kernel.highest_cost(bound, squares), np.inf)
        reach = np.minimum(reach, limit)
        self._measure_exactly(positions, rows, costs, possible & ~likely & (costs <= reach[:, None]), distances)
        settled = (reach < costs[:, -1]) | (rows.shape[1] == len(self.rows.vectors))
        return settled, bound, distances

    def _measure_exactly(
        self,
        positions: NDArray[np.int64],
        rows: NDArray[np.int64],
        costs: NDArray[np.float64],
        is_measured: NDArray[np.bool_],
        distances: NDArray[np.float64],
    ) -> None:
        """Put the exact distances where `is_measured` into `distances`, all [P, width]."""
        if self.kernel.exact:
            np.copyto(distances, costs, where=is_measured)
            return
        gallery = self.rows.vectors
        measured_queries, columns = np.nonzero(is_measured)
        at_once = max(1, EXACT_BLOCK_BYTES // (4 * gallery.dim))
        large = 4 * gallery.dim * len(gallery) > LARGE_BYTES
        for start in range(0, len(measured_queries), at_once):
            query_of_pair, column_of_pair = measured_queries[start : start + at_once], columns[start : start + at_once]
            near_rows = gallery.take(rows[query_of_pair, column_of_pair])
            edges = [0, *(1 + np.flatnonzero(np.diff(query_of_pair))).tolist(), len(query_of_pair)]
            queries = self.queries.take(positions[query_of_pair[edges[:-1]]])
            for query, (first, last) in zip(queries, itertools.pairwise(edges), strict=True):
                distances[query_of_pair[first], column_of_pair[first:last]] = exact_distances(
                    self.metric, query, near_rows[first:last]
                )
            if large:
                gallery.release(rows[query_of_pair, column_of_pair])


def _report_shifted(report: Progress, before: int, total: int, done: int) -> None:
    report(before + done, total)


def _report_nothing(done: int, total: int) -> None:
    """Second passes over the gallery are not counted."""
