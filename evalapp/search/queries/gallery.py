"""Which items an index may find, and what is known of each besides its vector."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
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


@dataclass(frozen=True, slots=True)
class ShownItem:
    """An item that may be found at this moment, with what people see of it: its box, where it has one."""

    pk: int
    key: str
    category: str
    product: str
    domain: str
    split: str
    public_id: str
    width: int
    height: int
    attributes: Mapping[str, str]


_SHOWN_ITEMS = """
SELECT item.id, item.key, item.category, item.product, item.domain, item.split,
       coalesce(cutout.public_id, picture.public_id),
       coalesce(cutout.width, picture.width),
       coalesce(cutout.height, picture.height),
       item.attributes::text
FROM catalog_item item
JOIN catalog_picture picture ON picture.id = item.picture_id
LEFT JOIN catalog_cutout cutout ON cutout.id = item.cutout_id
WHERE item.id = ANY(%(items)s)
  AND item.catalogue_id = %(catalogue)s
  AND NOT item.removed
  AND NOT EXISTS (SELECT 1 FROM catalog_flag flag WHERE flag.item_id = item.id AND flag.state = %(active)s)
  AND (%(split)s = '' OR item.split = %(split)s)
  AND CASE WHEN %(domain)s <> '' THEN item.domain = %(domain)s
           ELSE NOT EXISTS (SELECT 1 FROM search_phototag tag WHERE tag.item_id = item.id) END
"""
"""The rule of `gallery_items`, written once: it is asked for every search, and Django needs longer to write it than
PostgreSQL to answer."""


def shown_items(
    index: SearchIndex, items: Sequence[int], filters: Mapping[str, Sequence[str]] | None = None
) -> dict[int, ShownItem]:
    """Those of the items that the index may find now and that pass the filters, by id."""
    values: dict[str, Any] = {
        "items": list(items),
        "catalogue": index.catalogue_id,
        "active": FlagState.ACTIVE.value,
        "domain": index.gallery_domain,
        "split": index.gallery_split,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SHOWN_ITEMS, values)
        rows = cursor.fetchall()
    current_items = [ShownItem(*(*row[:-1], json.loads(row[-1]))) for row in rows]
    return {item.pk: item for item in current_items if _passes_filters(item, filters or {})}


def _passes_filters(item: ShownItem, filters: Mapping[str, Sequence[str]]) -> bool:
    return all(_value_of(item, name) in values for name, values in filters.items())


def _value_of(item: ShownItem, name: str) -> str | None:
    if name.startswith(ATTRIBUTE):
        return item.attributes.get(name.removeprefix(ATTRIBUTE))
    return str(getattr(item, name))


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
    return list(_rows_of_items(index, rows))


def gallery_rows(index: SearchIndex, some: Collection[int] | None = None) -> Iterable[GalleryRow]:
    """Every row that the index may find now, or those among some."""
    items = gallery_items(index)
    return _rows_of_items(index, items if some is None else items.filter(pk__in=some))


def _rows_of_items(index: SearchIndex, items: QuerySet[Item]) -> Iterable[GalleryRow]:
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
            items = items.filter(In(attribute_text(name.removeprefix(ATTRIBUTE)), list(values)))
        else:
            items = items.filter(**{f"{name}__in": list(values)})
    return items


def attribute_text(name: str) -> KeyTextTransform:
    """The text of an attribute, whatever its name: `contains` and `a__b` are names as well."""
    return KeyTextTransform(name, "attributes")
