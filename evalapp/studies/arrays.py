"""A study's gallery as arrays, the form in which the engine takes it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalapp.catalog.models import Item
from evalapp.studies.models import Gallery, Study

Ids = NDArray[np.int64]


class GalleryArrays:
    """Items in the order of their keys, which decides between equal distances, and the groups that hide candidates.

    `ids` [N] item ids; `categories`, `products` [N] with None where there is no label. All are read in one query.
    """

    def __init__(self, study: Study) -> None:
        items = Gallery.objects.values_list("items", flat=True).get(study=study)
        rows = Item.objects.filter(pk__in=items).order_by("key")
        columns = list(rows.values_list("pk", "picture_id", "product", "category").iterator(chunk_size=10_000))
        self.ids: Ids = np.array([row[0] for row in columns], dtype=np.int64)
        self.products = [row[2] or None for row in columns]
        self.categories = [row[3] or None for row in columns]
        # The same picture under two keys says nothing about an encoder: it is never its own answer.
        self.groups: list[Ids] = [np.array([row[1] for row in columns], dtype=np.int64)]
        if study.exclude == "product":
            self.groups.append(_numbers(self.products))
        self._row = {int(pk): row for row, pk in enumerate(self.ids)}

    def rows_of(self, items: Sequence[int]) -> Ids:
        """Rows of these items, -1 for one that is not in the gallery."""
        return np.array([self._row.get(item, -1) for item in items], dtype=np.int64)

    def hidden(self, queries: Ids, gallery: Ids | None = None) -> list[tuple[Ids, Ids]]:
        """Groups of the query rows, and of the gallery rows (all where None), as the search takes them."""
        keep = slice(None) if gallery is None else gallery
        return [(group[queries], group[keep]) for group in self.groups]


def _numbers(names: Sequence[str | None]) -> Ids:
    """Equal names as equal numbers, -1 for none."""
    known: dict[str | None, int] = {None: -1}
    return np.array([known.setdefault(name, len(known)) for name in names], dtype=np.int64)
