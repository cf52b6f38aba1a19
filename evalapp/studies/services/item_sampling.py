"""Which items take part: seeded samples that depend on the items' keys alone and change little with the catalogue."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from evalapp.catalog.domain.label_scopes import text_of_labels
from evalapp.catalog.models import Catalogue, Item
from evalapp.catalog.queries import with_labels
from evalapp.contenders.queries.registered_models import pictures_seen_by
from models_registry.hash_sampling import name_words, sample_positions

_QUERIES_APART = 1 << 32
"""Added to the seed for the queries, which would be the gallery's first otherwise."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which items may be chosen: of one domain if it is named, and with these labels."""

    domain: str = ""
    labels: Mapping[str, Collection[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.domain or self.labels)

    @property
    def text(self) -> str:
        """As people write it, empty where every item may be chosen."""
        labels = {**({"domain": [self.domain]} if self.domain else {}), **self.labels}
        return text_of_labels(labels)


def choose_gallery(
    catalogue: Catalogue, scope: Scope, size: int, seed: int, unseen_by: Collection[int] = ()
) -> list[int]:
    """Ids of a uniform sample of the catalogue's active items within the scope, by key.

    Pictures that one of the models `unseen_by` was trained on stay out: they would favour it.
    """
    ids, keys = _active_items(catalogue, scope, unseen_by=unseen_by)
    chosen = np.sort(sample_positions(name_words(keys), size, seed))
    return [ids[row] for row in chosen]


def choose_queries(
    catalogue: Catalogue,
    scope: Scope,
    gallery: Sequence[int],
    count: int,
    seed: int,
    without: Collection[int] = (),
    unseen_by: Collection[int] = (),
) -> list[int]:
    """Ids of a uniform sample in an order by chance: of the gallery, or of the scope where there is one.

    Items of `without` are chosen only where the others are not enough.
    """
    ids, keys = _active_items(catalogue, scope, None if scope else gallery, unseen_by)
    order = sample_positions(name_words(keys), len(keys), seed + _QUERIES_APART)
    fresh = [ids[row] for row in order if ids[row] not in without]
    return (fresh + [ids[row] for row in order if ids[row] in without])[:count]


def _active_items(
    catalogue: Catalogue, scope: Scope, among: Sequence[int] | None = None, unseen_by: Collection[int] = ()
) -> tuple[list[int], list[str]]:
    """Ids and keys of the items that may be chosen, by key."""
    rows = Item.objects.filter(catalogue=catalogue, removed=False).order_by("key")
    if scope.domain:
        rows = rows.filter(domain=scope.domain)
    rows = with_labels(rows, scope.labels)
    if unseen_by:
        rows = rows.exclude(picture__sha256__in=pictures_seen_by(unseen_by))
    if among is not None:
        rows = rows.filter(pk__in=among)
    columns = list(rows.values_list("pk", "key").iterator(chunk_size=10_000))
    return [pk for pk, _ in columns], [key for _, key in columns]
