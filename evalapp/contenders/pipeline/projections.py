"""Drawing a map: make the vectors that are missing, then lay them out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from evalapp.contenders.models import EmbeddingMap
from evalapp.contenders.pipeline import embeddings
from evalapp.contenders.services import projections
from evalapp.core.domain.errors import NotFound, Problem
from evalapp.core.domain.job_plans import Fault, Piece, Plan, Stage
from evalapp.core.domain.job_targets import target_id
from models_registry.projection import LEAST, tsne


def _map_of(target: str) -> EmbeddingMap:
    return projections.map_by_id(target_id("map", target))


def _cut_embeddings(target: str) -> Iterator[Piece]:
    drawing = _map_of(target)
    missing = embeddings.items_without_vectors(drawing.embedding.model, [drawing.embedding.tap], drawing.items)
    size = embeddings.chunk_size()
    for start in range(0, len(missing), size):
        part = missing[start : start + size]
        yield Piece({"items": part}, size=len(part))


def _embed_chunk(target: str, arguments: dict[str, Any]) -> list[Fault]:
    drawing = _map_of(target)
    return embeddings.embed_items(drawing.embedding.model, [drawing.embedding.tap], arguments["items"])


def _cut_layout(_target: str) -> Iterator[Piece]:
    yield Piece({})


def _lay_out(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    try:
        drawing = _map_of(target)
    except NotFound:
        return []  # It was deleted meanwhile; there is nothing to draw.
    folder = embeddings.folder_of(drawing.embedding.model, drawing.embedding.tap)
    contents = embeddings.contents(drawing.embedding.model, drawing.items)
    missing = set(folder.missing([content.key for content in contents]))
    present = [content for content in contents if content.key not in missing]
    if len(present) < LEAST:
        raise Problem(f"Only {len(present)} of the pictures have a vector; a map needs {LEAST}. See the faults.")
    reader = folder.reader([content.key for content in present])
    points = tsne(np.array(reader.rows(0, len(present))), seed=drawing.seed)
    projections.write_points(drawing, [content.item for content in present], points)
    return [(content.name, "no vector") for content in contents if content.key in missing]


PLAN = Plan(
    stages=(
        Stage("embeddings", "pictures", _cut_embeddings, _embed_chunk),
        Stage("layout", "maps", _cut_layout, _lay_out),
    )
)
