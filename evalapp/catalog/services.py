"""Changes of catalogues. Every one that changes an item raises the catalogue's version by one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from evalapp.catalog.importers.base import Record
from evalapp.catalog.importers.boxes import Box
from evalapp.catalog.models import LONGEST, Catalogue, Item, Picture
from evalapp.catalog.originals import Original
from evalapp.core.errors import InvalidInput, NotFound

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
_TEXTS = ("path", "category", "product", "domain", "split")
_CORNERS = ("x1", "y1", "x2", "y2")
_WRITTEN = ("picture", *_TEXTS, *_CORNERS, "attributes", "version", "removed")


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


def check_slug(slug: str) -> None:
    """Raises InvalidInput where `slug` cannot name a catalogue."""
    if not _SLUG.fullmatch(slug):
        raise InvalidInput(f"{slug!r} cannot stand in an address; use small letters, digits and dashes.")


def check_texts(draft: Record | ItemDraft) -> None:
    """Raises InvalidInput, with the field, for a text that is longer than its column."""
    for name, most in LONGEST.items():
        if len(getattr(draft, name)) > most:
            raise InvalidInput(
                f"The {name} is longer than {most} characters.",
                code="too_long",
                fields={name: [f"At most {most} characters."]},
            )


@transaction.atomic
def upsert_items(slug: str, drafts: Sequence[ItemDraft], *, name: str = "") -> Change:
    """Make the items of `drafts` what they say, all or none; a removed item comes back.

    Makes the catalogue if it is missing, and gives it `name` if that is not empty. Keys must be distinct and the
    drafts checked. Needs the same few statements however many drafts there are.
    """
    catalogue = _locked(slug, name)
    pictures = _ensure_pictures({draft.picture.sha256: draft.picture for draft in drafts})
    keys = [draft.key for draft in drafts]
    existing = {item.key: item for item in Item.objects.filter(catalogue=catalogue, key__in=keys)}
    changed: list[Item] = []
    new = 0
    for draft in drafts:
        values = _values(draft, pictures[draft.picture.sha256])
        item = existing.get(draft.key)
        if item is not None and all(getattr(item, field) == value for field, value in values.items()):
            continue
        new += item is None
        changed.append(Item(catalogue=catalogue, key=draft.key, version=catalogue.version + 1, **values))
    if changed:
        Item.objects.bulk_create(
            changed, update_conflicts=True, unique_fields=("catalogue", "key"), update_fields=_WRITTEN
        )
        _raise_version(catalogue)
    return Change(catalogue.version, new, len(changed) - new, len(drafts) - len(changed))


@transaction.atomic
def remove_items(slug: str, keys: Collection[str]) -> int:
    """Take the items with these keys out of the catalogue; returns how many there were.

    Their rows stay for the studies that show them. Raises NotFound for an unknown catalogue.
    """
    catalogue = Catalogue.objects.select_for_update().filter(slug=slug).first()
    if catalogue is None:
        raise NotFound(f"There is no catalogue {slug!r}.")
    leaving = Item.objects.filter(catalogue=catalogue, key__in=keys, removed=False)
    removed = leaving.update(removed=True, version=catalogue.version + 1)
    if removed:
        _raise_version(catalogue)
    return removed


def _locked(slug: str, name: str) -> Catalogue:
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
    catalogue.updated_at = timezone.now()
    catalogue.save(update_fields=["version", "updated_at"])


def _ensure_pictures(originals: Mapping[str, Original]) -> dict[str, int]:
    """The id of each picture's row, by hash; missing rows are made."""
    found = _picture_ids(originals)
    # Sorted, so that two imports of the same pictures wait for each other instead of deadlocking.
    missing = sorted(originals.keys() - found.keys())
    if missing:
        Picture.objects.bulk_create([_picture(originals[sha256]) for sha256 in missing], ignore_conflicts=True)
        found |= _picture_ids(missing)
    return found


def _picture_ids(hashes: Iterable[str]) -> dict[str, int]:
    return dict(Picture.objects.filter(sha256__in=list(hashes)).values_list("sha256", "pk"))


def _picture(original: Original) -> Picture:
    return Picture(
        sha256=original.sha256,
        file=original.file,
        width=original.width,
        height=original.height,
        size=original.size,
    )


def _values(draft: ItemDraft, picture: int) -> dict[str, Any]:
    corners = draft.box or (None,) * 4
    return {
        "picture_id": picture,
        **{name: getattr(draft, name) for name in _TEXTS},
        **dict(zip(_CORNERS, corners, strict=True)),
        "attributes": dict(draft.attributes),
        "removed": False,
    }
