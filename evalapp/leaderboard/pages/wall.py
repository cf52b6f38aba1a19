"""The screen for a room: a code to scan, the number of answers, and the result once it is there."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from evalapp.core.pages.links_to_send import link_for_others
from evalapp.leaderboard.domain.publication_steps import FEWEST_VOTES
from evalapp.leaderboard.pages.board import keep_private, rivals_of
from evalapp.leaderboard.pages.board_access import reading_for
from evalapp.leaderboard.pages.board_view import Reading
from evalapp.studies.domain.question_texts import in_their_language


@require_safe
def show_wall(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Those who look at it vote: also for an operator it shows what was published, and nothing else."""
    reading = Reading(reading_for(request, slug).study)
    tag = f'"{reading.version()}-wall"'
    context = {
        "reading": reading,
        "study": reading.study,
        "question": in_their_language(reading.study.question),
        "board": reading.board,
        "rivals": rivals_of(reading),
        "link": link_for_others(request, reverse("play", args=[slug])),
        "first_step": FEWEST_VOTES,
        "tag": tag,
    }
    return keep_private(
        get_conditional_response(request, etag=tag) or render(request, "leaderboard/wall.html", context), tag
    )
