"""Photos tagged by people: which product is in which box. What is confirmed is an item of the catalogue as well."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from evalapp.catalog.domain.importers.bounding_boxes import clamp_box
from evalapp.catalog.domain.originals import Original
from evalapp.catalog.models import LONGEST, Catalogue, Item, Picture
from evalapp.catalog.services.items import ItemDraft, remove_items, upsert_items
from evalapp.core.domain.errors import Conflict, InvalidInput, NotFound
from evalapp.core.services.deeds import recorded
from evalapp.search.models import PhotoTag, SearchIndex, TagDecision, TaggedPhoto
from evalapp.search.services.kept_photos import remove_files, store_pixels

USUAL_DOMAIN = "street"
DECISIONS = ("confirm", "reject", "undo")
_LONGEST_NAME = 400

Corners = tuple[int, int, int, int]


@recorded("brought a photo", "catalogue {catalogue}", "{result.name}")
def bring_photo(catalogue: Catalogue, data: bytes, *, domain: str = USUAL_DOMAIN, who: str = "") -> TaggedPhoto:
    """The photo, ready to be tagged; its pixels are stored, nothing else of the file. Brought again it is the same one.

    Raises NotAPicture, and InvalidInput for a domain that no item could have.
    """
    original = store_pixels(data)
    facts = {"width": original.width, "height": original.height, "size": original.size, "file": original.file}
    with transaction.atomic():
        picture, _ = Picture.objects.get_or_create(sha256=original.sha256, defaults=facts)
        return _photo_named(catalogue, picture, f"photo-{original.sha256[:20]}", domain, who)


@recorded("took a photo to tag", "catalogue {catalogue}", "{key}")
def take_photo(catalogue: Catalogue, key: str, *, domain: str = "", who: str = "") -> TaggedPhoto:
    """The picture of an item that the catalogue has, ready to be tagged; of the item's own domain if none is named.

    Raises NotFound, and InvalidInput for a domain that no item could have.
    """
    rows = Item.objects.select_related("picture").filter(catalogue=catalogue, removed=False)
    item = None if "\x00" in key else rows.filter(key=key).first()
    if item is None:
        raise NotFound(f"{catalogue} has no item {key!r}.")
    return _photo_named(catalogue, item.picture, key[:_LONGEST_NAME], domain or item.domain or USUAL_DOMAIN, who)


@recorded("tagged", "photo {photo}", "{decision} {product}")
def decide_tag(
    photo: TaggedPhoto,
    box: Corners | None,
    product: str,
    decision: str,
    *,
    who: str = "",
    index: SearchIndex | None = None,
    rank: int | None = None,
    confidence: float | None = None,
) -> PhotoTag | None:
    """Say that the box (the whole photo if None) shows the product, or that it does not; None for `undo`, which takes
    either back.

    What is confirmed becomes an item of the catalogue, of the photo's domain, with box and product; it leaves again
    with what is said. Raises InvalidInput for a box outside the photo or an unknown decision, NotFound for a product
    that the catalogue has not, Conflict where the box shows another product already.
    """
    if decision not in DECISIONS:
        raise InvalidInput(f"{decision!r} is no decision; say one of {', '.join(DECISIONS)}.")
    if not product or "\x00" in product:
        raise NotFound(f"{photo.catalogue} has no item of the product {product!r}.")
    with transaction.atomic():
        locked = TaggedPhoto.objects.select_for_update(of=("self",)).select_related("catalogue", "picture")
        locked_photo = locked.get(pk=photo.pk)
        corners = _box_inside(locked_photo, box)
        box_fields = dict(zip(("x1", "y1", "x2", "y2"), corners, strict=True))
        standing = locked_photo.tags.filter(**box_fields, product=product).select_related("item").first()
        new_decision = TagDecision.CONFIRMED if decision == "confirm" else TagDecision.REJECTED
        if decision != "undo" and standing is not None and standing.decision == new_decision:
            return standing
        if standing is not None:
            _take_back(standing)
        if decision == "undo":
            return None
        category = _category_of(locked_photo.catalogue, product)
        item = _as_item(locked_photo, corners, product, category) if decision == "confirm" else None
        return PhotoTag.objects.create(
            photo=locked_photo, **box_fields, product=product, category=category, decision=new_decision, index=index,
            rank=rank, confidence=confidence, item=item, decided_by=who, decided_at=timezone.now(),
        )  # fmt: skip


@recorded("forgot", "photo {photo}")
def forget_photo(photo: TaggedPhoto) -> None:
    """The photo and all that was said of it, items included; its file, too, where nothing else shows it."""
    picture = photo.picture
    with transaction.atomic():
        for tag in photo.tags.select_related("item", "photo__catalogue"):
            _take_back(tag)
        photo.delete()
        is_shown = Item.objects.filter(picture=picture).exists() or TaggedPhoto.objects.filter(picture=picture).exists()
        if is_shown:
            return
        picture.delete()
    remove_files(picture)


def _photo_named(catalogue: Catalogue, picture: Picture, name: str, domain: str, who: str) -> TaggedPhoto:
    if picture.withdrawn_at is not None:
        raise Conflict("This picture was withdrawn for good.")
    if not domain or len(domain) > LONGEST["domain"] or "\x00" in domain:
        raise InvalidInput(f"Name the domain of these photos in up to {LONGEST['domain']} characters.")
    photo, is_new = TaggedPhoto.objects.get_or_create(
        catalogue=catalogue, name=name, defaults={"picture": picture, "domain": domain, "put_by": who}
    )
    if not is_new and photo.picture_id != picture.pk:
        raise Conflict(f"The picture of {name} has changed since it was tagged; forget that photo first.")
    return photo


def _box_inside(photo: TaggedPhoto, box: Corners | None) -> Corners:
    if box is None:
        return photo.whole_box
    try:
        return clamp_box(box, photo.picture.width, photo.picture.height)
    except ValueError as error:
        raise InvalidInput(str(error), fields={"box": [str(error)]}) from error


def _category_of(catalogue: Catalogue, product: str) -> str:
    items = Item.objects.filter(catalogue=catalogue, product=product, removed=False).order_by("pk")
    first = items.first()
    if first is None:
        raise NotFound(f"{catalogue} has no item of the product {product!r}.")
    return first.category


def _as_item(photo: TaggedPhoto, corners: Corners, product: str, category: str) -> Item:
    box_fields = dict(zip(("x1", "y1", "x2", "y2"), corners, strict=True))
    other = photo.tags.filter(**box_fields, decision=TagDecision.CONFIRMED).first()
    if other is not None:
        raise Conflict(f"This box shows {other.product} already; take that back first.")
    key = f"{photo.name}#{','.join(str(corner) for corner in corners)}"
    picture = photo.picture
    draft = ItemDraft(
        key=key,
        path=key,
        picture=Original(picture.sha256, picture.width, picture.height, picture.size),
        category=category,
        product=product,
        domain=photo.domain,
        box=None if corners == photo.whole_box else corners,
    )
    upsert_items(photo.catalogue.slug, [draft])
    return Item.objects.get(catalogue=photo.catalogue, key=key, removed=False)


def _take_back(tag: PhotoTag) -> None:
    if tag.item is not None and not tag.item.removed:
        remove_items(tag.photo.catalogue.slug, [tag.item.key])
    tag.delete()
