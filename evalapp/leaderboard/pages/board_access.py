"""What the board's pages share: who may look, and how long a browser may keep what it got."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control

from evalapp.core.domain.errors import NotFound
from evalapp.leaderboard.pages.board_view import Reading
from evalapp.leaderboard.queries import board_for, is_operator


def reading_for(request: HttpRequest, slug: str) -> Reading:
    """One look at the board; where it is private, visitors are told that there is no such page."""
    try:
        study = board_for(request, slug)
    except NotFound as problem:
        raise Http404(problem.message) from problem
    return Reading(study, operator=is_operator(request), score=request.GET.get("score", ""))


def file_of(text: str, kind: str, name: str) -> HttpResponse:
    """A file to keep, never cached on the way."""
    answer = HttpResponse(text, content_type=kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    patch_cache_control(answer, private=True, no_store=True)
    return answer
