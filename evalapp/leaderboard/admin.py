from __future__ import annotations

from django.contrib import admin

from evalapp.core.admin import ForReading
from evalapp.leaderboard.models import Appointment, Snapshot


@admin.register(Snapshot)
class SnapshotAdmin(ForReading):
    """The board as it was."""

    list_display = ("study", "made_at", "votes", "declared", "method_version")
    list_select_related = ("study",)


@admin.register(Appointment)
class AppointmentAdmin(ForReading):
    """Snapshots that were promised beforehand."""

    list_display = ("study", "due_at", "declared_at", "snapshot")
    list_select_related = ("study", "snapshot")
