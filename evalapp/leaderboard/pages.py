"""The board's page."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from evalapp.core.errors import NotFound
from evalapp.leaderboard.queries import board_for, is_operator
from evalapp.leaderboard.services import board_of


@never_cache
@require_GET
def leaderboard(request: HttpRequest, slug: str) -> HttpResponse:
    """The standings; where they are private, visitors are told that there is no such page."""
    try:
        study = board_for(request, slug)
    except NotFound as problem:
        raise Http404(problem.message) from problem
    shown = {"study": study, "board": board_of(study), "is_operator": is_operator(request)}
    return render(request, "leaderboard/board.html", shown)
