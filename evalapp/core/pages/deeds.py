"""The operators' page of who did what."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from evalapp.core import queries
from evalapp.core.domain.values.whole_numbers import MOST_STORED, whole_number
from evalapp.core.queries import DeedFilter

_SHOWN = 100


@require_safe
@staff_member_required
def show_deeds(request: HttpRequest) -> HttpResponse:
    """The newest deeds, `?who=`, `?what=` and `?about=` of them, and with `?before=ID` those before a deed."""
    filters = {name: request.GET.get(name, "").strip() for name in ("who", "what", "about")}
    lines = queries.recent_deeds(
        DeedFilter(**filters), _SHOWN, whole_number(request.GET.get("before", ""), 1, MOST_STORED)
    )
    people, words = queries.deed_words()
    older = urlencode({**filters, "before": lines[-1].pk}) if len(lines) == _SHOWN else ""
    context = {"deeds": lines, "asked": filters, "people": people, "words": words, "older": older}
    return render(request, "core/deeds.html", context)
