"""Rows of a gallery that are equal are searched as one: what stands behind a row that was found, and who goes first.

Where an encoder gives one vector to many pictures, each of them is as good an answer, and no shortlist is long enough
to hold them all. So equal rows are searched once, measured once, and told apart only at the end, by order or by lot.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from models_registry.neighbours.visibility import Visibility
    from models_registry.store import Vectors

    Found = tuple[NDArray[np.int64], NDArray[np.float64]]
    Visible = tuple[NDArray[np.int64] | NDArray[np.bool_], NDArray[np.bool_]]

_ROUNDS = 8  # of telling apart rows whose keys are equal; what is left after them counts as equal to nothing
_KEY_BYTES, _COMPARED_BYTES = 8 << 20, 2 << 20
_CELLS = 1 << 18  # members of classes looked at at once: what is computed of them should stay in a cache
_SAMPLE = 64
# Lowest draws looked at beyond those needed: how many vary by chance, of which these allow for six times the spread.
_MORE_DRAWS, _SPREAD = 8, 6


def draw_lots(lots: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Numbers [Q, n] mixed with each query's lot [Q], to be sorted by (SplitMix64: Steele and others, 2014)."""
    return _mix_bits(numbers.astype(np.uint64) ^ _spread_lots(lots)[:, None])


def _spread_lots(lots: NDArray[np.int64]) -> NDArray[np.uint64]:
    return lots.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)


def _mix_bits(mixed: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser, in place."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return mixed


@dataclass(frozen=True, slots=True, eq=False)
class Ties:
    """What decides between equal distances: `order` [N], lowest first, or with `lots` [Q] a draw for each query."""

    order: NDArray[np.int64]
    lots: NDArray[np.int64] | None = None

    def tie_ranks(self, queries: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[Any]:
        """Numbers to sort rows [P, m] by, of the queries at positions [P]."""
        return self.order[rows] if self.lots is None else draw_lots(self.lots[queries], self.order[rows])


class SearchedRows(ABC):
    """The rows that are compared, as `vectors`, and the rows of the gallery that each of them stands for."""

    def __init__(self, vectors: Vectors, visibility: Visibility, ties: Ties) -> None:
        self.vectors = vectors
        self.visibility = visibility
        self.ties = ties

    @abstractmethod
    def count_visible(self, queries: NDArray[np.int64], rows: NDArray[np.int64]) -> Visible:
        """How many visible rows of the gallery stand behind rows [P, m] at least, and whether any may."""

    @abstractmethod
    def nearest_visible(
        self, queries: NDArray[np.int64], rows: NDArray[np.int64], distances: NDArray[np.float64], k: int
    ) -> Found:
        """The k nearest visible rows of the gallery, ties decided: positions and distances [P, k], -1 and NaN at the
        end. Of the rows [P, m] that were searched only those with a finite distance count."""


class SingleRows(SearchedRows):
    """Every row stands for itself."""

    def count_visible(self, queries: NDArray[np.int64], rows: NDArray[np.int64]) -> Visible:
        is_visible = np.logical_not(self.visibility.hidden_candidates(queries, rows))
        return is_visible, is_visible

    def nearest_visible(
        self, queries: NDArray[np.int64], rows: NDArray[np.int64], distances: NDArray[np.float64], k: int
    ) -> Found:
        order = np.lexsort((self.ties.tie_ranks(queries, rows), distances), axis=1)[:, :k]
        distances, rows = np.take_along_axis(distances, order, axis=1), np.take_along_axis(rows, order, axis=1)
        lacking = ((0, 0), (0, k - order.shape[1]))
        distances = np.pad(distances, lacking, constant_values=np.inf)
        rows = np.pad(rows, lacking, constant_values=-1)
        is_empty = np.isinf(distances)
        return np.where(is_empty, -1, rows), np.where(is_empty, np.nan, distances)


class JoinedRows(SearchedRows):
    """Equal rows of `gallery` as one. `leads` [N] names for each row the first that equals it."""

    def __init__(self, gallery: Vectors, leads: NDArray[np.int64], visibility: Visibility, ties: Ties) -> None:
        first, class_of_row = np.unique(leads, return_inverse=True)
        super().__init__(gallery.select(first), visibility, ties)
        self._sizes = np.bincount(class_of_row, minlength=len(first))
        self._starts = np.cumsum(self._sizes) - self._sizes
        # Class by class, and in each in the order that decides where no lot does.
        self._members = np.lexsort((ties.order, class_of_row))
        self._numbers = ties.order[self._members].astype(np.int64)
        self._most_hidden = visibility.at_most_hidden()
        rows_of_many = np.flatnonzero(self._sizes[class_of_row] > 1)
        self._groups = [
            (group_of_query, _Counts(class_of_row[rows_of_many], group_of_row[rows_of_many]))
            for group_of_query, group_of_row in visibility.pairs
        ]

    def count_visible(self, queries: NDArray[np.int64], rows: NDArray[np.int64]) -> Visible:
        visible = self._sizes[rows]
        hides_all = (visible == 1) & self.visibility.hidden_candidates(queries, self._members[self._starts[rows]])
        # A row in two groups of a query is taken off twice: fewer than there are, never more.
        for of_query, counts in self._groups:
            visible -= counts.rows_of_groups(rows, of_query[queries])
        np.maximum(visible, 0, out=visible)
        visible[hides_all] = 0
        return visible, ~hides_all

    def nearest_visible(
        self, queries: NDArray[np.int64], rows: NDArray[np.int64], distances: NDArray[np.float64], k: int
    ) -> Found:
        indices, found_distances = np.full((len(queries), k), -1, dtype=np.int64), np.full((len(queries), k), np.nan)
        last = self._distance_of_kth(queries, rows, distances, k)
        query_numbers, columns = np.nonzero(distances <= last[:, None])
        classes, class_distances = rows[query_numbers, columns], distances[query_numbers, columns]
        sizes, tied = self._sizes[classes], class_distances == last[query_numbers]
        needed = k + self._most_hidden[queries]
        if self.ties.lots is None:
            # Those that come first in their class are enough: as many as are asked for, and what may be hidden.
            sizes = np.minimum(sizes, needed[query_numbers])
        pairs = _Pairs(query_numbers, classes, class_distances, tied, sizes)
        shares = (needed + _MORE_DRAWS + _SPREAD * np.sqrt(needed)) / np.maximum(
            pairs.members_per_query(len(queries), tied), 1
        )
        for start, stop in _query_portions(pairs.members_per_query(len(queries))):
            block = slice(start, stop)
            part = pairs.of_query_range(start, stop)
            self._rank_members(part, queries[block], shares[block], indices[block], found_distances[block])
        return indices, found_distances

    def _distance_of_kth(
        self, queries: NDArray[np.int64], rows: NDArray[np.int64], distances: NDArray[np.float64], k: int
    ) -> NDArray[np.float64]:
        """A distance [P] within which there are k visible rows; the largest there is where there are fewer."""
        order = np.argsort(distances, axis=1)
        ascending = np.take_along_axis(distances, order, axis=1)
        counts = np.where(
            np.isfinite(ascending), np.take_along_axis(self.count_visible(queries, rows)[0], order, axis=1), 0
        )
        visible_so_far = np.cumsum(counts, axis=1)
        enough = visible_so_far[:, -1] >= k
        column = np.where(enough, np.argmax(visible_so_far >= k, axis=1), np.isfinite(ascending).sum(axis=1) - 1)
        last = np.take_along_axis(ascending, np.maximum(column, 0)[:, None], axis=1)[:, 0]
        return np.where(np.isfinite(last), last, -1.0)

    def _rank_members(
        self,
        pairs: _Pairs,
        queries: NDArray[np.int64],
        shares: NDArray[np.float64],
        indices: NDArray[np.int64],
        found_distances: NDArray[np.float64],
    ) -> None:
        """Fill `indices` and `found_distances` [P, k] with the first visible members of the classes in `pairs`.

        Of members that only a lot tells apart a share is looked at: those with the lowest draws. Where too many of
        these are hidden, all are looked at after all.
        """
        k = indices.shape[1]
        of_pair, rows, ranks = self._members_of(pairs, queries, shares)
        asking = pairs.queries[of_pair]
        visible = np.flatnonzero(~self.visibility.hidden_candidates(queries[asking], rows[:, None])[:, 0])
        asking, rows, distances = asking[visible], rows[visible], pairs.distances[of_pair[visible]]
        order = np.lexsort((ranks[visible], distances, asking))
        counts = np.bincount(asking, minlength=len(queries))
        column = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        order, column = order[column < k], column[column < k]
        indices[asking[order], column], found_distances[asking[order], column] = rows[order], distances[order]
        short = np.flatnonzero((counts < k) & (shares < 1))
        if len(short):
            again_indices, again_distances = indices[short], found_distances[short]
            pairs_again = pairs.of_queries(short)
            self._rank_members(pairs_again, queries[short], np.ones(len(short)), again_indices, again_distances)
            indices[short], found_distances[short] = again_indices, again_distances

    def _members_of(
        self, pairs: _Pairs, queries: NDArray[np.int64], shares: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
        """The members of classes that may answer: their pair, their row of the gallery, and their rank among ties."""
        ends = np.cumsum(pairs.sizes)
        member_index = np.arange(pairs.sizes.sum()) + np.repeat(
            self._starts[pairs.classes] - ends + pairs.sizes, pairs.sizes
        )
        if self.ties.lots is None:
            return (
                np.repeat(np.arange(len(ends)), pairs.sizes),
                self._members[member_index],
                self._numbers[member_index],
            )
        draws = self._numbers.view(np.uint64)[member_index]
        draws ^= np.repeat(_spread_lots(self.ties.lots[queries])[pairs.queries], pairs.sizes)
        _mix_bits(draws)
        share = np.where(pairs.tied, shares[pairs.queries], 1.0)
        limits = np.where(share < 1, share * 2.0**64, 0).astype(np.uint64) - np.uint64(1)
        alike = bool((limits == limits[:1]).all())  # then nothing has to be laid out member by member
        low_draws = np.flatnonzero(draws <= (limits[:1] if alike else np.repeat(limits, pairs.sizes)))
        return np.searchsorted(ends, low_draws, side="right"), self._members[member_index[low_draws]], draws[low_draws]


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Classes that may answer queries, query by query: of each [m] the place of the query, the class, its distance,
    whether it is as far as the last answer, and how many of its members count."""

    queries: NDArray[np.int64]
    classes: NDArray[np.int64]
    distances: NDArray[np.float64]
    tied: NDArray[np.bool_]
    sizes: NDArray[np.int64]

    def members_per_query(self, queries: int, where: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """How many members each query [P] has to choose from."""
        sizes = self.sizes if where is None else self.sizes * where
        return np.bincount(self.queries, weights=sizes, minlength=queries).astype(np.int64)

    def of_query_range(self, start: int, stop: int) -> _Pairs:
        """The pairs of the queries start..stop, counted from there."""
        first, last = np.searchsorted(self.queries, (start, stop))
        return self._pick_pairs(slice(first, last), self.queries[first:last] - start)

    def of_queries(self, queries: NDArray[np.int64]) -> _Pairs:
        """The pairs of these queries (ascending), counted anew."""
        chosen = np.flatnonzero(np.isin(self.queries, queries))
        return self._pick_pairs(chosen, np.searchsorted(queries, self.queries[chosen]))

    def _pick_pairs(self, which: slice | NDArray[np.int64], queries: NDArray[np.int64]) -> _Pairs:
        return _Pairs(queries, self.classes[which], self.distances[which], self.tied[which], self.sizes[which])


class _Counts:
    """How many rows of each group stand in each class; -1 is no group."""

    def __init__(self, classes: NDArray[np.int64], groups: NDArray[np.int64]) -> None:
        self._groups, codes = np.unique(groups, return_inverse=True)
        self._keys, self._counts = np.unique(classes * len(self._groups) + codes, return_counts=True)

    def rows_of_groups(self, classes: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.int64]:
        """The number of rows in classes [P, m] that are of the groups [P]."""
        if not len(self._keys):
            return np.zeros(classes.shape, dtype=np.int64)
        code = np.minimum(np.searchsorted(self._groups, groups), len(self._groups) - 1)
        has_group = (self._groups[code] == groups) & (groups != -1)
        keys = classes * len(self._groups) + code[:, None]
        key_index = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(has_group[:, None] & (self._keys[key_index] == keys), self._counts[key_index], 0)


def _query_portions(cells: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Stretches of queries that have some `_CELLS` members to choose from together, or are a single one."""
    ends, start = np.cumsum(cells), 0
    while start < len(cells):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _CELLS, side="right")))
        yield start, stop
        start = stop


def seems_repetitive(gallery: Vectors, *, by_bits: bool) -> bool:
    """Whether equal rows meet already in a small sample."""
    sample = np.unique(np.linspace(0, len(gallery) - 1, _SAMPLE).astype(np.int64))
    return any_equal(gallery, sample, by_bits=by_bits)


def any_equal(gallery: Vectors, rows: NDArray[np.int64], *, by_bits: bool) -> bool:
    """Whether two of these different rows are equal, in their bits or their values."""
    values = gallery.take_bits(rows) if by_bits else gallery.take(rows)
    return len({row.tobytes() for row in values}) < len(rows)


def leads_of(gallery: Vectors, *, by_bits: bool) -> NDArray[np.int64]:
    """For each row [N] the first one that equals it, in its bits or its values; itself where there is none.

    Rows are compared where a random projection puts them at the same place, so nothing unequal is taken for equal.
    """
    keys = _keys(gallery, by_bits)
    leads = np.arange(len(gallery), dtype=np.int64)
    unsettled = leads
    for _ in range(_ROUNDS):
        if not len(unsettled):
            break
        order = unsettled[np.argsort(keys[unsettled], kind="stable")]
        begins_class = np.append(True, keys[order[1:]] != keys[order[:-1]])
        lead = order[np.maximum.accumulate(np.where(begins_class, np.arange(len(order)), 0))]
        others, lead = order[~begins_class], lead[~begins_class]
        same = _equal_rows(gallery, others, lead, by_bits)
        leads[others[same]] = lead[same]
        unsettled = np.sort(others[~same])
    return leads


def _keys(gallery: Vectors, by_bits: bool) -> NDArray[np.float32]:
    """Where rows [N] lie in a random direction; summed row by row, so that equal rows lie at the same place."""
    width = -(-gallery.dim // 8) if by_bits else gallery.dim
    direction = np.random.default_rng(0).standard_normal(width, dtype=np.float32)
    keys = np.empty(len(gallery), dtype=np.float32)
    at_once = max(1, _KEY_BYTES // (4 * gallery.dim))
    for start in range(0, len(gallery), at_once):
        stop = min(len(gallery), start + at_once)
        rows = gallery.bits(start, stop).astype(np.float32) if by_bits else gallery.rows(start, stop)
        np.einsum("ij,j->i", rows, direction, out=keys[start:stop])
        gallery.release()
    return keys


def _equal_rows(
    gallery: Vectors, first_rows: NDArray[np.int64], second_rows: NDArray[np.int64], by_bits: bool
) -> NDArray[np.bool_]:
    """Whether the rows at `first_rows` [m] equal those at `second_rows` [m]."""
    take = gallery.take_bits if by_bits else gallery.take
    same = np.empty(len(first_rows), dtype=np.bool_)
    at_once = max(1, _COMPARED_BYTES // (4 * gallery.dim))
    for start in range(0, len(first_rows), at_once):
        block = slice(start, start + at_once)
        same[block] = (take(first_rows[block]) == take(second_rows[block])).all(axis=1)
    return same
