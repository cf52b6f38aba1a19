"""A registered encoder scored on a public set by that set's own protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from evalapp.catalog.models import Catalogue, Item
from evalapp.contenders.pipeline import embeddings
from evalapp.contenders.queries.registered_models import ParsedContender
from evalapp.core.domain.errors import InvalidInput, Problem
from models_registry.evaluate.published_protocols import (
    PROTOCOLS,
    Labelled,
    ProtocolName,
    ProtocolScores,
    parts_of,
    score_protocol,
)
from models_registry.metrics import Metric

Progress = Callable[[int, int], None]
_Row = tuple[int, str, str, str, str]
"""Id, domain, split, category and product of an item."""


def score_by_protocol(
    catalogue: Catalogue, contender: ParsedContender, protocol: str, *, on_progress: Progress
) -> ProtocolScores:
    """Compute the vectors that are missing, and score: all pictures of the published parts take part, flagged or not.

    Raises InvalidInput for an unknown protocol or a catalogue without the set's splits, Problem where a picture has no
    vector: a number over fewer pictures would not be the paper's.
    """
    item_rows = _taking_part(catalogue, protocol)
    vectors = _vectors_of(contender, [row[0] for row in item_rows], on_progress)
    items, metric = _labelled_items(item_rows), cast("Metric", contender.metric)
    return score_protocol(cast("ProtocolName", protocol), items, vectors, metric)


def items_of_protocol(catalogue: Catalogue, protocol: str) -> list[int]:
    """The ids of the items that ask or answer by this protocol; raises InvalidInput as `score_by_protocol` does."""
    return [row[0] for row in _taking_part(catalogue, protocol)]


def _taking_part(catalogue: Catalogue, protocol: str) -> list[_Row]:
    if protocol not in PROTOCOLS:
        raise InvalidInput(f"There is no protocol {protocol}; there are {', '.join(PROTOCOLS)}.")
    rows = list(
        Item.objects.filter(catalogue=catalogue, removed=False)
        .order_by("pk")
        .values_list("pk", "domain", "split", "category", "product")
    )
    try:
        queries, gallery = parts_of(protocol, _labelled_items(rows))
    except ValueError as error:
        raise InvalidInput(f"{catalogue.slug}: {error}") from error
    return [rows[row] for row in np.union1d(queries, gallery).tolist()]


def _labelled_items(rows: list[_Row]) -> Labelled:
    return Labelled(
        [row[1] for row in rows], [row[2] for row in rows], [row[3] for row in rows], [row[4] for row in rows]
    )


def _vectors_of(contender: ParsedContender, items: list[int], on_progress: Progress) -> np.ndarray:
    """The vectors [n, d] of the items in their order; raises Problem naming what has none."""
    missing = embeddings.items_without_vectors(contender.model, [contender.tap], items)
    size = embeddings.chunk_size()
    for start in range(0, len(missing), size):
        embeddings.embed_items(contender.model, [contender.tap], missing[start : start + size])
        on_progress(min(start + size, len(missing)), len(missing))
    store = embeddings.folder_of(contender.model, contender.tap)
    contents = embeddings.contents(contender.model, items)
    gone = set(store.missing([content.key for content in contents]))
    if gone:
        names = [content.name for content in contents if content.key in gone]
        raise Problem(
            f"{len(names)} pictures have no vector, such as {names[0]}: a score without them would not be comparable. "
            "Repair them, or import the catalogue anew."
        )
    return np.array(store.reader([content.key for content in contents]).rows(0, len(contents)))
