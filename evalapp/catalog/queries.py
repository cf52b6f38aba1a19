"""What can be asked about catalogues."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Count, Exists, F, IntegerField, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from evalapp.catalog.domain.box_styles import PLAIN, BoxStyle
from evalapp.catalog.domain.label_scopes import COLUMNS
from evalapp.catalog.domain.originals import Original
from evalapp.catalog.models import Catalogue, Cutout, Flag, FlagState, Item, Picture
from evalapp.core.domain.errors import NotFound

_CHOICES = 100


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


def catalogues_with_counts() -> QuerySet[Catalogue]:
    """All catalogues with `active`, the number of their items."""
    return Catalogue.objects.annotate(active=Count("items", filter=Q(items__removed=False)))


def version_of(slug: str) -> int:
    """The catalogue's version; 0 before there is one."""
    return Catalogue.objects.filter(slug=slug).values_list("version", flat=True).first() or 0


def keys_since(slug: str, version: int) -> list[str]:
    """Keys of the items that came in or got another form after this version, and were not removed."""
    items = Item.objects.filter(catalogue__slug=slug, version__gt=version, removed=False)
    return list(items.order_by("pk").values_list("key", flat=True))


def active_items(catalogue: Catalogue) -> QuerySet[Item]:
    """The items that have not been removed, with their pictures, in the order of their keys."""
    return Item.objects.filter(catalogue=catalogue, removed=False).select_related("picture", "cutout").order_by("key")


def showable(prefix: str = "") -> Q:
    """The condition for rows that lead to an item by `prefix` (`candidate__`): the item was not withdrawn.

    A row that a changed picture took the place of may still be shown by the studies that began with it.
    """
    return Q(**{f"{prefix}removed": False}) | Q(**{f"{prefix}replaced": True})


def shown_pictures() -> QuerySet[Picture]:
    """Pictures that may be on the air: those of an item that was not removed, their treated copies, and such as no item
    ever had. One that was withdrawn is never among them."""
    origin = Coalesce(F("made_from"), F("pk"))
    own_items = Item.objects.filter(picture=OuterRef("origin"))
    is_kept = Exists(own_items.filter(showable())) | ~Exists(own_items)
    return (
        Picture.objects.annotate(origin=origin)
        .filter(is_kept, withdrawn_at=None)
        .exclude(made_from__withdrawn_at__isnull=False)
    )


def withdrawn_hashes() -> frozenset[str]:
    """SHA-256 of pictures that are never taken in again; they are few."""
    return frozenset(Picture.objects.filter(withdrawn_at__isnull=False).values_list("sha256", flat=True))


def catalogues_with_flags() -> QuerySet[Catalogue]:
    """The same with `flagged`, the number of items kept out by active flags."""
    flags = Flag.objects.filter(item__catalogue=OuterRef("pk"), item__removed=False, state=FlagState.ACTIVE)
    distinct = flags.order_by().values("item__catalogue").annotate(n=Count("item", distinct=True)).values("n")
    return catalogues_with_counts().annotate(flagged=Coalesce(Subquery(distinct, output_field=IntegerField()), 0))


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


def category_counts(catalogue: Catalogue) -> list[CategoryCount]:
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


def with_labels(items: QuerySet[Item], labels: Mapping[str, Collection[str]]) -> QuerySet[Item]:
    """Those of the items that have, of every field, one of its values; what is no column is an attribute."""
    for field, values in labels.items():
        if field in COLUMNS:
            items = items.filter(**{f"{field}__in": list(values)})
        else:
            fits = Q()
            for value in values:
                fits |= Q(attributes__contains={field.removeprefix("attribute:"): value})
            items = items.filter(fits)
    return items


def label_choices(catalogue: Catalogue) -> dict[str, list[str]]:
    """The columns of labels that the catalogue uses, each with its most frequent values, for people to choose from."""
    choices: dict[str, list[str]] = {}
    rows = Item.objects.filter(catalogue=catalogue, removed=False)
    for field in ("category", "domain", "split"):
        counted = rows.exclude(**{field: ""}).values_list(field).annotate(n=Count("pk")).order_by("-n", field)
        if values := [value for value, _ in counted[:_CHOICES]]:
            choices[field] = values
    return choices


def unflagged(items: QuerySet[Item]) -> QuerySet[Item]:
    """Items without an active flag: what training data and decks may use."""
    return items.exclude(Exists(Flag.objects.filter(item=OuterRef("pk"), state=FlagState.ACTIVE)))


def active_flags(catalogue: Catalogue) -> QuerySet[Flag]:
    """The flags that keep items of the catalogue out, with their items, the newest first."""
    return flags_of(catalogue).filter(state=FlagState.ACTIVE)


def flags_of(catalogue: Catalogue) -> QuerySet[Flag]:
    """All flags of the catalogue, lifted ones and suspicions included, with their items, the newest first."""
    return Flag.objects.filter(item__catalogue=catalogue).select_related("item__picture", "item__cutout")


def shown_under(public_id: str) -> Picture | Cutout | None:
    """The picture, or the cutout of one, that has this name and may be on the air."""
    on_air = shown_pictures()
    picture = on_air.filter(public_id=public_id).first()
    return (
        picture
        or Cutout.objects.filter(public_id=public_id, picture__in=on_air.values("pk")).select_related("picture").first()
    )


def shown_of(items: Iterable[int], style: BoxStyle) -> dict[int, Picture | Cutout]:
    """What people see of each of these items where boxes are shown in this style. Two statements.

    SQL that deals decks says the same: `voting/services/sql/deck_cards.sql`.
    """
    rows = Item.objects.filter(pk__in=list(items)).select_related("picture", "cutout")
    shown_by_item: dict[int, Picture | Cutout] = {row.pk: row.shown for row in rows}
    if style == PLAIN:
        return shown_by_item
    boxed: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for row in rows:
        if row.box is not None:
            boxed[row.picture_id, *row.box].append(row.pk)
    pictures = {picture for picture, *_ in boxed}
    in_style = Cutout.objects.filter(picture__in=pictures, dimmed=style.dimmed, margin=style.margin)
    for cutout in in_style.select_related("picture"):
        shown_by_item |= dict.fromkeys(boxed.get((cutout.picture_id, *cutout.box), ()), cutout)
    return shown_by_item
