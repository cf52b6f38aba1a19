"""Voters, exposures and votes, for reading: they are evidence."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from evalapp.voting.models import Exposure, Vote, Voter


class ReadOnly:
    """Nothing can be added, changed or removed by hand."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Voter)
class VoterAdmin(ReadOnly, admin.ModelAdmin[Voter]):
    list_display = ("id", "created_at")
    ordering = ("-created_at",)


@admin.register(Exposure)
class ExposureAdmin(ReadOnly, admin.ModelAdmin[Exposure]):
    list_display = ("id", "study", "pair", "voter", "kind", "propensity", "served_at", "answered_at")
    list_select_related = ("study", "pair", "voter")
    list_filter = ("study", "kind")
    ordering = ("-pk",)


@admin.register(Vote)
class VoteAdmin(ReadOnly, admin.ModelAdmin[Vote]):
    list_display = ("id", "study", "pair", "voter", "verdict", "counted", "void_reason", "simulated", "voted_at")
    list_select_related = ("study", "pair", "voter")
    list_filter = ("study", "verdict", "counted", "simulated")
    ordering = ("-pk",)
