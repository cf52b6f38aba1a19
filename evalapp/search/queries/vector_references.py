"""The vectors that search needs: of everything that an index may find, and of what waits to be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from evalapp.contenders.pipeline.embeddings import made_of
from evalapp.contenders.queries.vector_references import Need
from evalapp.search.models import SearchIndex


def of_indexes() -> Iterator[Need]:
    """All items of an index's catalogue: a flag that is lifted brings one back at once."""
    for index in SearchIndex.objects.select_related("catalogue", "embedding__model", "masker"):
        model, tap = index.embedding.model, index.embedding.tap
        for made_by, of_tap in [(model, tap), *made_of(model)]:
            yield Need(f"index {index.slug}", made_by, of_tap, _items_of(index), index.masker)


def _items_of(index: SearchIndex) -> Callable[[], list[int]]:
    items = index.catalogue.items.filter(removed=False)
    return partial(list, items.values_list("pk", flat=True))
