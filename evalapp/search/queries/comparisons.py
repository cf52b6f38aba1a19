"""One question answered by several indexes of a catalogue, and by attributes alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from evalapp.catalog.models import Item
from evalapp.core.domain.errors import NotFound, Problem
from evalapp.search.domain.lookup_params import LookupParams
from evalapp.search.models import SearchIndex
from evalapp.search.queries.attribute_search import Features
from evalapp.search.queries.gallery import gallery_items
from evalapp.search.queries.lookups import Answer, by_attributes, item_of, look_up

DEPTH = 10
MOST_INDEXES = 4
_EXAMPLES = 12
_BASELINE = "attributes only"


@dataclass(slots=True)
class Column:
    """What one way answers; of each answer, whether the first way has it among its own."""

    name: str
    answers: list[Answer] = field(default_factory=list)
    shared: set[int] = field(default_factory=set)
    problem: str = ""

    @property
    def overlap(self) -> float | None:
        """The share of the ten that the first way has as well."""
        return len(self.shared) / len(self.answers) if self.answers else None


def compared_by_item(index: SearchIndex, key: str) -> dict[str, Any]:
    """The item (a first one where none is named), the columns, and other items to look at."""
    examples = _example_items(index)
    item = item_of(index, key) if key else examples[0]
    params = LookupParams(index=index.slug, kind="item", item=item.pk, k=DEPTH)
    columns = [_column_of_index(way, params)[0] for way in (index, *_other_indexes(index))]
    columns.append(Column(_BASELINE, by_attributes(index, params).answers))
    return {"item": item, "columns": _with_shared(columns), "examples": examples}


def compared_by_photo(index: SearchIndex, photo: bytes) -> dict[str, Any]:
    """The same for a photo. The baseline is told the kind of thing that the first index takes it for: of a photo
    nothing else is known."""
    examples = _example_items(index)
    params = LookupParams(index=index.slug, kind="photo", k=DEPTH)
    answered = [_column_of_index(way, params, photo) for way in (index, *_other_indexes(index))]
    kinds = [guess["category"]["likeliest"] for _, guess in answered if guess and guess.get("category")]
    features = Features(kinds[0] if kinds else "")
    baseline = Column(_BASELINE, by_attributes(index, params, features).answers)
    columns = _with_shared([*(column for column, _ in answered), baseline])
    return {"item": None, "columns": columns, "examples": examples}


def _example_items(index: SearchIndex) -> list[Item]:
    items = list(gallery_items(index).select_related("picture", "cutout").order_by("picture__sha256")[:_EXAMPLES])
    if not items:
        raise NotFound(f"{index} has no items to compare with.")
    return items


def _with_shared(columns: list[Column]) -> list[Column]:
    first = {answer.item.pk for answer in columns[0].answers}
    for column in columns:
        column.shared = {answer.item.pk for answer in column.answers} & first
    return columns


def _other_indexes(index: SearchIndex) -> list[SearchIndex]:
    same = SearchIndex.objects.filter(catalogue=index.catalogue_id, serving__isnull=False).exclude(pk=index.pk)
    return list(same.select_related("catalogue", "embedding__model")[: MOST_INDEXES - 1])


def _column_of_index(
    index: SearchIndex, params: LookupParams, photo: bytes = b""
) -> tuple[Column, Mapping[str, Any] | None]:
    name = f"{index.slug}: {index.embedding.model.name}.{index.embedding.tap}, {index.metric}"
    try:
        result = look_up(index, replace(params, index=index.slug), photo, fall_back=False)
        return Column(name, result.answers), result.guess
    except Problem as problem:
        return Column(name, problem=problem.message), None
