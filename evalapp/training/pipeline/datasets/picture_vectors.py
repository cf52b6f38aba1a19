"""What every source of a run has: pictures, and the base network's vectors of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

from django.conf import settings
from django.db.models import QuerySet

from evalapp.catalog.models import Item
from evalapp.contenders.pipeline import embeddings
from evalapp.core.domain.errors import Problem
from evalapp.core.domain.job_plans import Fault, Piece
from evalapp.training.models import TrainingRun
from models_registry.embed import Picture
from models_registry.spec import Box, EncoderSpec
from models_registry.store import Vectors


def pieces_without_vectors(run: TrainingRun, items: QuerySet[Item]) -> Iterator[Piece]:
    """The items that have no vector of the base yet, in chunks."""
    missing = embeddings.items_without_vectors(run.parent, [run.parent_tap], list(items.values_list("pk", flat=True)))
    size = embeddings.chunk_size()
    for start in range(0, len(missing), size):
        part = missing[start : start + size]
        yield Piece({"items": part}, size=len(part))


def embed_piece(run: TrainingRun, arguments: dict[str, Any]) -> list[Fault]:
    """Embed the items of a chunk; a joint follows from what its parts have stored."""
    return embeddings.embed_items(run.parent, [run.parent_tap], arguments["items"])


class Columns(TypedDict):
    """What recipes of both kinds take of the items, an entry per item."""

    name: str
    keys: list[str]
    sha256s: list[str]
    pictures: list[Picture]
    categories: list[str | None]
    products: list[str | None]
    base: EncoderSpec
    base_tap: str
    base_weights: Path | None
    vectors: Vectors


def with_vectors(run: TrainingRun, items: QuerySet[Item], name: str) -> tuple[list[Item], Columns]:
    """The items that have a vector of the run's base, in their order, and their columns.

    Raises Problem where no item of `name` has one.
    """
    folder = embeddings.folder_of(run.parent, run.parent_tap)
    contents = embeddings.contents(run.parent, items.values_list("pk", flat=True))
    missing = set(folder.missing([content.key for content in contents]))
    key_of = {content.item: content.key for content in contents if content.key not in missing}
    rows = [item for item in items.select_related("picture") if item.pk in key_of]
    if not rows:
        raise Problem(f"No picture of {name} has a vector of {run.parent}; see the faults of the job.")
    return rows, {
        "name": name,
        "keys": [item.key for item in rows],
        "sha256s": [item.picture.sha256 for item in rows],
        "pictures": [
            Picture(item.key, embeddings.source(item.picture.file), Box(*item.box) if item.box else None)
            for item in rows
        ],
        "categories": [item.category or None for item in rows],
        "products": [item.product or None for item in rows],
        "base": EncoderSpec.from_json(run.parent.spec),
        "base_tap": run.parent_tap,
        "base_weights": Path(settings.WEIGHTS_DIR) / run.parent.weights if run.parent.weights else None,
        "vectors": folder.reader([key_of[item.pk] for item in rows]),
    }
