"""Which items an index may find, and what is known of each besides its vector."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.lookups import In

from evalapp.catalog.models import Flag, FlagState, Item
from evalapp.search.models import PhotoTag, SearchIndex

COLUMNS = ("category", "product", "domain", "split")
_MOST_BOXES = 20
ATTRIBUTE = "attributes."
"""A filter on an attribute is written `attributes.NAME`."""


@dataclass(frozen=True, slots=True)
class GalleryRow:
    """An item as an index sees it; `shown` says whether it may be found at all."""

    item: int
    shown: bool
    values: Mapping[str, str]


def gallery_items(index: SearchIndex) -> QuerySet[Item]:
    """The items that the index may find now: there, not flagged, and of its domain and split.

    Photos that were tagged are what people search with, no answers, unless the index asks for their very domain.
    """
    active = Flag.objects.filter(item=OuterRef("pk"), state=FlagState.ACTIVE)
    items = Item.objects.filter(catalogue=index.catalogue_id, removed=False).exclude(Exists(active))
    if index.gallery_domain:
        items = items.filter(domain=index.gallery_domain)
    else:
        items = items.exclude(Exists(PhotoTag.objects.filter(item=OuterRef("pk"))))
    return items.filter(split=index.gallery_split) if index.gallery_split else items


def boxes_in(index: SearchIndex, sha256: str) -> list[tuple[tuple[int, int, int, int], str]]:
    """The boxes that the catalogue has in the picture of these bytes, each with its category."""
    rows = Item.objects.filter(catalogue=index.catalogue_id, removed=False, picture__sha256=sha256, x1__isnull=False)
    return [(item.box, item.category) for item in rows.order_by("pk")[:_MOST_BOXES] if item.box is not None]


def rows_changed(index: SearchIndex, after: int, until: int) -> list[GalleryRow]:
    """Every row that changed after one change of the catalogue, up to another."""
    rows = Item.objects.filter(catalogue=index.catalogue_id, last_change__gt=after, last_change__lte=until)
    return list(_rows(index, rows))


def gallery_rows(index: SearchIndex, some: Collection[int] | None = None) -> Iterable[GalleryRow]:
    """Every row that the index may find now, or those among some."""
    items = gallery_items(index)
    return _rows(index, items if some is None else items.filter(pk__in=some))


def _rows(index: SearchIndex, items: QuerySet[Item]) -> Iterable[GalleryRow]:
    active = Flag.objects.filter(item=OuterRef("pk"), state=FlagState.ACTIVE)
    tagged = PhotoTag.objects.filter(item=OuterRef("pk"))
    fields = ("pk", "removed", *COLUMNS, "attributes")
    rows = items.annotate(is_flagged=Exists(active), is_tagged=Exists(tagged)).order_by("pk")
    rows_told = rows.values_list(*fields, "is_flagged", "is_tagged").iterator(chunk_size=5000)
    for pk, removed, category, product, domain, split, attributes, is_flagged, is_tagged in rows_told:
        shown = (
            not removed
            and not is_flagged
            and not (is_tagged and not index.gallery_domain)
            and index.gallery_domain in {"", domain}
            and index.gallery_split in {"", split}
        )
        columns = {"category": category, "product": product, "domain": domain, "split": split}
        values = {**columns, **{f"{ATTRIBUTE}{name}": value for name, value in attributes.items()}}
        yield GalleryRow(pk, shown, {name: value for name, value in values.items() if value})


def labels_of(rows: Sequence[GalleryRow], known: Iterable[str] = ()) -> dict[str, list[str | None]]:
    """The same by column, a value per row; None where a row has none. Columns that are `known` come in any case."""
    names = sorted({*COLUMNS, *known, *(name for row in rows for name in row.values)})
    return {name: [row.values.get(name) for row in rows] for name in names}


def with_filters(items: QuerySet[Item], filters: Mapping[str, Sequence[str]]) -> QuerySet[Item]:
    """The items that have one of the values in every column named."""
    for name, values in filters.items():
        if name.startswith(ATTRIBUTE):
            items = items.filter(In(attribute(name.removeprefix(ATTRIBUTE)), list(values)))
        else:
            items = items.filter(**{f"{name}__in": list(values)})
    return items


def attribute(name: str) -> KeyTextTransform:
    """The text of an attribute, whatever its name: `contains` and `a__b` are names as well."""
    return KeyTextTransform(name, "attributes")
