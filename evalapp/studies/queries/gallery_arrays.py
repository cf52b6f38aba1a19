"""A study's pictures as arrays, the form in which the engine takes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalapp.catalog.models import Item
from evalapp.studies.models import Study
from evalapp.studies.queries.galleries import gallery_items
from models_registry.hash_sampling import name_words

Ids = NDArray[np.int64]
_MOST_ATTRIBUTES = 12
"""So many are compared: a table of more is read by nobody."""


class GalleryArrays:
    """The gallery's items in the order of their keys, which decides between equal distances.

    `ids` [N] item ids; `categories`, `products` [N] with None where there is no label. Queries that are not in the
    gallery have rows from N on, which only the methods know. All is read in two queries.
    """

    def __init__(self, study: Study) -> None:
        items = gallery_items(study.pk)
        outside = set(study.queries.values_list("item_id", flat=True)) - set(items)
        columns = [*_item_columns(items), *(_item_columns(sorted(outside)) if outside else ())]
        size = len(columns) - len(outside)
        self._ids: Ids = np.array([row[0] for row in columns], dtype=np.int64)
        self._products = [row[2] or None for row in columns]
        self._categories = [row[3] or None for row in columns]
        self._keys = [row[4] for row in columns]
        self.ids: Ids = self._ids[:size]
        self.products, self.categories = self._products[:size], self._categories[:size]
        # The same picture under two keys says nothing about an encoder: it is never its own answer.
        self.groups: list[Ids] = [np.array([row[1] for row in columns], dtype=np.int64)]
        if study.exclude == "product":
            self.groups.append(_name_numbers(self._products))
        self._row = {int(pk): row for row, pk in enumerate(self._ids)}

    @property
    def product_numbers(self) -> Ids:
        """[N] equal for pictures of one product, -1 for none."""
        return _name_numbers(self.products)

    def largest_product(self, rows: Ids) -> int:
        """Pictures of the product that has most of them among these rows, at least 1."""
        named = self.product_numbers[rows]
        named = named[named >= 0]
        return int(np.bincount(named).max()) if len(named) else 1

    def comparable_attributes(self) -> tuple[list[dict[str, str]], list[str]]:
        """The attributes of every row, those outside the gallery included, and the names that are worth comparing:
        the most frequent ones whose values are shared by several items."""
        by_id = dict(Item.objects.filter(pk__in=self._ids.tolist()).values_list("pk", "attributes"))
        rows = [by_id.get(int(pk), {}) for pk in self._ids]
        seen: dict[str, Counter[str]] = {}
        for attributes in rows:
            for name, value in attributes.items():
                seen.setdefault(name, Counter())[value] += 1
        worth = {name: values.total() for name, values in seen.items() if 1 < len(values) <= values.total() / 2}
        return rows, sorted(worth, key=lambda name: (-worth[name], name))[:_MOST_ATTRIBUTES]

    def rows_of(self, items: Sequence[int]) -> Ids:
        """Rows of these items, -1 for one that takes no part."""
        return np.array([self._row.get(item, -1) for item in items], dtype=np.int64)

    def ids_of(self, rows: Ids) -> Ids:
        """Item ids of any rows."""
        return self._ids[rows]

    def categories_of(self, rows: Ids) -> list[str | None]:
        """Categories of any rows."""
        return [self._categories[row] for row in rows]

    def products_of(self, rows: Ids) -> list[str | None]:
        """Products of any rows."""
        return [self._products[row] for row in rows]

    def words_of(self, rows: Ids) -> NDArray[np.uint64]:
        """The keys of any rows as 64 bits each, for draws that depend on names alone."""
        return name_words(self._keys[row] for row in rows)

    def hidden_groups(self, queries: Ids, gallery: Ids | None = None) -> list[tuple[Ids, Ids]]:
        """Groups of the query rows, and of the gallery rows (all where None), as the search takes them."""
        keep = slice(len(self.ids)) if gallery is None else gallery
        return [(group[queries], group[keep]) for group in self.groups]


def _item_columns(items: Sequence[int]) -> list[tuple[int, int, str, str, str]]:
    rows = Item.objects.filter(pk__in=items).order_by("key")
    return list(rows.values_list("pk", "picture_id", "product", "category", "key").iterator(chunk_size=10_000))


def _name_numbers(names: Sequence[str | None]) -> Ids:
    """Equal names as equal numbers, -1 for none."""
    number_of: dict[str | None, int] = {None: -1}
    return np.array([number_of.setdefault(name, len(number_of)) for name in names], dtype=np.int64)
