"""Photos whose owners let us keep them: without anything but pixels, apart from every gallery, and only for a while."""

from __future__ import annotations

import hashlib
import io
import secrets

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from evalapp.catalog.domain.importers.bounding_boxes import Box, clamp_box
from evalapp.catalog.domain.originals import Original, store_original
from evalapp.catalog.models import Item, Picture
from evalapp.catalog.queries import withdrawn_hashes
from evalapp.catalog.services.items import ItemDraft, remove_items, upsert_items
from evalapp.catalog.services.renditions import KINDS, SCALES, rendition_name
from evalapp.core.services.deeds import unrecorded
from evalapp.search.domain.search_problems import NotAPicture
from evalapp.search.models import KeptPhoto, Lookup, SearchIndex
from evalapp.voting.models import Voter
from models_registry.pictures import BadPicture, open_rgb

DOMAIN = "ugc"
_QUALITY = 90


def kept_catalogue(index: SearchIndex) -> str:
    """The catalogue that kept photos are items of. No gallery is made of it."""
    return f"{index.catalogue.slug[:70]}-photos"


def keep_photo(index: SearchIndex, voter: Voter, data: bytes, box: tuple[int, int, int, int] | None) -> Item:
    """The photo as an item, written anew without a word of where and with what it was taken. Raises NotAPicture."""
    original = store_pixels(data)
    inside: Box | None = None if box is None else clamp_box(box, original.width, original.height)
    key = f"photo-{secrets.token_hex(8)}"
    slug = kept_catalogue(index)
    with transaction.atomic(), unrecorded():
        voter_row, _ = Voter.objects.get_or_create(pk=voter.pk, defaults={"address": voter.address})
        upsert_items(slug, [ItemDraft(key=key, path=key, picture=original, domain=DOMAIN, box=inside)])
        item = Item.objects.get(catalogue__slug=slug, key=key)
        KeptPhoto.objects.create(
            index=index, item=item, voter=voter_row, keep_until=timezone.now() + settings.SEARCH_PHOTOS_KEPT
        )
    return item


def store_pixels(data: bytes) -> Original:
    """The photo stored anew, its pixels alone. Raises NotAPicture."""
    try:
        image = open_rgb(data, max_pixels=settings.SEARCH_PHOTO_MEGAPIXELS * 1_000_000)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=_QUALITY)
        return store_original(out.getvalue(), withdrawn=withdrawn_hashes())
    except BadPicture as fault:
        raise NotAPicture(str(fault), fields={"photo": [str(fault)]}) from fault


def forget_photos(voter: Voter | None = None) -> int:
    """Remove photos whose time is over or whose owners were forgotten, or all of this voter; returns how many."""
    due = Q(keep_until__lt=timezone.now()) | Q(voter__forgotten_at__isnull=False)
    rows = KeptPhoto.objects.filter(due if voter is None else Q(voter=voter))
    photos = list(rows.select_related("item__picture", "item__catalogue"))
    for photo in photos:
        _forget_photo(photo)
    # What they said stays as nobody's, like their votes.
    Lookup.objects.filter(voter__forgotten_at__isnull=False).update(voter=None)
    return len(photos)


def _forget_photo(photo: KeptPhoto) -> None:
    """Bytes, hash and all that was made of them; the row of the item stays for the votes that speak of it."""
    picture = photo.item.picture
    with transaction.atomic(), unrecorded():
        remove_items(photo.item.catalogue.slug, [photo.item.key])
        photo.delete()
        if Item.objects.filter(picture=picture).exclude(pk=photo.item_id).exists():
            return
        nothing = hashlib.sha256(secrets.token_bytes(32)).hexdigest()
        Picture.objects.filter(pk=picture.pk).update(sha256=nothing, file="")
    remove_files(picture)


def remove_files(picture: Picture) -> None:
    """The file of a picture that nothing shows any more, and all that was made of it."""
    names = [rendition_name(picture.public_id, kind, scale) for kind in KINDS for scale in SCALES]
    for name in (picture.file, *names):
        if default_storage.exists(name):
            default_storage.delete(name)
