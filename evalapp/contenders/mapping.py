"""Drawing a map: make the vectors that are missing, then lay them out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from django.conf import settings

from evalapp.contenders import maps, pipeline
from evalapp.contenders.models import EmbeddingMap
from evalapp.core.errors import NotFound, Problem
from evalapp.core.plans import Fault, Piece, Plan, Stage
from models_registry.maps import LEAST, tsne


def _map(target: str) -> EmbeddingMap:
    return maps.map_by_id(int(target.removeprefix("map:")))


def _cut_embeddings(target: str) -> Iterator[Piece]:
    drawing = _map(target)
    missing = pipeline.items_without_vectors(drawing.embedding.model, [drawing.embedding.tap], drawing.items)
    size = settings.CHUNK_PICTURES
    for start in range(0, len(missing), size):
        part = missing[start : start + size]
        yield Piece({"items": part}, size=len(part))


def _embed(target: str, arguments: dict[str, Any]) -> list[Fault]:
    drawing = _map(target)
    return pipeline.embed_items(drawing.embedding.model, [drawing.embedding.tap], arguments["items"])


def _cut_layout(_target: str) -> Iterator[Piece]:
    yield Piece({})


def _lay_out(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    try:
        drawing = _map(target)
    except NotFound:
        return []  # It was deleted meanwhile; there is nothing to draw.
    folder = pipeline.folder_of(drawing.embedding.model, drawing.embedding.tap)
    known = pipeline.contents(drawing.embedding.model, drawing.items)
    missing = set(folder.missing([content.key for content in known]))
    present = [content for content in known if content.key not in missing]
    if len(present) < LEAST:
        raise Problem(f"Only {len(present)} of the pictures have a vector; a map needs {LEAST}. See the faults.")
    reader = folder.reader([content.key for content in present])
    points = tsne(np.array(reader.rows(0, len(present))), seed=drawing.seed)
    maps.write_points(drawing, [content.item for content in present], points)
    return [(content.name, "no vector") for content in known if content.key in missing]


PLAN = Plan(
    stages=(
        Stage("embeddings", "pictures", _cut_embeddings, _embed),
        Stage("layout", "maps", _cut_layout, _lay_out),
    )
)
