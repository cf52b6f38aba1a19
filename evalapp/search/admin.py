from __future__ import annotations

from django.contrib import admin

from evalapp.core.admin import ForReading
from evalapp.search.models import DuplicatePair, Generation, LiveTest, SearchIndex


@admin.register(SearchIndex)
class SearchIndexAdmin(ForReading):
    """What answers searches; made and built in the lab."""

    list_display = ("slug", "catalogue", "embedding", "engine", "is_public", "serving")
    list_select_related = ("catalogue", "embedding__model", "embedding__catalogue", "serving__index")


@admin.register(Generation)
class GenerationAdmin(ForReading):
    """Builds of indexes."""

    list_display = ("index", "number", "state", "engine", "rows", "recall", "created_at")
    list_select_related = ("index",)


@admin.register(LiveTest)
class LiveTestAdmin(ForReading):
    """Two indexes mixed into one list."""

    list_display = ("slug", "first", "second", "opened_at", "closed_at")
    list_select_related = ("first", "second")


@admin.register(DuplicatePair)
class DuplicatePairAdmin(ForReading):
    """Pairs of items that may be one thing twice."""

    list_display = ("catalogue", "first", "second", "level", "state", "decided_by")
    list_select_related = ("catalogue", "first", "second")
