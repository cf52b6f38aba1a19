"""Flags set and lifted. A catalogue's version stays, the items are what they were; its changes count them."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from evalapp.catalog.models import LONGEST_NOTE, Flag, FlagReason, FlagSource, FlagState, Item
from evalapp.catalog.queries import catalogue_named
from evalapp.catalog.services.change_log import note_change_of
from evalapp.core.domain.errors import InvalidInput, NotFound
from evalapp.core.services.deeds import recorded


def check_reason(reason: str) -> None:
    """Raises InvalidInput, with the field, for a reason that is none."""
    if reason not in FlagReason.values:
        raise InvalidInput(
            f"{reason!r} is no reason for a flag; choose one of {', '.join(FlagReason.values)}.",
            fields={"reason": [f"One of {', '.join(FlagReason.values)}."]},
        )


@recorded("flagged items", "catalogue {slug}", "{reason} {keys} {note}")
@transaction.atomic
def flag_items(
    slug: str, keys: Collection[str], reason: str, *, note: str = "", source: str = FlagSource.OPERATOR
) -> int:
    """Keep these items out of training data and decks; returns how many were not so flagged before.

    A flag that an operator has lifted becomes active again only by an operator. Raises InvalidInput for an unknown
    reason, NotFound for an unknown catalogue or key: then nothing is flagged.
    """
    check_reason(reason)
    items = _ids_by_key(slug, keys)
    now, note = timezone.now(), note[:LONGEST_NOTE]
    existing = Flag.objects.filter(item__in=items.values(), reason=reason)
    if source != FlagSource.OPERATOR:
        existing = existing.exclude(state=FlagState.LIFTED)
    changed = existing.exclude(state=FlagState.ACTIVE).update(
        state=FlagState.ACTIVE, note=note, source=source, settled_at=now
    )
    before = Flag.objects.filter(item__in=items.values()).filter(reason=reason).count()
    Flag.objects.bulk_create(
        [Flag(item_id=item, reason=reason, note=note, source=source, settled_at=now) for item in items.values()],
        ignore_conflicts=True,
    )
    changed += len(items) - before
    if changed:
        note_change_of(items.values())
    return changed


@recorded("lifted flags of items", "catalogue {slug}", "{keys}")
@transaction.atomic
def lift_flags(slug: str, keys: Collection[str], reason: str | None = None) -> int:
    """Let these items in again, for one reason or for all; returns how many flags were lifted.

    Raises as `flag_items`.
    """
    if reason is not None:
        check_reason(reason)
    flags = Flag.objects.filter(item__in=_ids_by_key(slug, keys).values()).exclude(state=FlagState.LIFTED)
    if reason is not None:
        flags = flags.filter(reason=reason)
    return settle_flags(flags, FlagState.LIFTED)


@transaction.atomic
def settle_flags(flags: QuerySet[Flag], state: str) -> int:
    """Confirm or lift these flags; returns how many there were."""
    flag_rows = list(flags.values_list("pk", "item"))
    if flag_rows:
        note_change_of({item for _, item in flag_rows})
    return Flag.objects.filter(pk__in=[flag for flag, _ in flag_rows]).update(state=state, settled_at=timezone.now())


def _ids_by_key(slug: str, keys: Collection[str]) -> dict[str, int]:
    catalogue = catalogue_named(slug)
    # Of the rows that a key had, the one that shows its present picture comes last.
    rows = Item.objects.filter(catalogue=catalogue, key__in=keys, replaced=False).order_by("-removed", "pk")
    ids = dict(rows.values_list("key", "pk"))
    unknown = sorted(set(keys) - set(ids))
    if unknown:
        raise NotFound(
            f"{catalogue} has no item {unknown[0]!r}" + (f" and {len(unknown) - 1} more." if unknown[1:] else ".")
        )
    return ids
