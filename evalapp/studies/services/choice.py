"""Which items take part: seeded samples that depend on the items' keys alone and change little with the catalogue."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from evalapp.catalog.models import Catalogue, Item
from evalapp.contenders.queries import pictures_seen_by
from models_registry.draws import name_words, sample

_QUERIES_APART = 1 << 32
"""Added to the seed for the queries, which would be the gallery's first otherwise."""


def choose_gallery(
    catalogue: Catalogue, domain: str, size: int, seed: int, unseen_by: Collection[int] = ()
) -> list[int]:
    """Ids of a uniform sample of the catalogue's active items, of one domain if it is named, by key.

    Pictures that one of the models `unseen_by` was trained on stay out: they would favour it.
    """
    ids, keys = _active(catalogue, domain, unseen_by=unseen_by)
    chosen = np.sort(sample(name_words(keys), size, seed))
    return [ids[row] for row in chosen]


def choose_queries(
    catalogue: Catalogue,
    domain: str,
    gallery: Sequence[int],
    count: int,
    seed: int,
    without: Collection[int] = (),
    unseen_by: Collection[int] = (),
) -> list[int]:
    """Ids of a uniform sample in an order by chance: of the gallery, or of the domain where one is named.

    Items of `without` are chosen only where the others are not enough.
    """
    ids, keys = _active(catalogue, domain, None if domain else gallery, unseen_by)
    order = sample(name_words(keys), len(keys), seed + _QUERIES_APART)
    fresh = [ids[row] for row in order if ids[row] not in without]
    return (fresh + [ids[row] for row in order if ids[row] in without])[:count]


def _active(
    catalogue: Catalogue, domain: str, among: Sequence[int] | None = None, unseen_by: Collection[int] = ()
) -> tuple[list[int], list[str]]:
    """Ids and keys of the items that may be chosen, by key."""
    rows = Item.objects.filter(catalogue=catalogue, removed=False).order_by("key")
    if domain:
        rows = rows.filter(domain=domain)
    if unseen_by:
        rows = rows.exclude(picture__sha256__in=pictures_seen_by(unseen_by))
    if among is not None:
        rows = rows.filter(pk__in=among)
    columns = list(rows.values_list("pk", "key").iterator(chunk_size=10_000))
    return [pk for pk, _ in columns], [key for _, key in columns]
