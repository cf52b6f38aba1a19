"""What can be asked about catalogues."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Count, Exists, IntegerField, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from evalapp.catalog.models import Catalogue, Flag, FlagState, Item
from evalapp.catalog.originals import Original
from evalapp.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """A category and how many active items bear it; the empty name is for items without one."""

    category: str
    items: int


def catalogue_named(slug: str) -> Catalogue:
    """Raises NotFound."""
    try:
        return Catalogue.objects.get(slug=slug)
    except Catalogue.DoesNotExist:
        raise NotFound(f"There is no catalogue {slug!r}.") from None


def catalogues() -> QuerySet[Catalogue]:
    """All catalogues with `active`, the number of their items."""
    return Catalogue.objects.annotate(active=Count("items", filter=Q(items__removed=False)))


def active_items(catalogue: Catalogue) -> QuerySet[Item]:
    """The items that have not been removed, with their pictures, in the order of their keys."""
    return Item.objects.filter(catalogue=catalogue, removed=False).select_related("picture").order_by("key")


def showable(prefix: str = "") -> Q:
    """The condition for rows that lead to an item by `prefix` (`candidate__`): the item was not withdrawn.

    A row that a changed picture took the place of may still be shown by the studies that began with it.
    """
    return Q(**{f"{prefix}removed": False}) | Q(**{f"{prefix}replaced": True})


def catalogues_with_flags() -> QuerySet[Catalogue]:
    """The same with `flagged`, the number of items kept out by active flags."""
    flags = Flag.objects.filter(item__catalogue=OuterRef("pk"), item__removed=False, state=FlagState.ACTIVE)
    distinct = flags.order_by().values("item__catalogue").annotate(n=Count("item", distinct=True)).values("n")
    return catalogues().annotate(flagged=Coalesce(Subquery(distinct, output_field=IntegerField()), 0))


def items_page(
    catalogue: Catalogue, *, after: str = "", limit: int = 48, category: str | None = None, flagged: bool = False
) -> list[Item]:
    """The next `limit` active items whose key comes after `after`, with their flags at hand."""
    items = active_items(catalogue).filter(key__gt=after)
    if category is not None:
        items = items.filter(category=category)
    if flagged:
        items = items.filter(Exists(Flag.objects.filter(item=OuterRef("pk"), state=FlagState.ACTIVE)))
    active = Flag.objects.filter(state=FlagState.ACTIVE).order_by("reason")
    return list(items.prefetch_related(Prefetch("flags", active, to_attr="active_flags"))[:limit])


def keys_of(items: Collection[int]) -> list[tuple[int, str]]:
    """Ids and keys of these items, by key."""
    return list(Item.objects.filter(pk__in=items).order_by("key").values_list("pk", "key"))


def items_after(catalogue: Catalogue, key: str, limit: int) -> list[Item]:
    """The next `limit` active items whose key comes after `key`."""
    return list(active_items(catalogue).filter(key__gt=key)[:limit])


def categories(catalogue: Catalogue) -> list[CategoryCount]:
    """Every category with the number of its active items, the largest first."""
    rows = (
        Item.objects.filter(catalogue=catalogue, removed=False)
        .values_list("category")
        .annotate(items=Count("pk"))
        .order_by("-items", "category")
    )
    return [CategoryCount(category, items) for category, items in rows]


def originals_by_key(slug: str, keys: Collection[str]) -> dict[str, Original]:
    """The picture that each of these keys shows now; removed items count too, they may come back."""
    rows = (
        Item.objects.filter(catalogue__slug=slug, key__in=keys, replaced=False)
        .order_by("-removed", "pk")
        .values_list("key", "picture__sha256", "picture__width", "picture__height", "picture__size")
    )
    return {key: Original(sha256, width, height, size) for key, sha256, width, height, size in rows}


def unflagged(items: QuerySet[Item]) -> QuerySet[Item]:
    """Those of the items that no active flag keeps out of training data and decks."""
    return items.exclude(Exists(Flag.objects.filter(item=OuterRef("pk"), state=FlagState.ACTIVE)))


def active_flags(catalogue: Catalogue) -> QuerySet[Flag]:
    """The flags that keep items of the catalogue out, with their items, the newest first."""
    return flags_of(catalogue).filter(state=FlagState.ACTIVE)


def flags_of(catalogue: Catalogue) -> QuerySet[Flag]:
    """All flags of the catalogue, lifted ones and suspicions included, with their items, the newest first."""
    return Flag.objects.filter(item__catalogue=catalogue).select_related("item__picture")
