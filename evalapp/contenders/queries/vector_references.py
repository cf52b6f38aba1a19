"""What stored vectors are needed for. Each app that reads them says so; nobody else's vectors may be deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from django.utils.module_loading import import_string

from evalapp.contenders.models import EmbeddingMap, EmbeddingModel, RegionNetwork
from evalapp.core.models import FINAL_STATES

SOURCES = (
    "evalapp.contenders.queries.vector_references.of_maps",
    "evalapp.studies.queries.vector_references.of_studies",
    "evalapp.search.queries.vector_references.of_indexes",
    "evalapp.training.queries.vector_references.of_runs",
)
"""Dotted paths of functions that list needs: apps above this one are known by name only."""


@dataclass(frozen=True, slots=True)
class Need:
    """`who` needs the vectors of the items (ids, read when they are asked for) by this model at this tap, of pictures
    whose background this masker blanked if there is one."""

    who: str
    model: EmbeddingModel
    tap: str
    items: Callable[[], Iterable[int]]
    masker: RegionNetwork | None = None


def all_needs() -> Iterator[Need]:
    """All that is needed, of every app."""
    for source in SOURCES:
        yield from import_string(source)()


def of_maps() -> Iterator[Need]:
    """Maps that are being drawn."""
    drawn = EmbeddingMap.objects.filter(job__isnull=False).exclude(job__state__in=FINAL_STATES)
    for row in drawn.select_related("embedding__model"):
        yield Need(f"map {row.pk}", row.embedding.model, row.embedding.tap, partial(list, row.items))
