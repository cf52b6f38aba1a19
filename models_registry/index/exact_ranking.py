"""Exact answers over chosen rows: what was proposed is measured, and what is young or strictly filtered is scanned."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

import numpy as np

from models_registry.metrics import exact_distances
from models_registry.neighbours import GroupPair, nearest
from models_registry.store import Vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from models_registry.metrics import Metric


ROUNDING = 2.0**-23
_BLOCK = 1024


class _Scratch(threading.local):
    """Memory that a thread reads candidates into again and again: to get it anew would cost more than to fill it."""

    rows = np.empty((0, 0), dtype=np.float32)

    def room_for(self, rows: int, dim: int) -> NDArray[np.float32]:
        if self.rows.shape[1] != dim or len(self.rows) < rows:
            self.rows = np.empty((rows, dim), dtype=np.float32)
        return self.rows


_scratch = _Scratch()


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Rows [Q, m] and their canonical distances [Q, m], nearest first; -1 and infinity behind the last."""

    slots: NDArray[np.int64]
    distances: NDArray[np.float64]


def nothing_found(queries: int, k: int) -> Ranking:
    """A ranking without answers, to be filled."""
    return Ranking(np.full((queries, k), -1, dtype=np.int64), np.full((queries, k), np.inf))


@dataclass(frozen=True, slots=True, eq=False)
class HiddenRows:
    """What may not answer: pairs of a number per query [Q] and a number per row [slots]; equal ones hide, -1 never."""

    pairs: Sequence[GroupPair] = ()

    def hidden_from(self, query: int, slots: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether these rows are hidden from the query at this place."""
        mask = np.zeros(len(slots), dtype=np.bool_)
        for of_query, of_row in self.pairs:
            if of_query[query] != -1:
                mask |= of_row[slots] == of_query[query]
        return mask

    def for_queries(self, queries: NDArray[np.int64]) -> HiddenRows:
        """The same for some of the queries."""
        return HiddenRows([(of_query[queries], of_row) for of_query, of_row in self.pairs])


def measure_candidates(
    metric: Metric,
    queries: NDArray[np.float32],
    candidates: NDArray[np.int64],
    vectors: Vectors,
    hidden: HiddenRows,
    ids: NDArray[np.int64],
    k: int,
) -> Ranking:
    """The k nearest of the candidates [Q, m] of each query [Q, d], without those that are hidden from it."""
    ranking = nothing_found(len(queries), k)
    for query_number, (query, proposed) in enumerate(zip(queries, candidates, strict=True)):
        slots = proposed[proposed >= 0]
        if hidden.pairs:
            slots = slots[~hidden.hidden_from(query_number, slots)]
        if len(slots):
            rows = vectors.take(slots, _scratch.room_for(len(slots), vectors.dim))
            _rank_rows(ranking, query_number, metric, query, rows, slots, ids)
    return ranking


def compare_rows(
    metric: Metric,
    queries: NDArray[np.float32],
    vectors: Vectors,
    row_numbers: NDArray[np.int64],
    hidden: HiddenRows,
    ids: NDArray[np.int64],
    k: int,
    first_slot: int = 0,
) -> Ranking:
    """The k nearest of the rows at `row_numbers`, whose slots come after `first_slot`.

    For few rows and few queries, for which a search of everything is dear to begin. Memory holds a block of the rows.
    """
    rankings = [nothing_found(len(queries), k)]
    for start in range(0, len(row_numbers), _BLOCK):
        block = row_numbers[start : start + _BLOCK]
        room, lies_together = _scratch.room_for(len(block), vectors.dim), block[-1] - block[0] == len(block) - 1
        # Mostly every row may answer: then they are copied shard by shard, or not at all, instead of row by row.
        rows = vectors.rows(int(block[0]), int(block[-1]) + 1, room) if lies_together else vectors.take(block, room)
        ranked = nothing_found(len(queries), k)
        slots = block + first_slot
        for query_number, query in enumerate(queries):
            is_visible = ~hidden.hidden_from(query_number, slots) if hidden.pairs else None
            if is_visible is None or is_visible.all():
                _rank_rows(ranked, query_number, metric, query, rows, slots, ids)
            elif is_visible.any():
                _rank_rows(ranked, query_number, metric, query, rows[is_visible], slots[is_visible], ids)
        rankings.append(ranked)
    return merge_rankings(rankings, ids, k)


def _rank_rows(
    ranking: Ranking,
    query_number: int,
    metric: Metric,
    query: NDArray[np.float32],
    rows: NDArray[np.float32],
    slots: NDArray[np.int64],
    ids: NDArray[np.int64],
) -> None:
    """Write the nearest of these rows into the ranking, as the answers of the query at this place."""
    near = likely_nearest(metric, query, rows, ranking.slots.shape[1])
    slots, exact = slots[near], exact_distances(metric, query, rows[near])
    order = np.lexsort((ids[slots], exact))[: ranking.slots.shape[1]]
    ranking.slots[query_number, : len(order)], ranking.distances[query_number, : len(order)] = (
        slots[order],
        exact[order],
    )


def likely_nearest(metric: Metric, query: NDArray[np.float32], rows: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Which of rows [m, d] may be among the k nearest, by float32 and the bound of its rounding: no true one is lost.

    Sums of d terms are off by at most (d + some) roundings of what is summed (Higham, ch. 3), on both sides.
    """
    if len(rows) <= 2 * k or metric == "hamming":
        return np.arange(len(rows), dtype=np.int64)
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        costs, scale = _rough_costs(metric, query, rows)
        bound = np.partition(costs, k - 1)[k - 1]
        reach = bound + 4 * (len(query) + 16) * ROUNDING * scale(bound)
    # Written so that a cost that is not a number, of a zero vector or of huge values, is looked at exactly.
    return np.flatnonzero(~(costs > reach)).astype(np.int64)


def _rough_costs(
    metric: Metric, query: NDArray[np.float32], rows: NDArray[np.float32]
) -> tuple[NDArray[np.float32], Callable[[float], float]]:
    """Costs [m] that rise with the distance, and what their rounding is in proportion to."""
    if metric == "cosine":
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows) * np.dot(query, query))
        return 1 - (rows @ query) / lengths, lambda _: 1.0
    apart = rows - query
    if metric == "l1":
        return np.abs(apart, out=apart).sum(axis=1), lambda bound: bound
    if metric == "l2":
        return np.einsum("ij,ij->i", apart, apart), lambda bound: bound
    if metric == "hamming":
        raise ValueError("Bits are counted exactly at once; there is nothing to estimate.")
    assert_never(metric)


def scan_rows(
    metric: Metric,
    queries: NDArray[np.float32],
    vectors: Vectors,
    slots: NDArray[np.int64],
    hidden: HiddenRows,
    ids: NDArray[np.int64],
    k: int,
    threads: int | None,
) -> Ranking:
    """The k nearest of all `vectors`, which are the rows `slots` of the index, by comparing every one."""
    if not len(slots):
        return nothing_found(len(queries), k)
    neighbours = nearest(
        Vectors.from_array(queries),
        vectors,
        metric=metric,
        k=k,
        query_ids=np.full(len(queries), -1, dtype=np.int64),
        gallery_ids=slots,
        gallery_order=ids[slots],
        hidden=[(of_query, of_row[slots]) for of_query, of_row in hidden.pairs],
        threads=threads,
    )
    is_empty = neighbours.indices < 0
    return Ranking(
        np.where(is_empty, -1, slots[np.maximum(neighbours.indices, 0)]),
        np.where(is_empty, np.inf, neighbours.distances),
    )


def merge_rankings(rankings: Sequence[Ranking], ids: NDArray[np.int64], k: int) -> Ranking:
    """The k nearest of several rankings of the same queries; equal distances in the order of the items' numbers."""
    if len(rankings) == 1:
        return rankings[0]
    slots = np.concatenate([ranking.slots for ranking in rankings], axis=1)
    distances = np.concatenate([ranking.distances for ranking in rankings], axis=1)
    order = np.lexsort((ids[np.maximum(slots, 0)], distances), axis=1)[:, :k]
    return Ranking(np.take_along_axis(slots, order, axis=1), np.take_along_axis(distances, order, axis=1))
