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
        own = Item.objects.filter(catalogue=catalogue, key__in=keys).values("picture")
        pictures = Picture.objects.filter(Q(pk__in=own) | Q(made_from__in=own), withdrawn_at=None)
        found = list(pictures.select_for_update().order_by("pk"))
        shown = Item.objects.filter(picture__in=found).order_by("catalogue", "key").distinct()
        by_catalogue: dict[str, list[str]] = {}
        for name, key in shown.values_list("catalogue__slug", "key"):
            by_catalogue.setdefault(name, []).append(key)
        for name, its_keys in by_catalogue.items():
            remove_items(name, its_keys)
        Picture.objects.filter(pk__in=[one.pk for one in found]).update(withdrawn_at=timezone.now())
        transaction.on_commit(lambda: _delete_files(found))
    return len([one for one in found if one.made_from_id is None])


def _delete_files(pictures: list[Picture]) -> None:
    shown = [picture.public_id for picture in pictures]
    # Cut out for a box it is still the picture, under names of its own.
    shown += Cutout.objects.filter(picture__in=pictures).values_list("public_id", flat=True)
    renditions = [rendition_name(name, kind, scale) for name in shown for kind in KINDS for scale in SCALES]
    for file in (*(picture.file for picture in pictures), *renditions):
        default_storage.delete(file)
