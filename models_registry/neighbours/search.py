"""Exact nearest neighbours: a fast pass proposes, float64 decides, and nothing that could matter is left out."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from models_registry.metrics import METRICS, exact_distances, is_metric
from models_registry.neighbours.cityblock import is_worth_while
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
    _check(queries, gallery, metric, k, (query_ids, gallery_ids, order))
    visibility = Visibility.of(query_ids, gallery_ids, hidden)
    indices = np.full((len(queries), k), -1, dtype=np.int64)
    distances = np.full((len(queries), k), np.nan)
    with limited_threads(threads) as threads_used:
        kernel = _kernel(metric, queries, gallery, threads_used, device)
        search = _Search(queries, gallery, metric, kernel, k, visibility, order, lots, within)
        at_once = query_block or _rows_in(QUERY_BLOCK_BYTES, kernel)
        rows_at_once = gallery_block or _rows_in(GALLERY_BLOCK_BYTES, kernel)
        search.answer(at_once, rows_at_once, indices, distances, on_progress or _silent)
    return Neighbours(indices, distances)


def drawn(lots: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Numbers [Q, n] mixed with each query's lot [Q], to be sorted by (SplitMix64: Steele and others, 2014)."""
    mixed = numbers.astype(np.uint64) ^ (lots.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))[:, None]
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    found: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return found


def _kernel(metric: Metric, queries: Vectors, gallery: Vectors, threads: int, device: str) -> Kernel:
    compiled = metric == "l1" and is_worth_while(len(queries), len(gallery), gallery.dim)
    if device == "cpu":
        return kernel_for(metric, gallery.dim, threads, compiled=compiled)
    from models_registry.neighbours.gpu_kernels import on_device

    return on_device(kernel_for(metric, gallery.dim, threads, compiled=compiled), metric, device)


def _check(queries: Vectors, gallery: Vectors, metric: str, k: int, numbers: tuple[NDArray[np.int64], ...]) -> None:
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
    gallery: Vectors
    metric: Metric
    kernel: Kernel
    k: int
    visibility: Visibility
    order: NDArray[np.int64]
    lots: NDArray[np.int64] | None
    within: NDArray[np.float64] | None

    def answer(
        self,
        at_once: int,
        gallery_block: int,
        indices: NDArray[np.int64],
        distances: NDArray[np.float64],
        progress: Progress,
    ) -> None:
        """Fill the rows of `indices` and `distances`, for so many queries at a time.

        Queries whose shortlist turns out too short to be sure of it are asked again with a wider one, at the
        latest with the whole gallery; fewer at a time, for a shortlist takes memory too.
        """
        pending = np.arange(len(self.queries) if len(self.gallery) else 0, dtype=np.int64)
        width, report = self._first_width(pending), progress
        while len(pending):
            step = min(at_once, max(1, SHORTLIST_CELLS // width))
            blocks = [pending[start : start + step] for start in range(0, len(pending), step)]
            pending = np.concatenate(list(self._unsure(blocks, width, gallery_block, indices, distances, report)))
            width, report = min(len(self.gallery), width * _WIDENING), _silent

    def _unsure(
        self,
        blocks: Sequence[NDArray[np.int64]],
        width: int,
        gallery_block: int,
        indices: NDArray[np.int64],
        distances: NDArray[np.float64],
        report: Progress,
    ) -> Iterator[NDArray[np.int64]]:
        """Answer blocks of queries; of each those whose shortlist was too short.

        While one block is searched, a second thread decides about the one before: that takes Python's lock, which
        the products of a search leave alone.
        """
        size, total = len(self.gallery), len(blocks) * len(self.gallery)
        with ThreadPoolExecutor(1) as second:
            deciding: Future[NDArray[np.int64]] | None = None
            for number, block in enumerate(blocks):
                found = self._shortlist(block, width, gallery_block, partial(_shifted, report, number * size, total))
                if deciding is not None:
                    yield deciding.result()
                deciding = second.submit(self._settle, found, indices, distances)
            if deciding is not None:
                yield deciding.result()

    def _settle(
        self, found: _Shortlisted, indices: NDArray[np.int64], distances: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Write down the answers that are sure; the positions of the queries whose shortlist was too short."""
        settled, rows, exact = self._decide(found)
        indices[found.positions[settled]], distances[found.positions[settled]] = rows[settled], exact[settled]
        return found.positions[~settled]

    def _first_width(self, queries: NDArray[np.int64]) -> int:
        hidden = int(np.minimum(self.visibility.at_most_hidden()[queries], _HIDDEN_AT_ONCE).max(initial=0))
        return min(len(self.gallery), self.k + hidden + (_SPARE_EXACT if self.kernel.exact else _SPARE))

    def _shortlist(
        self, positions: NDArray[np.int64], width: int, gallery_block: int, report: Callable[[int], None]
    ) -> _Shortlisted:
        """The `width` gallery rows of least cost for each of these queries, sorted."""
        queries = self.kernel.chosen(self.queries, positions)
        self.queries.release()
        per_release = max(1, RELEASE_BYTES // self.kernel.row_bytes)
        shortlist = Shortlist(len(queries), width)
        for start in range(0, len(self.gallery), gallery_block):
            stop = min(start + gallery_block, len(self.gallery))
            block = self.kernel.block(self.gallery, start, stop)
            self.kernel.search(queries, block, start, shortlist)
            if stop // per_release != start // per_release:
                self.gallery.release()
            report(stop)
        self.kernel.end_of_pass()
        squares = self.kernel.squares(queries)
        costs, rows = shortlist.sorted()
        return _Shortlisted(positions, squares, self.kernel.whole(costs, squares), rows)

    def _decide(self, found: _Shortlisted) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.float64]]:
        """Whether the shortlist of each query settles it [P], and the answers: positions and distances [P, k].

        The first k visible rows are measured exactly. The farthest of them bounds the answer, so every row whose
        cost may hide a distance within that bound is measured too; the shortlist settles the query if it reaches
        beyond that cost, or holds the whole gallery. What will be within the bound is guessed from the costs, so
        that nearly always one round of measuring is enough.
        """
        positions, squares, costs, rows = found.positions, found.squares, found.costs, found.rows
        visible = ~self.visibility.hidden(positions, rows)
        limit = np.full(len(rows), np.inf)
        if self.within is not None:
            limit = self.kernel.reach(self.within[positions], squares)
            visible &= costs <= limit[:, None]
        seen = np.cumsum(visible, axis=1)
        first = visible & (seen <= self.k)
        distances = np.full(costs.shape, np.inf)
        farthest = np.where(first, costs, -np.inf).max(axis=1)
        guess = self.kernel.reach(self.kernel.estimate(farthest), squares)
        likely = first | (visible & (costs <= guess[:, None]))
        self._measure(positions, rows, costs, likely, distances)
        bound = np.where(first, distances, 0.0).max(axis=1)
        reach = np.where(seen[:, -1] >= self.k, self.kernel.reach(bound, squares), np.inf)
        reach = np.minimum(reach, limit)
        self._measure(positions, rows, costs, visible & ~likely & (costs <= reach[:, None]), distances)
        settled = (reach < costs[:, -1]) | (rows.shape[1] == len(self.gallery))
        return settled, *self._first_k(positions, distances, rows)

    def _first_k(
        self, positions: NDArray[np.int64], distances: NDArray[np.float64], rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        order = self.order[rows] if self.lots is None else drawn(self.lots[positions], self.order[rows])
        final = np.lexsort((order, distances), axis=1)[:, : self.k]
        distances, rows = np.take_along_axis(distances, final, axis=1), np.take_along_axis(rows, final, axis=1)
        lacking = ((0, 0), (0, self.k - final.shape[1]))
        distances = np.pad(distances, lacking, constant_values=np.inf)
        rows = np.pad(rows, lacking, constant_values=-1)
        return np.where(np.isinf(distances), -1, rows), np.where(np.isinf(distances), np.nan, distances)

    def _measure(
        self,
        positions: NDArray[np.int64],
        rows: NDArray[np.int64],
        costs: NDArray[np.float64],
        wanted: NDArray[np.bool_],
        distances: NDArray[np.float64],
    ) -> None:
        """Put the exact distances where `wanted` into `distances`, all [P, width]."""
        if self.kernel.exact:
            np.copyto(distances, costs, where=wanted)
            return
        which, columns = np.nonzero(wanted)
        at_once = max(1, EXACT_BLOCK_BYTES // (4 * self.gallery.dim))
        large = 4 * self.gallery.dim * len(self.gallery) > LARGE_BYTES
        for start in range(0, len(which), at_once):
            asked, near = which[start : start + at_once], columns[start : start + at_once]
            found = self.gallery.take(rows[asked, near])
            edges = [0, *(1 + np.flatnonzero(np.diff(asked))).tolist(), len(asked)]
            queries = self.queries.take(positions[asked[edges[:-1]]])
            for query, (first, last) in zip(queries, itertools.pairwise(edges), strict=True):
                distances[asked[first], near[first:last]] = exact_distances(self.metric, query, found[first:last])
            if large:
                self.gallery.release(rows[asked, near])


def _shifted(report: Progress, before: int, total: int, done: int) -> None:
    report(before + done, total)


def _silent(done: int, total: int) -> None:
    """Second passes over the gallery are not counted."""
