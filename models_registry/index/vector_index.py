"""The index itself: an immutable base behind an engine, an exact delta, and what is gone. A snapshot, never changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from models_registry.index.engines.engine_base import AllowedRows
from models_registry.index.exact_ranking import (
    HiddenRows,
    Ranking,
    compare_rows,
    measure_candidates,
    merge_rankings,
    nothing_found,
    scan_rows,
)
from models_registry.index.filter_planner import FEW_ROWS, plan_search
from models_registry.index.row_changes import DeltaRows
from models_registry.index.row_columns import RowColumns
from models_registry.index.search_answers import Answers, diverse_order, one_per_group, pick_columns
from models_registry.index.vector_spaces import SPACE_OF, Space, checked_queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from models_registry.index.engines.engine_base import Engine
    from models_registry.index.row_columns import Labels
    from models_registry.metrics import Metric
    from models_registry.store import Vectors

_WIDENING = 4
_PER_GROUP = 3
_PER_DIVERSE = 5
_FEW_QUERIES = 4


@dataclass(frozen=True, eq=False)
class IndexBase:
    """What a generation holds: ids [N] of items, their vectors, and an engine per space. Never changed."""

    ids: NDArray[np.int64]
    vectors: Vectors
    engines: Mapping[Space, Engine]
    rerank: int = 100

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.vectors):
            raise ValueError(f"{len(self.ids)} ids do not fit {len(self.vectors)} vectors.")
        if len(np.unique(self.ids)) != len(self.ids):
            raise ValueError("Every item has one row in an index; some ids come twice.")

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """Positions that sort the ids."""
        return np.argsort(self.ids, kind="stable")

    def positions_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row numbers of these items in the base, -1 for items that it does not hold."""
        if not len(self.ids):
            return np.full(len(ids), -1, dtype=np.int64)
        places_in_order = np.minimum(np.searchsorted(self.ids, ids, sorter=self.order), len(self.ids) - 1)
        positions = self.order[places_in_order]
        return np.where(self.ids[positions] == ids, positions, -1)


@dataclass(frozen=True, eq=False)
class VectorIndex:
    """Items by number, found by vector. Made by `VectorIndex.from_base`, searched from any number of threads.

    Every change gives a new snapshot and leaves the old one as it was: whoever still searches that is not disturbed.
    Rows have slots: first those of the base, then those of the delta in the order of their coming. `ids` [slots],
    `live` [slots] (whether the row still counts) and `columns` are all by slot.
    """

    base: IndexBase
    ids: NDArray[np.int64]
    live: NDArray[np.bool_]
    columns: RowColumns
    delta: DeltaRows
    young: Mapping[int, int] = field(default_factory=dict)
    threads: int | None = None

    @classmethod
    def from_base(cls, base: IndexBase, *, labels: Labels | None = None, threads: int | None = None) -> VectorIndex:
        """The index of a base without changes. `labels` has a value per base row for each column."""
        rows = len(base.ids)
        everything = np.arange(rows, dtype=np.int64)
        columns = RowColumns(rows).with_values(everything, labels or {})
        empty = DeltaRows.empty(base.vectors.dim)
        return cls(base, base.ids, np.ones(rows, dtype=np.bool_), columns, empty, threads=threads)

    def __len__(self) -> int:
        return int(np.count_nonzero(self.live))

    @property
    def dim(self) -> int:
        return self.base.vectors.dim

    # Changes

    def with_rows(
        self, ids: Sequence[int] | NDArray[np.int64], vectors: ArrayLike, labels: Labels | None = None
    ) -> VectorIndex:
        """With new items, or known ones whose picture has changed; their labels are only those given here."""
        numbers = np.asarray(ids, dtype=np.int64)
        rows = checked_queries(vectors, self.dim) if len(numbers) else np.empty((0, self.dim), np.float32)
        if len(numbers) != len(rows) or len(np.unique(numbers)) != len(numbers):
            raise ValueError("Give one vector per item, and every item once.")
        slots = np.arange(len(self.ids), len(self.ids) + len(numbers), dtype=np.int64)
        without_old = self.without_rows(numbers)
        return replace(
            without_old,
            ids=np.concatenate([self.ids, numbers]),
            live=np.concatenate([without_old.live, np.ones(len(numbers), dtype=np.bool_)]),
            columns=self.columns.with_more_rows(len(numbers)).with_values(slots, labels or {}),
            delta=self.delta.with_more(rows),
            young={**self.young, **dict(zip(numbers.tolist(), slots.tolist(), strict=True))},
        )

    def without_rows(self, ids: Sequence[int] | NDArray[np.int64]) -> VectorIndex:
        """Without these items; those it does not hold are passed over."""
        slots = self.slots_of(ids)
        live = self.live.copy()
        live[slots[slots >= 0]] = False
        return replace(self, live=live)

    def with_labels(self, ids: Sequence[int] | NDArray[np.int64], labels: Labels) -> VectorIndex:
        """With other values at these items, in the columns named; items it does not hold are passed over."""
        slots = self.slots_of(ids)
        given_rows = np.flatnonzero(slots >= 0)
        values = {name: [column[at] for at in given_rows.tolist()] for name, column in labels.items()}
        return replace(self, columns=self.columns.with_values(slots[given_rows], values))

    def slots_of(self, ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """The slots of the live rows of these items, -1 where there is none."""
        numbers = np.asarray(ids, dtype=np.int64)
        slots = self.base.positions_of(numbers)
        if self.young:
            slots = np.array(
                [self.young.get(number, slot) for number, slot in zip(numbers.tolist(), slots.tolist(), strict=True)],
                dtype=np.int64,
            )
        return np.where((slots >= 0) & self.live[np.maximum(slots, 0)], slots, -1) if len(self.ids) else slots

    def vectors_of(self, slots: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors [m, d] at these slots."""
        old = len(self.base.ids)
        rows = np.empty((len(slots), self.dim), dtype=np.float32)
        rows[slots < old] = self.base.vectors.take(slots[slots < old])
        rows[slots >= old] = self.delta.vectors.take(slots[slots >= old] - old)
        return rows

    # Questions

    def search(
        self,
        queries: ArrayLike,
        *,
        metric: Metric,
        k: int,
        filters: Mapping[str, Collection[str]] | None = None,
        allowed: NDArray[np.bool_] | None = None,
        query_ids: Sequence[int] | NDArray[np.int64] | None = None,
        hide_same: Mapping[str, Sequence[str | None]] | None = None,
        one_per: str | None = None,
        effort: float = 1.0,
    ) -> Answers:
        """The nearest items of queries [Q, d] or [d]; always min(k, rows that may answer) of them.

        - `filters`: column → values, of which a row must have one, in every column; `allowed`: a mask [slots] besides.
        - `query_ids`: the item that asks, if it is one (-1): it never answers itself.
        - `hide_same`: column → the query's own value; rows with the same value do not answer ("of other products").
        - `one_per`: a column; of the rows with the same value only the nearest answers, and k counts values.
        - `effort`: multiplies the work that the engine was built to do for an answer, to trade recall against time.

        Raises ValueError for a query of another length, a metric whose space was not built, or k below 1.
        """
        rows = checked_queries(queries, self.dim)
        self._check_question(metric, k)
        may_answer, hidden = self._may_answer(filters, allowed), self._hidden_rows(rows, query_ids, hide_same)
        question = _Question(self, metric, may_answer, hidden, effort)
        return (
            question.find_answers(rows, k)
            if one_per is None
            else question.one_per(rows, k, self.columns.codes_of_column(one_per))
        )

    def similar_items(
        self, item: int, *, metric: Metric, k: int, product: str | None = "product", diversity: float = 0.0
    ) -> Answers:
        """Recommendations for an item of the index: one per other product, and diverse on wish (0 … 1)."""
        (slot,) = self.slots_of([item]).tolist()
        if slot < 0:
            raise LookupError(f"The index holds no item {item}.")
        hide = {product: [self.columns.value_at(product, slot)]} if product else None
        asked_k = k if diversity == 0 else k * _PER_DIVERSE
        answers = self.search(
            self.vectors_of(np.array([slot])),
            metric=metric,
            k=asked_k,
            query_ids=[item],
            hide_same=hide,
            one_per=product,
        )
        slots = answers.slots[0][answers.slots[0] >= 0]
        order = diverse_order(answers.distances[0][: len(slots)], self.vectors_of(slots), metric, k, diversity)
        return pick_columns(answers, order[None, :])

    def may_answer(self, filters: Mapping[str, Collection[str]] | None = None) -> NDArray[np.bool_]:
        """The live rows [slots] that these filters let through."""
        return self.live & self.columns.allowed_rows(filters) if filters else self.live

    @property
    def memory_bytes(self) -> int:
        """Bytes of the engines, of the delta and of what is known of the rows; the mapped vectors not counted."""
        codes = sum(codes.nbytes for codes in self.columns.codes.values())
        engines = sum(engine.memory_bytes for engine in self.base.engines.values() if not engine.exact)
        return engines + self.delta.room.array.nbytes + self.ids.nbytes + self.live.nbytes + codes

    @cached_property
    def live_base(self) -> AllowedRows:
        """The rows of the base that still count."""
        return AllowedRows(self.live[: len(self.base.ids)])

    def _may_answer(
        self, filters: Mapping[str, Collection[str]] | None, allowed: NDArray[np.bool_] | None
    ) -> NDArray[np.bool_]:
        mask = self.may_answer(filters)
        if allowed is None:
            return mask
        if allowed.shape != mask.shape:
            raise ValueError(f"The mask has {len(allowed)} places, this snapshot has {len(mask)} slots.")
        return mask & allowed

    def _hidden_rows(
        self,
        queries: NDArray[np.float32],
        query_ids: Sequence[int] | NDArray[np.int64] | None,
        hide_same: Mapping[str, Sequence[str | None]] | None,
    ) -> HiddenRows:
        pairs = []
        if query_ids is not None:
            pairs.append((np.asarray(query_ids, dtype=np.int64), self.ids))
        for name, values in (hide_same or {}).items():
            codes = self.columns.codebooks.get(name, {})
            codes_of_queries = np.array(
                [-1 if value is None else codes.get(value, -1) for value in values], dtype=np.int64
            )
            pairs.append((codes_of_queries, self.columns.codes_of_column(name).astype(np.int64)))
        if any(len(of_query) != len(queries) for of_query, _ in pairs):
            raise ValueError("Ids and values to hide must come as one per query.")
        return HiddenRows(pairs)

    def _check_question(self, metric: Metric, k: int) -> None:
        if k < 1:
            raise ValueError(f"k is how many answers to find, at least 1, not {k}.")
        if SPACE_OF.get(metric) not in self.base.engines:
            served = ", ".join(name for name, space in SPACE_OF.items() if space in self.base.engines)
            raise ValueError(f"This index does not serve {metric}; it serves {served}.")


@dataclass(frozen=True, eq=False)
class _Question:
    """One metric, one set of rows that may answer, for any number of queries."""

    index: VectorIndex
    metric: Metric
    may_answer: NDArray[np.bool_]
    hidden: HiddenRows
    effort: float = 1.0

    def find_answers(self, queries: NDArray[np.float32], k: int) -> Answers:
        k_possible = min(k, len(self.index.ids))
        if not k_possible:
            return self._pad_answers(nothing_found(len(queries), 0), k, exact=True)
        base, exact = self._from_base(queries, k_possible)
        delta = [self._from_delta(queries, k_possible)] if self.index.delta.rows else []
        ranking = merge_rankings([base, *delta], self.index.ids, k_possible)
        return self._pad_answers(ranking, k, exact)

    def one_per(self, queries: NDArray[np.float32], k: int, groups: NDArray[np.int32]) -> Answers:
        """As many rows are asked for as it takes to have k groups, or all that there are."""
        width, most = k * _PER_GROUP, int(np.count_nonzero(self.may_answer))
        while True:
            answers = self.find_answers(queries, width)
            grouped = one_per_group(answers, groups.astype(np.int64), k)
            lacking = (grouped.slots[:, -1] < 0) & (answers.slots[:, -1] >= 0)
            if not lacking.any() or width >= most:
                return grouped
            width *= _WIDENING

    def _from_base(self, queries: NDArray[np.float32], k: int) -> tuple[Ranking, bool]:
        base = self.index.base
        engine = base.engines[SPACE_OF[self.metric]]
        unfiltered = self.may_answer is self.index.live
        allowed = self.index.live_base if unfiltered else AllowedRows(self.may_answer[: len(base.ids)])
        plan = plan_search(len(base.ids), allowed.count)
        if engine.exact or plan.exact:
            return self._scan_allowed(queries, allowed, self.hidden, k), True
        engine_filter = None if allowed.count == len(base.ids) else allowed
        count = max(base.rerank, _WIDENING * k)
        proposed = engine.propose_rows(
            queries,
            min(count, allowed.count),
            metric=self.metric,
            allowed=engine_filter,
            effort=plan.effort * self.effort,
        )
        ranking = measure_candidates(self.metric, queries, proposed, base.vectors, self.hidden, self.index.ids, k)
        return self._complete_short(queries, ranking, allowed, k), False

    def _complete_short(self, queries: NDArray[np.float32], ranking: Ranking, allowed: AllowedRows, k: int) -> Ranking:
        """Queries that were answered with fewer than k rows are asked again of every allowed row."""
        short = np.flatnonzero(ranking.slots[:, -1] < 0)
        if len(short):
            scanned_ranking = self._scan_allowed(queries[short], allowed, self.hidden.for_queries(short), k)
            ranking.slots[short], ranking.distances[short] = scanned_ranking.slots, scanned_ranking.distances
        return ranking

    def _scan_allowed(self, queries: NDArray[np.float32], allowed: AllowedRows, hidden: HiddenRows, k: int) -> Ranking:
        index = self.index
        rows = index.base.vectors
        if len(queries) <= _FEW_QUERIES and allowed.count <= FEW_ROWS:
            return compare_rows(self.metric, queries, rows, allowed.positions, hidden, index.ids, k)
        some = rows if allowed.count == len(rows) else rows.select(allowed.positions)
        return scan_rows(self.metric, queries, some, allowed.positions, hidden, index.ids, k, index.threads)

    def _from_delta(self, queries: NDArray[np.float32], k: int) -> Ranking:
        index, old = self.index, len(self.index.base.ids)
        delta_rows = np.flatnonzero(self.may_answer[old:]).astype(np.int64)
        if len(queries) <= _FEW_QUERIES and len(delta_rows) <= FEW_ROWS:
            return compare_rows(self.metric, queries, index.delta.vectors, delta_rows, self.hidden, index.ids, k, old)
        rows = index.delta.vectors.select(delta_rows)
        return scan_rows(self.metric, queries, rows, delta_rows + old, self.hidden, index.ids, k, index.threads)

    def _pad_answers(self, ranking: Ranking, k: int, exact: bool) -> Answers:
        slots, distances = ranking.slots, ranking.distances
        if slots.shape[1] < k:
            lacking = ((0, 0), (0, k - slots.shape[1]))
            slots = np.pad(slots, lacking, constant_values=-1)
            distances = np.pad(distances, lacking, constant_values=np.inf)
        is_empty = slots < 0
        ids = self.index.ids[np.maximum(slots, 0)] if len(self.index.ids) else slots
        return Answers(np.where(is_empty, -1, ids), slots, np.where(is_empty, np.nan, distances), exact)
