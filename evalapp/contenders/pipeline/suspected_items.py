"""Items of a catalogue that may be at fault, as an encoder sees them among the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np

from evalapp.catalog.models import Catalogue
from evalapp.catalog.queries import active_flags, active_items
from evalapp.contenders.pipeline import embeddings
from evalapp.contenders.queries.registered_models import ParsedContender
from models_registry.evaluate.suspected_faults import suspected_faults
from models_registry.metrics import Metric

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class SuspectedItem:
    """An item's key, why it is suspected, what speaks for it, and how strongly (see `suspected_faults`)."""

    key: str
    reason: str
    told: str
    strength: float


def suspected_items(catalogue: Catalogue, contender: ParsedContender, *, on_progress: Progress) -> list[SuspectedItem]:
    """The suspects among the items that bear no active flag, the strongest of each reason first.

    Vectors that are missing are computed; items that have none are left alone.
    """
    rows = list(active_items(catalogue).order_by("pk").values_list("pk", "key", "category"))
    missing = embeddings.items_without_vectors(contender.model, [contender.tap], [pk for pk, _, _ in rows])
    size = embeddings.chunk_size()
    for start in range(0, len(missing), size):
        embeddings.embed_items(contender.model, [contender.tap], missing[start : start + size])
        on_progress(min(start + size, len(missing)), len(missing))
    store = embeddings.folder_of(contender.model, contender.tap)
    contents = embeddings.contents(contender.model, [pk for pk, _, _ in rows])
    absent = set(store.missing([content.key for content in contents]))
    kept = [content for content in contents if content.key not in absent]
    if not kept:
        return []
    category_of = {pk: category or None for pk, _, category in rows}
    flag_of = dict(active_flags(catalogue).values_list("item", "reason"))
    vectors = np.array(store.reader([content.key for content in kept]).rows(0, len(kept)))
    found = suspected_faults(
        vectors,
        cast("Metric", contender.metric),
        [category_of[content.item] for content in kept],
        [flag_of.get(content.item) for content in kept],
    )
    return [SuspectedItem(kept[one.row].name, one.reason, one.told, round(one.strength, 3)) for one in found]
