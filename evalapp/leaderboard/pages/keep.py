"""Keeping the board as it is now, from the lab."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from evalapp.leaderboard.pages.board_access import reading_for
from evalapp.leaderboard.services import take_snapshot


@require_POST
@staff_member_required
def keep_snapshot(request: HttpRequest, slug: str) -> HttpResponse:
    """One snapshot more."""
    snapshot = take_snapshot(reading_for(request, slug).study)
    messages.success(request, f"The board after {snapshot.votes:,} votes is kept.")
    return redirect("board-snapshot", slug, snapshot.pk)
