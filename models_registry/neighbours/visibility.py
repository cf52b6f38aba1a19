"""Which candidates a query may be answered with: never itself, nor any that shares a hidden group with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

GroupPair = tuple[NDArray[np.int64], NDArray[np.int64]]
"""The group of each query [Q] and of each gallery row [N]: equal groups hide, -1 belongs to no group."""


@dataclass(frozen=True, slots=True, eq=False)
class Visibility:
    """The rules of one search; each pair of `pairs` hides what has the query's own number in it."""

    pairs: tuple[GroupPair, ...]
    n_queries: int
    n_gallery: int

    @classmethod
    def from_ids(
        cls, query_ids: NDArray[np.int64], gallery_ids: NDArray[np.int64], hidden: Sequence[GroupPair] = ()
    ) -> Visibility:
        """Hide each query's own id, and the groups of `hidden`; raises ValueError where lengths differ."""
        own_ids: GroupPair = (np.asarray(query_ids, dtype=np.int64), np.asarray(gallery_ids, dtype=np.int64))
        pairs = (own_ids, *((np.asarray(q, dtype=np.int64), np.asarray(g, dtype=np.int64)) for q, g in hidden))
        for of_query, of_candidate in pairs:
            if of_query.shape != own_ids[0].shape or of_candidate.shape != own_ids[1].shape or of_query.ndim != 1:
                raise ValueError("Ids and groups must come as one number per query and one per gallery row.")
        return cls(pairs, len(own_ids[0]), len(own_ids[1]))

    def hidden_candidates(self, queries: NDArray[np.int64], candidates: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether candidates [P, m] (positions in the gallery) are hidden from the queries at positions [P]."""
        mask = np.zeros(candidates.shape, dtype=np.bool_)
        for of_query, of_candidate in self.pairs:
            group_of_query = of_query[queries][:, None]
            mask |= np.logical_and(of_candidate[candidates] == group_of_query, group_of_query != -1)
        return mask

    def visible_to(self, query: int) -> NDArray[np.bool_]:
        """Whether each gallery row [N] may answer the query at this position."""
        everything = np.arange(self.n_gallery, dtype=np.int64)[None, :]
        return np.logical_not(self.hidden_candidates(np.array([query], dtype=np.int64), everything)).reshape(-1)

    def at_most_hidden(self) -> NDArray[np.int64]:
        """For each query [Q] a number of gallery rows that are hidden from it, or more where groups overlap."""
        total = np.zeros(self.n_queries, dtype=np.int64)
        for of_query, of_candidate in self.pairs:
            groups, sizes = np.unique(of_candidate[of_candidate != -1], return_counts=True)
            if len(groups):
                group_index = np.minimum(np.searchsorted(groups, of_query), len(groups) - 1)
                total += np.where(groups[group_index] == of_query, sizes[group_index], 0)
        return total


def group_codes(of_queries: Sequence[Hashable | None], of_gallery: Sequence[Hashable | None]) -> GroupPair:
    """Numbers for names: equal names get equal numbers on both sides, None (not known) gets -1."""
    codes: dict[Hashable | None, int] = {None: -1}

    def number_names(names: Sequence[Hashable | None]) -> NDArray[np.int64]:
        return np.fromiter((codes.setdefault(name, len(codes) - 1) for name in names), np.int64, len(names))

    return number_names(of_queries), number_names(of_gallery)
