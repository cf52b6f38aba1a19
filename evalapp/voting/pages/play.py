"""The page on which people swipe, and the one that says what is stored of them."""

from __future__ import annotations

from secrets import token_hex
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from evalapp.catalog.queries import shown_of
from evalapp.catalog.services.renditions import picture_url
from evalapp.studies.domain.question_texts import in_their_language
from evalapp.studies.models import BoardVisibility, Study, StudyState
from evalapp.voting.pages.framing import let_be_framed
from evalapp.voting.pages.play_texts import play_words
from evalapp.voting.queries.blind_payload import answers_as_shown, examples_as_shown
from evalapp.voting.queries.deck_reads import question_examples, rounds_answered
from evalapp.voting.queries.my_votes import rebellion_of, yours_of
from evalapp.voting.queries.voter_identity import forget_cookie, known_voter, remember_voter, voter_for_request
from evalapp.voting.services.undo import MOST_UNDONE
from evalapp.voting.services.voters import forget_voter


@never_cache
@require_GET
def play_page(request: HttpRequest, slug: str) -> HttpResponse:
    """The open study; a word of thanks once it is closed. What was not opened yet does not exist for visitors."""
    study = Study.objects.filter(slug=slug, state__in=[StudyState.OPEN, StudyState.CLOSED]).first()
    if study is None:
        raise Http404(f"There is no study {slug}.")
    context: dict[str, Any] = {
        "study": {
            "slug": study.slug,
            "title": study.title,
            "question": in_their_language(study.question),
            "mode": study.mode,
        },
        "board_url": None if study.board == BoardVisibility.PRIVATE else reverse("leaderboard", args=[slug]),
    }
    if not study.is_open:
        return render(request, "voting/closed.html", {**context, **_looking_back(request, study)})
    voter = voter_for_request(request)
    api = {
        "deck": reverse("api-deck", args=[slug]),
        "votes": reverse("api-votes"),
        "undo": reverse("api-undo"),
        "yours": reverse("api-yours", args=[slug]),
    }
    # A browser that shows a kept copy of this page knows by the stamp that its count is an old one.
    context |= {"answered": rounds_answered(study, voter), "stamp": token_hex(4), "api": api, "words": play_words()}
    context["most_undone"] = MOST_UNDONE
    context |= {"examples": examples_as_shown(question_examples(study))}
    # Inside another page the game stands alone: no way out into pages that may not be framed.
    context |= {"card": card_of(request, study), "embedded": request.headers.get("Sec-Fetch-Dest") == "iframe"}
    response = render(request, "voting/play.html", context)
    remember_voter(request, response, voter, is_framed=let_be_framed(request, response, study))
    return response


def _looking_back(request: HttpRequest, study: Study) -> dict[str, Any]:
    """What a voter may read once nobody votes any more: how much of the crowd they were, and where most alone."""
    voter = known_voter(request)
    rebellion = rebellion_of(study, voter)
    pair = answers_as_shown([(rebellion.card, rebellion.verdict)])[0] if rebellion else None
    return {"agreement": yours_of(study, voter).agreement, "alone": rebellion, "pair": pair}


def card_of(request: HttpRequest, study: Study) -> dict[str, str]:
    """What other sites show where the link is posted: words, and a picture that people are asked about."""
    query = study.queries.filter(slots__gt=0, item__removed=False).first()
    shown = shown_of([query.item_id], study.box_style)[query.item_id] if query else None
    picture = picture_url(shown.public_id, kind="jpg") if shown else static("img/icon-512.png")
    return {"url": request.build_absolute_uri(request.path), "image": request.build_absolute_uri(picture)}


@never_cache
@require_safe
def privacy_page(request: HttpRequest) -> HttpResponse:
    """What is stored of a voter, for how long, and how to be forgotten."""
    days = {"days": settings.ADDRESS_KEPT.days, "kept": settings.SEARCH_PHOTOS_KEPT.days}
    return render(request, "voting/privacy.html", days)


@require_POST
def forget_visitor(request: HttpRequest) -> HttpResponse:
    """Forget the visitor, and back to the page that says what is stored."""
    voter = known_voter(request)
    votes = forget_voter(voter) if voter else 0
    messages.success(
        request,
        ngettext(
            "You are forgotten. One answer stays as nobody’s.",
            "You are forgotten. %(votes)s answers stay as nobody’s.",
            votes,
        )
        % {"votes": votes}
        if votes
        else _("You are forgotten. There was no answer of yours."),
    )
    response = redirect("privacy")
    forget_cookie(response)
    # What the browser keeps for the game goes as well: the deck, answers that were not sent, pictures.
    response.headers["Clear-Site-Data"] = '"storage"'
    return response
