"""The index itself: an immutable base behind an engine, an exact delta, and what is gone. A snapshot, never changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from models_registry.index.engines.engine_base import AllowedRows
from models_registry.index.exact_ranking import HiddenRows, Ranking, compared, measured, merged, nothing_found, scanned
from models_registry.index.filter_planner import FEW_ROWS, plan_search
from models_registry.index.row_changes import DeltaRows
from models_registry.index.row_columns import RowColumns
from models_registry.index.search_answers import Answers, diverse_order, one_per_group, picked
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

    def positions(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row numbers of these items in the base, -1 for items that it does not hold."""
        if not len(self.ids):
            return np.full(len(ids), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self.ids, ids, sorter=self.order), len(self.ids) - 1)
        found = self.order[at]
        return np.where(self.ids[found] == ids, found, -1)


@dataclass(frozen=True, eq=False)
class VectorIndex:
    """Items by number, found by vector. Make one with `VectorIndex.of`, then search it from any number of threads.

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
    def of(cls, base: IndexBase, *, labels: Labels | None = None, threads: int | None = None) -> VectorIndex:
        """The index of a base without changes. `labels` has a value per base row for each column."""
        rows = len(base.ids)
        everything = np.arange(rows, dtype=np.int64)
        columns = RowColumns(rows).labelled(everything, labels or {})
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
        kept = self.without(numbers)
        return replace(
            kept,
            ids=np.concatenate([self.ids, numbers]),
            live=np.concatenate([kept.live, np.ones(len(numbers), dtype=np.bool_)]),
            columns=self.columns.extended(len(numbers)).labelled(slots, labels or {}),
            delta=self.delta.with_more(rows),
            young={**self.young, **dict(zip(numbers.tolist(), slots.tolist(), strict=True))},
        )

    def without(self, ids: Sequence[int] | NDArray[np.int64]) -> VectorIndex:
        """Without these items; those it does not hold are passed over."""
        slots = self.slots_of(ids)
        live = self.live.copy()
        live[slots[slots >= 0]] = False
        return replace(self, live=live)

    def with_labels(self, ids: Sequence[int] | NDArray[np.int64], labels: Labels) -> VectorIndex:
        """With other values at these items, in the columns named; items it does not hold are passed over."""
        slots = self.slots_of(ids)
        there = np.flatnonzero(slots >= 0)
        values = {name: [column[at] for at in there.tolist()] for name, column in labels.items()}
        return replace(self, columns=self.columns.labelled(slots[there], values))

    def slots_of(self, ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """The slots of the live rows of these items, -1 where there is none."""
        numbers = np.asarray(ids, dtype=np.int64)
        slots = self.base.positions(numbers)
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
        self._check(metric, k)
        may_answer, hidden = self._may_answer(filters, allowed), self._hidden(rows, query_ids, hide_same)
        question = _Question(self, metric, may_answer, hidden, effort)
        return question.answers(rows, k) if one_per is None else question.one_per(rows, k, self.columns.column(one_per))

    def similar(
        self, item: int, *, metric: Metric, k: int, product: str | None = "product", diversity: float = 0.0
    ) -> Answers:
        """Recommendations for an item of the index: one per other product, and diverse on wish (0 … 1)."""
        (slot,) = self.slots_of([item]).tolist()
        if slot < 0:
            raise LookupError(f"The index holds no item {item}.")
        hide = {product: [self.columns.value(product, slot)]} if product else None
        wide = k if diversity == 0 else k * _PER_DIVERSE
        found = self.search(
            self.vectors_of(np.array([slot])), metric=metric, k=wide, query_ids=[item], hide_same=hide, one_per=product
        )
        slots = found.slots[0][found.slots[0] >= 0]
        order = diverse_order(found.distances[0][: len(slots)], self.vectors_of(slots), metric, k, diversity)
        return picked(found, order[None, :])

    def may_answer(self, filters: Mapping[str, Collection[str]] | None = None) -> NDArray[np.bool_]:
        """The live rows [slots] that these filters let through."""
        return self.live & self.columns.allowed(filters) if filters else self.live

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

    def _hidden(
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
            own = np.array([-1 if value is None else codes.get(value, -1) for value in values], dtype=np.int64)
            pairs.append((own, self.columns.column(name).astype(np.int64)))
        if any(len(of_query) != len(queries) for of_query, _ in pairs):
            raise ValueError("Ids and values to hide must come as one per query.")
        return HiddenRows(pairs)

    def _check(self, metric: Metric, k: int) -> None:
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

    def answers(self, queries: NDArray[np.float32], k: int) -> Answers:
        k_there = min(k, len(self.index.ids))
        if not k_there:
            return self._padded(nothing_found(len(queries), 0), k, exact=True)
        base, exact = self._from_base(queries, k_there)
        delta = [self._from_delta(queries, k_there)] if self.index.delta.rows else []
        found = merged([base, *delta], self.index.ids, k_there)
        return self._padded(found, k, exact)

    def one_per(self, queries: NDArray[np.float32], k: int, groups: NDArray[np.int32]) -> Answers:
        """As many rows are asked for as it takes to have k groups, or all that there are."""
        width, most = k * _PER_GROUP, int(np.count_nonzero(self.may_answer))
        while True:
            wide = self.answers(queries, width)
            found = one_per_group(wide, groups.astype(np.int64), k)
            lacking = (found.slots[:, -1] < 0) & (wide.slots[:, -1] >= 0)
            if not lacking.any() or width >= most:
                return found
            width *= _WIDENING

    def _from_base(self, queries: NDArray[np.float32], k: int) -> tuple[Ranking, bool]:
        base = self.index.base
        engine = base.engines[SPACE_OF[self.metric]]
        unfiltered = self.may_answer is self.index.live
        allowed = self.index.live_base if unfiltered else AllowedRows(self.may_answer[: len(base.ids)])
        plan = plan_search(len(base.ids), allowed.count)
        if engine.exact or plan.exact:
            return self._scan(queries, allowed, self.hidden, k), True
        some = None if allowed.count == len(base.ids) else allowed
        count = max(base.rerank, _WIDENING * k)
        proposed = engine.candidates(
            queries, min(count, allowed.count), metric=self.metric, allowed=some, effort=plan.effort * self.effort
        )
        found = measured(self.metric, queries, proposed, base.vectors, self.hidden, self.index.ids, k)
        return self._completed(queries, found, allowed, k), False

    def _completed(self, queries: NDArray[np.float32], found: Ranking, allowed: AllowedRows, k: int) -> Ranking:
        """Queries that were answered with fewer than k rows are asked again of every allowed row."""
        short = np.flatnonzero(found.slots[:, -1] < 0)
        if len(short):
            again = self._scan(queries[short], allowed, self.hidden.of(short), k)
            found.slots[short], found.distances[short] = again.slots, again.distances
        return found

    def _scan(self, queries: NDArray[np.float32], allowed: AllowedRows, hidden: HiddenRows, k: int) -> Ranking:
        index = self.index
        rows = index.base.vectors
        if len(queries) <= _FEW_QUERIES and allowed.count <= FEW_ROWS:
            return compared(self.metric, queries, rows, allowed.positions, hidden, index.ids, k)
        some = rows if allowed.count == len(rows) else rows.select(allowed.positions)
        return scanned(self.metric, queries, some, allowed.positions, hidden, index.ids, k, index.threads)

    def _from_delta(self, queries: NDArray[np.float32], k: int) -> Ranking:
        index, old = self.index, len(self.index.base.ids)
        places = np.flatnonzero(self.may_answer[old:]).astype(np.int64)
        if len(queries) <= _FEW_QUERIES and len(places) <= FEW_ROWS:
            return compared(self.metric, queries, index.delta.vectors, places, self.hidden, index.ids, k, old)
        rows = index.delta.vectors.select(places)
        return scanned(self.metric, queries, rows, places + old, self.hidden, index.ids, k, index.threads)

    def _padded(self, found: Ranking, k: int, exact: bool) -> Answers:
        slots, distances = found.slots, found.distances
        if slots.shape[1] < k:
            lacking = ((0, 0), (0, k - slots.shape[1]))
            slots = np.pad(slots, lacking, constant_values=-1)
            distances = np.pad(distances, lacking, constant_values=np.inf)
        none = slots < 0
        ids = self.index.ids[np.maximum(slots, 0)] if len(self.index.ids) else slots
        return Answers(np.where(none, -1, ids), slots, np.where(none, np.nan, distances), exact)
