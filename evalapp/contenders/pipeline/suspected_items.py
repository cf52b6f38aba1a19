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
    with_vectors = [content for content in contents if content.key not in absent]
    if not with_vectors:
        return []
    category_of = {pk: category or None for pk, _, category in rows}
    flag_of = dict(active_flags(catalogue).values_list("item", "reason"))
    vectors = np.array(store.reader([content.key for content in with_vectors]).rows(0, len(with_vectors)))
    faults = suspected_faults(
        vectors,
        cast("Metric", contender.metric),
        [category_of[content.item] for content in with_vectors],
        [flag_of.get(content.item) for content in with_vectors],
    )
    return [
        SuspectedItem(with_vectors[fault.row].name, fault.reason, fault.told, round(fault.strength, 3))
        for fault in faults
    ]
