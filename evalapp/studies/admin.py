from django.contrib import admin
from django.http import HttpRequest

from evalapp.catalog.admin import FlagsForOperators
from evalapp.studies.models import Contender, PairFlag, Study


@admin.register(Study)
class StudyAdmin(admin.ModelAdmin[Study]):
    """Words and visibility may be changed; what was measured may not."""

    list_display = ("slug", "title", "catalogue", "state", "board", "created_at")
    list_filter = ("state", "board")
    list_select_related = ("catalogue",)
    readonly_fields = (
        "slug",
        "state",
        "catalogue",
        "catalogue_version",
        "seed",
        "top_k",
        "exclude",
        "mode",
        "random_sides",
    )
    fields = ("title", "question", "board", "gold_share", "repeat_share", "embed_hosts", "examples", *readonly_fields)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Contender)
class ContenderAdmin(admin.ModelAdmin[Contender]):
    """For reading: a contender is never retracted."""

    list_display = ("name", "study", "metric", "created_at")
    list_select_related = ("study",)
    readonly_fields = ("study", "name", "embedding", "metric", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Contender | None = None) -> bool:
        return False


@admin.register(PairFlag)
class PairFlagAdmin(FlagsForOperators):
    """What keeps pairs out of decks and training data; voters' reports are among them."""

    list_display = ("pair", "reason", "note", "source", "reports", "state", "created_at")
    list_select_related = ("pair",)
    raw_id_fields = ("pair",)
    fields = ("pair", "reason", "note", "state")
