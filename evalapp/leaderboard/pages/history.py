"""The board as it was: all snapshots, each of them, and those promised for moments to come."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from evalapp.core.domain.errors import Problem
from evalapp.core.domain.values.localised_numbers import moment
from evalapp.leaderboard.domain.results import share_of_votes
from evalapp.leaderboard.models import Appointment, PublishedBoard, Snapshot
from evalapp.leaderboard.pages.board_access import file_of, reading_for
from evalapp.leaderboard.pages.board_view import Reading
from evalapp.leaderboard.queries import published_boards
from evalapp.leaderboard.services import declare_snapshot

_PER_PAGE = 50


class DeclareForm(forms.Form):
    """The moment of a snapshot that is promised beforehand, in UTC."""

    due_at = forms.DateTimeField(
        label=_("Moment (UTC)"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


@require_safe
def show_history(request: HttpRequest, slug: str) -> HttpResponse:
    """The snapshots, the newest first."""
    reading = reading_for(request, slug)
    snapshots = _visible_snapshots(reading).order_by("-pk")
    context = {
        "study": reading.study,
        "is_operator": reading.operator,
        "page": Paginator(snapshots, _PER_PAGE).get_page(request.GET.get("page")),
        "appointments": Appointment.objects.filter(study=reading.study, snapshot=None),
        "form": DeclareForm(),
    }
    return render(request, "leaderboard/history.html", context)


@require_safe
def show_snapshot(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The board as one snapshot kept it; `?format=json` gives the document."""
    reading = reading_for(request, slug)
    row = _visible_snapshots(reading).filter(pk=number).first()
    if row is None:
        raise Http404(f"There is no snapshot {number}.")
    if request.GET.get("format") == "json":
        text = json.dumps(row.document, indent=2, ensure_ascii=False)
        return file_of(text, "application/json", f"{slug}-snapshot-{number}.json")
    fixed = {line["contender"]: line for line in row.document.get("fixed_time", [])}
    lines = [{**line, "fixed": fixed.get(line["contender"])} for line in row.document["standings"]]
    context = {
        "study": reading.study,
        "snapshot": row,
        "document": row.document,
        "lines": lines,
        "fixed": bool(fixed),
        "board": _rehearsal_in(row.document),
    }
    return render(request, "leaderboard/snapshot.html", context)


def _rehearsal_in(document: dict[str, Any]) -> dict[str, Any]:
    """How much of a kept board was made up."""
    simulated, votes = document.get("simulated", 0), document["votes"]
    return {"is_rehearsal": simulated > 0, "simulated_share": share_of_votes(simulated, votes)}


def _visible_snapshots(reading: Reading) -> QuerySet[Snapshot] | QuerySet[PublishedBoard]:
    """Snapshots follow the votes closely; while people vote, only operators see them."""
    if reading.is_live:
        return Snapshot.objects.filter(study=reading.study)
    return published_boards(reading.study)


@require_POST
@staff_member_required
def declare_moment(request: HttpRequest, slug: str) -> HttpResponse:
    """Promise a snapshot for a moment to come."""
    reading = reading_for(request, slug)
    form = DeclareForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("That is no moment; write it as 2031-05-17T12:00, in UTC."))
        return redirect("board-history", slug)
    try:
        promised = declare_snapshot(reading.study, form.cleaned_data["due_at"])
    except Problem as problem:
        messages.error(request, problem.message)
    else:
        messages.success(request, _("A snapshot is declared for {moment} UTC.").format(moment=moment(promised.due_at)))
    return redirect("board-history", slug)
