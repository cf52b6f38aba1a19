"""Runs that learn from the labels of a catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from evalapp.catalog.models import Catalogue, Item
from evalapp.catalog.queries import active_items, unflagged
from evalapp.contenders import pipeline as embeddings
from evalapp.core.errors import Problem
from evalapp.core.plans import Fault, Piece
from evalapp.training.models import TrainingRun
from models_registry.embed import Picture
from models_registry.spec import Box, EncoderSpec
from models_registry.training.data import LabelledPictures


def catalogue_of(run: TrainingRun) -> Catalogue:
    """The catalogue that a run learns from."""
    return Catalogue.objects.get(pk=int(run.data.removeprefix("catalogue:")))


def _items(catalogue: Catalogue) -> QuerySet[Item]:
    """What may be learnt from: flagged pictures mislead."""
    return unflagged(active_items(catalogue))


def cut(run: TrainingRun) -> Iterator[Piece]:
    """The pictures that have no vector of the base network yet."""
    items = list(_items(catalogue_of(run)).values_list("pk", flat=True))
    missing = embeddings.items_without_vectors(run.parent, [run.parent_tap], items)
    for start in range(0, len(missing), settings.CHUNK_PICTURES):
        part = missing[start : start + settings.CHUNK_PICTURES]
        yield Piece({"items": part}, size=len(part))


def work(run: TrainingRun, arguments: dict[str, Any]) -> list[Fault]:
    """Embed some of them."""
    return embeddings.embed_items(run.parent, [run.parent_tap], arguments["items"])


def data_of(run: TrainingRun) -> LabelledPictures:
    """The catalogue as it is now, without the pictures that could not be embedded."""
    catalogue = catalogue_of(run)
    folder = embeddings.folder_of(run.parent, run.parent_tap)
    known = embeddings.contents(run.parent, _items(catalogue).values_list("pk", flat=True))
    missing = set(folder.missing([content.key for content in known]))
    key_of = {content.item: content.key for content in known if content.key not in missing}
    rows = [item for item in _items(catalogue) if item.pk in key_of]
    if not rows:
        raise Problem(f"No picture of {catalogue} has a vector of {run.parent}; see the faults of the job.")
    return LabelledPictures(
        name=catalogue.slug,
        keys=[item.key for item in rows],
        sha256s=[item.picture.sha256 for item in rows],
        pictures=[
            Picture(item.key, embeddings.source(item.picture.file), Box(*item.box) if item.box else None)
            for item in rows
        ],
        categories=[item.category or None for item in rows],
        products=[item.product or None for item in rows],
        domains=[item.domain or None for item in rows],
        splits=[item.split or None for item in rows],
        attributes=[{name: str(value) for name, value in item.attributes.items() if value != ""} for item in rows],
        base=EncoderSpec.from_json(run.parent.spec),
        base_tap=run.parent_tap,
        base_weights=Path(settings.WEIGHTS_DIR) / run.parent.weights if run.parent.weights else None,
        vectors=folder.reader([key_of[item.pk] for item in rows]),
    )
