"""Maps of embeddings: asked for, drawn by a worker, read by pages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from django.db import transaction
from django.db.models import QuerySet
from numpy.typing import NDArray

from evalapp.catalog.models import Catalogue, Item
from evalapp.catalog.queries import active_items, unflagged
from evalapp.contenders.models import EmbeddingMap
from evalapp.contenders.queries.registered_models import parse_contender
from evalapp.contenders.services.registration import ensure_embedding
from evalapp.core.domain.errors import InvalidInput, NotFound
from evalapp.core.domain.job_targets import target_of
from evalapp.core.services.deeds import recorded
from evalapp.core.services.jobs import request_job
from models_registry.projection import LEAST, MOST

USUAL = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """An item on a map: x and y in -1 … 1."""

    item: Item
    x: float
    y: float


@recorded("asked for map", "catalogue {catalogue}", "{text}")
def request_map(catalogue: Catalogue, text: str, *, items: int = USUAL, seed: int = 0) -> EmbeddingMap:
    """A map of MODEL[.TAP] over the catalogue, to be drawn by a worker, with its job.

    It shows a seeded choice of the items that no flag keeps out. Raises InvalidInput for invalid values.
    """
    if not LEAST <= items <= MOST:
        raise InvalidInput(f"A map holds between {LEAST} and {MOST:,} pictures, not {items:,}.")
    # A map has no metric of its own; any will do to understand the words.
    parsed = parse_contender(f"{text}:cosine")
    usable = unflagged(active_items(catalogue)).values_list("pk", flat=True)
    item_ids = np.fromiter(usable.iterator(chunk_size=10_000), dtype=np.int64)
    if len(item_ids) < LEAST:
        raise InvalidInput(f"The catalogue {catalogue} has {len(item_ids)} pictures; a map needs {LEAST}.")
    picked = np.sort(np.random.default_rng(seed).choice(len(item_ids), min(items, len(item_ids)), replace=False))
    with transaction.atomic():
        embedding = ensure_embedding(parsed.model, parsed.tap, catalogue)
        drawing = EmbeddingMap.objects.create(embedding=embedding, seed=seed, items=item_ids[picked].tolist())
        drawing.job = request_job("map", target_of("map", drawing.pk))
        drawing.save(update_fields=["job"])
    return drawing


def write_points(drawing: EmbeddingMap, items: list[int], points: NDArray[np.float32]) -> None:
    """The map is drawn: the items that have a place, and their places [n, 2]."""
    EmbeddingMap.objects.filter(pk=drawing.pk).update(items=items, points=points.astype("<f4").tobytes())


def all_maps() -> QuerySet[EmbeddingMap]:
    """All maps, the newest first, without their points."""
    return EmbeddingMap.objects.select_related("embedding__model", "embedding__catalogue", "job").defer("points")


def map_by_id(map_id: int) -> EmbeddingMap:
    """Raises NotFound."""
    rows = EmbeddingMap.objects.select_related("embedding__model", "embedding__catalogue", "job").filter(pk=map_id)
    if (drawing := rows.first()) is None:
        raise NotFound(f"There is no map {map_id}.")
    return drawing


def places_of(drawing: EmbeddingMap) -> list[Place]:
    """Its items with their pictures, in the order of their keys; what has been deleted since is left out."""
    points = np.frombuffer(bytes(drawing.points), dtype="<f4").reshape(-1, 2)
    point_of = dict(zip(drawing.items, points.tolist(), strict=True)) if len(points) else {}
    rows = Item.objects.filter(pk__in=list(point_of)).select_related("picture", "cutout").order_by("key")
    return [Place(row, *point_of[row.pk]) for row in rows]
