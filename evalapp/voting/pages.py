"""The page on which people swipe."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from evalapp.studies.models import BoardVisibility, Study, StudyState
from evalapp.voting.queries import progress_of_voter
from evalapp.voting.visitors import remember_voter, voter_for_request
from evalapp.voting.words import in_their_language, play_words


@never_cache
@require_GET
def play(request: HttpRequest, slug: str) -> HttpResponse:
    """The open study; a word of thanks once it is closed. What was not opened yet does not exist for visitors."""
    study = Study.objects.filter(slug=slug, state__in=[StudyState.OPEN, StudyState.CLOSED]).first()
    if study is None:
        raise Http404(f"There is no study {slug}.")
    shown: dict[str, Any] = {
        "study": {
            "slug": study.slug,
            "title": study.title,
            "question": in_their_language(study.question),
            "mode": study.mode,
        },
        "board_url": None if study.board == BoardVisibility.PRIVATE else reverse("leaderboard", args=[slug]),
    }
    if not study.is_open:
        return render(request, "voting/closed.html", shown)
    voter = voter_for_request(request)
    progress = progress_of_voter(study, voter)
    api = {
        "deck": reverse("api-deck", args=[slug]),
        "votes": reverse("api-votes"),
        "undo": reverse("api-undo"),
        "yours": reverse("api-yours", args=[slug]),
    }
    shown |= {"answered": progress.answered, "total": progress.total, "api": api, "words": play_words()}
    response = render(request, "voting/play.html", shown)
    remember_voter(request, response, voter)
    return response
