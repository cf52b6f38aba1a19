"""Changes of catalogues. Every one that changes an item raises the catalogue's version by one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from evalapp.catalog.domain.importers.bounding_boxes import Box
from evalapp.catalog.domain.importers.importer_base import Record
from evalapp.catalog.domain.originals import Original
from evalapp.catalog.models import LONGEST, Catalogue, Item, new_public_id
from evalapp.catalog.services.change_log import note_change
from evalapp.catalog.services.item_upsert import write_cutouts, write_items, write_pictures
from evalapp.core.domain.errors import InvalidInput, NotFound
from evalapp.core.domain.values.slugs import check_slug
from evalapp.core.services.deeds import recorded


@dataclass(frozen=True, slots=True)
class ItemDraft:
    """An item as it shall be. Its picture is in the storage already; the box is in pixels as displayed."""

    key: str
    path: str
    picture: Original
    category: str = ""
    product: str = ""
    domain: str = ""
    split: str = ""
    box: Box | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What a batch did. `version` is the catalogue's version afterwards."""

    version: int
    new: int = 0
    updated: int = 0
    unchanged: int = 0


def check_texts(draft: Record | ItemDraft) -> None:
    """Raises InvalidInput, with the field, for a text that is longer than its column or has lost letters on its way."""
    for name, most in LONGEST.items():
        if "\N{REPLACEMENT CHARACTER}" in getattr(draft, name):
            # What stands for letters of another encoding stands for all of them alike: two keys would become one.
            raise InvalidInput(
                f"The {name} is not UTF-8: letters were lost on the way.",
                code="not_utf8",
                fields={name: ["Send it in UTF-8."]},
            )
        if len(getattr(draft, name)) > most:
            raise InvalidInput(
                f"The {name} is longer than {most} characters.",
                code="too_long",
                fields={name: [f"At most {most} characters."]},
            )


@recorded("put in items", "catalogue {slug}", "{result.new:,} new, {result.updated:,} changed")
@transaction.atomic
def upsert_items(slug: str, drafts: Sequence[ItemDraft], *, name: str = "") -> Change:
    """Make the items of `drafts` what they say, all or none; a removed item comes back.

    Makes the catalogue if it is missing, and gives it `name` if that is not empty. Keys must be distinct and the
    drafts checked. Needs the same few statements however many drafts there are.
    """
    catalogue = _lock_catalogue(slug, name)
    write_pictures({draft.picture.sha256: _picture_row(draft.picture) for draft in drafts}.values())
    if boxes := {(draft.picture.sha256, draft.box) for draft in drafts if draft.box is not None}:
        write_cutouts(_cutout_row(*box) for box in sorted(boxes))
    rows = map(_item_row, drafts)
    new, updated = write_items(catalogue.pk, catalogue.version + 1, catalogue.last_change + 1, rows)
    if new or updated:
        _raise_version(catalogue)
    return Change(catalogue.version, new, updated, len(drafts) - new - updated)


@recorded("removed items", "catalogue {slug}", "{result:,}: {keys}")
@transaction.atomic
def remove_items(slug: str, keys: Collection[str]) -> int:
    """Take the items with these keys out of the catalogue; returns how many there were.

    Their rows stay for the votes that speak of them, but nobody is shown them any more, nor what these keys showed
    before. Raises NotFound for an unknown catalogue.
    """
    catalogue = Catalogue.objects.select_for_update().filter(slug=slug).first()
    if catalogue is None:
        raise NotFound(f"There is no catalogue {slug!r}.")
    leaving = Item.objects.filter(catalogue=catalogue, key__in=keys, removed=False)
    change = catalogue.last_change + 1
    removed = leaving.update(removed=True, version=catalogue.version + 1, last_change=change)
    earlier = Item.objects.filter(catalogue=catalogue, key__in=keys, replaced=True)
    withdrawn = earlier.update(replaced=False, last_change=change)
    if removed:
        catalogue.withdrawals += 1
        _raise_version(catalogue)
    elif withdrawn:
        note_change(catalogue.pk)
    return removed


def _lock_catalogue(slug: str, name: str) -> Catalogue:
    """The catalogue, made if missing; its lock makes changes of one catalogue wait for each other."""
    check_slug(slug)
    Catalogue.objects.get_or_create(slug=slug)
    catalogue = Catalogue.objects.select_for_update().get(slug=slug)
    if name and catalogue.name != name:
        catalogue.name = name
        catalogue.save(update_fields=["name"])
    return catalogue


def _raise_version(catalogue: Catalogue) -> None:
    catalogue.version += 1
    catalogue.last_change += 1
    catalogue.updated_at = timezone.now()
    catalogue.save(update_fields=["version", "last_change", "withdrawals", "updated_at"])


def _picture_row(picture: Original) -> dict[str, Any]:
    return {
        "sha256": picture.sha256,
        "public_id": new_public_id(),
        "file": picture.file,
        "width": picture.width,
        "height": picture.height,
        "size": picture.size,
    }


def _cutout_row(sha256: str, box: Box) -> dict[str, Any]:
    x1, y1, x2, y2 = box
    return {"sha256": sha256, "x1": x1, "y1": y1, "x2": x2, "y2": y2, "public_id": new_public_id()}


def _item_row(draft: ItemDraft) -> dict[str, Any]:
    x1, y1, x2, y2 = draft.box or (None, None, None, None)
    return {
        "key": draft.key,
        "sha256": draft.picture.sha256,
        "path": draft.path,
        "category": draft.category,
        "product": draft.product,
        "domain": draft.domain,
        "split": draft.split,
        "x1": x1,
        "y1": y1,
        "x2": x2,
        "y2": y2,
        "attributes": dict(draft.attributes),
    }
