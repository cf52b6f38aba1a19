"""Queries, gallery, and the labels by which answers are judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from models_registry.evaluate.label_scores import category_match
from models_registry.evaluate.retrieval import Hits, find_hits, relevant_counts
from models_registry.neighbours import GroupPair, Neighbours, Visibility, group_codes, nearest
from models_registry.store import Vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models_registry.metrics import Metric

    Ids = NDArray[np.int64]

Judge = Literal["product", "category"]


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """`queries` [Q] and `gallery` [N] are rows of one table of items; labels [items] are None where not known.

    A query is never its own answer. Items with equal numbers in `pictures` [items] show the same bytes and are no
    answers to each other either. `hide_products` also hides the query's own product, so that categories can be
    asked about without the same garment's next photo.
    """

    queries: Ids
    gallery: Ids
    categories: Sequence[str | None]
    products: Sequence[str | None]
    pictures: Ids | None = None
    hide_products: bool = False

    def hidden_groups(self) -> list[GroupPair]:
        """What no query may be answered with, besides itself, as a search takes it."""
        groups: list[GroupPair] = []
        if self.pictures is not None:
            groups.append((self.pictures[self.queries], self.pictures[self.gallery]))
        if self.hide_products:
            groups.append(self._label_codes("product"))
        return groups

    def choose_judge(self) -> Judge:
        """By product where some query sees another picture of its own in the gallery, else by category."""
        return "product" if self.relevant_answers("product").any() else "category"

    def relevant_answers(self, judge: Judge) -> Ids:
        """How many right answers each query [Q] has in the gallery."""
        return relevant_counts(*self._label_codes(judge), self._visible_rows())

    def nearest_answers(self, vectors: NDArray[np.float32], metric: Metric, k: int) -> Neighbours:
        """The k nearest of each query by vectors [items, d]; raises ValueError where one is not finite.

        Of equally near items each query gets others, by lot and always the same: an encoder that gives many pictures
        one vector scores what chance does among them, whichever of them the catalogue names first.
        """
        return nearest(
            Vectors.from_array(vectors[self.queries]),
            Vectors.from_array(vectors[self.gallery]),
            metric=metric,
            k=k,
            query_ids=self.queries,
            gallery_ids=self.gallery,
            gallery_order=self.gallery,
            lots=self.queries,
            hidden=self.hidden_groups(),
        )

    def random_answers(self, k: int, *, seed: int = 0) -> Neighbours:
        """k candidates per query, drawn from those it may see: what an encoder that knows nothing would answer."""
        visibility = self._visible_rows()
        rng = np.random.default_rng(seed)
        indices = np.full((len(self.queries), k), -1, dtype=np.int64)
        for query in range(len(self.queries)):
            drawn = rng.permutation(np.flatnonzero(visibility.visible_to(query)))[:k]
            indices[query, : len(drawn)] = drawn
        return Neighbours(indices, np.full(indices.shape, np.nan))

    def judge_answers(self, neighbours: Neighbours, judge: Judge) -> Hits:
        """Which of the neighbours are right."""
        return find_hits(
            neighbours,
            *self._labels_of_both(judge),
            query_ids=self.queries,
            gallery_ids=self.gallery,
            hidden=self.hidden_groups(),
        )

    def category_match(self, neighbours: Neighbours) -> NDArray[np.float64]:
        """Whether each query's first neighbour is of its category: 1, 0 or NaN [Q]."""
        return category_match(neighbours, *self._labels_of_both("category"))

    def match_of_others(self, vectors: NDArray[np.float32], metric: Metric) -> NDArray[np.float64]:
        """Whether each query's nearest picture of another product is of its category: 1, 0 or NaN [Q].

        The same garment's next photo would be of the same category whatever a network knows of categories.
        """
        without_products = replace(self, hide_products=True)
        return without_products.category_match(without_products.nearest_answers(vectors, metric, 1))

    def product_clusters(self) -> Ids | None:
        """Queries that succeed and fail together [Q], those of one product; None where no query has one."""
        products = self._labels_of_both("product")[0]
        if not any(products):
            return None
        cluster_numbers: dict[object, int] = {}
        return np.array(
            [cluster_numbers.setdefault(name or row, len(cluster_numbers)) for row, name in enumerate(products)],
            dtype=np.int64,
        )

    def _visible_rows(self) -> Visibility:
        return Visibility.from_ids(self.queries, self.gallery, self.hidden_groups())

    def _label_codes(self, judge: Judge) -> GroupPair:
        return group_codes(*self._labels_of_both(judge))

    def _labels_of_both(self, judge: Judge) -> tuple[list[str | None], list[str | None]]:
        labels = self.products if judge == "product" else self.categories
        return (
            [labels[row] or None for row in self.queries.tolist()],
            [labels[row] or None for row in self.gallery.tolist()],
        )
