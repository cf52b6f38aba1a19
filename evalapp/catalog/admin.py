from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from evalapp.catalog.models import Catalogue, Cutout, Flag, FlagState, Item, Picture
from evalapp.catalog.services.change_log import note_change_of
from evalapp.catalog.services.item_flags import settle_flags
from evalapp.catalog.services.renditions import picture_url
from evalapp.core.admin import ForReading


@admin.register(Catalogue)
class CatalogueAdmin(ForReading):
    """The name may be changed; items are changed by imports."""

    list_display = ("slug", "name", "version", "updated_at")
    fields = ("slug", "name", "version", "created_at", "updated_at")
    readonly_fields = ("slug", "version", "created_at", "updated_at")
    search_fields = ("slug", "name")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return admin.ModelAdmin.has_change_permission(self, request, obj)


@admin.register(Item)
class ItemAdmin(ForReading):
    """One picture with what is known about it."""

    list_display = ("thumbnail", "key", "catalogue", "category", "product", "domain", "split", "removed")
    list_display_links = ("key",)
    list_filter = ("catalogue", "removed")
    list_select_related = ("catalogue", "picture", "cutout")
    search_fields = ("key",)

    @admin.display(description="")
    def thumbnail(self, item: Item) -> SafeString:
        return _picture_thumbnail(item.shown)


@admin.register(Picture)
class PictureAdmin(ForReading):
    """Bytes, whichever items show them."""

    list_display = ("thumbnail", "sha256", "width", "height", "size")
    list_display_links = ("sha256",)
    search_fields = ("sha256__startswith", "public_id__exact")

    @admin.display(description="")
    def thumbnail(self, picture: Picture) -> SafeString:
        return _picture_thumbnail(picture)


class FlagsForOperators(admin.ModelAdmin[Any]):
    """Flags may be set, confirmed and lifted, never deleted."""

    actions = ("confirm", "lift")
    list_filter = ("state", "reason", "source")
    show_full_result_count = False

    @admin.action(description="Confirm: keep it out")
    def confirm(self, request: HttpRequest, flags: QuerySet[Any]) -> None:
        self.settle(flags, FlagState.ACTIVE)

    @admin.action(description="Lift: let it in again")
    def lift(self, request: HttpRequest, flags: QuerySet[Any]) -> None:
        self.settle(flags, FlagState.LIFTED)

    def settle(self, flags: QuerySet[Any], state: str) -> None:
        """Give all of these flags this state."""
        flags.update(state=state, settled_at=timezone.now())

    def save_model(self, request: HttpRequest, obj: Any, form: object, change: bool) -> None:
        obj.settled_at = timezone.now()
        obj.save()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Flag)
class FlagAdmin(FlagsForOperators):
    """What keeps items out of training data and decks."""

    list_display = ("item", "reason", "note", "source", "state", "created_at")
    list_select_related = ("item",)
    search_fields = ("item__key",)
    raw_id_fields = ("item",)
    fields = ("item", "reason", "note", "state")

    def settle(self, flags: QuerySet[Any], state: str) -> None:
        settle_flags(flags, state)

    def save_model(self, request: HttpRequest, obj: Any, form: object, change: bool) -> None:
        with transaction.atomic():
            before = Flag.objects.filter(pk=obj.pk).values_list("item", flat=True).first()
            super().save_model(request, obj, form, change)
            note_change_of({item for item in (before, obj.item_id) if item is not None})


def _picture_thumbnail(shown: Picture | Cutout) -> SafeString:
    return format_html('<img src="{}" alt="" height="48" loading="lazy">', picture_url(shown.public_id))
