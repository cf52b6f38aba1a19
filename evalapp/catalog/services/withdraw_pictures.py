"""Taking pictures down for good: because of rights, or of somebody's face."""

from __future__ import annotations

from collections.abc import Collection

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from evalapp.catalog.models import Cutout, Item, Picture
from evalapp.catalog.queries import catalogue_named
from evalapp.catalog.services.items import remove_items
from evalapp.catalog.services.renditions import KINDS, SCALES, rendition_name
from evalapp.core.services.deeds import recorded


@recorded("withdrew pictures", "catalogue {slug}", "{result:,}: {keys}")
def withdraw_pictures(slug: str, keys: Collection[str]) -> int:
    """Take down every picture that these keys show or have shown; returns how many pictures that were.

    Their items leave every catalogue, the files and all copies made of them are deleted, and the same bytes are never
    taken in again. Votes and rows stay: they hold no picture. Raises NotFound for an unknown catalogue.
    """
    catalogue = catalogue_named(slug)
    with transaction.atomic():
        named_pictures = Item.objects.filter(catalogue=catalogue, key__in=keys).values("picture")
        pictures = Picture.objects.filter(Q(pk__in=named_pictures) | Q(made_from__in=named_pictures), withdrawn_at=None)
        withdrawn = list(pictures.select_for_update().order_by("pk"))
        items_shown = Item.objects.filter(picture__in=withdrawn).order_by("catalogue", "key").distinct()
        by_catalogue: dict[str, list[str]] = {}
        for name, key in items_shown.values_list("catalogue__slug", "key"):
            by_catalogue.setdefault(name, []).append(key)
        for name, its_keys in by_catalogue.items():
            remove_items(name, its_keys)
        Picture.objects.filter(pk__in=[one.pk for one in withdrawn]).update(withdrawn_at=timezone.now())
        transaction.on_commit(lambda: _delete_files(withdrawn))
    return len([one for one in withdrawn if one.made_from_id is None])


def _delete_files(pictures: list[Picture]) -> None:
    public_ids = [picture.public_id for picture in pictures]
    # Cut out for a box it is still the picture, under names of its own.
    public_ids += Cutout.objects.filter(picture__in=pictures).values_list("public_id", flat=True)
    renditions = [rendition_name(name, kind, scale) for name in public_ids for kind in KINDS for scale in SCALES]
    for file in (*(picture.file for picture in pictures), *renditions):
        default_storage.delete(file)
