"""The link to a study's game in every form in which it is handed on: words, code, poster, frame, card in a chat."""

from __future__ import annotations

import io

import segno
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from evalapp.core.pages.links_to_send import link_for_others
from evalapp.studies.domain.question_texts import in_their_language
from evalapp.studies.models import Study
from evalapp.voting.pages.play import card_of


@require_safe
@staff_member_required
def invite_page(request: HttpRequest, slug: str) -> HttpResponse:
    """The link that people get, as words, as a card, as a QR code and as a frame for other pages."""
    study = get_object_or_404(Study, slug=slug)
    link = link_for_others(request, reverse("play", args=[slug]))
    return render(request, "voting/invite.html", {"study": study, "link": link, "card": card_of(request, study)})


@require_safe
@staff_member_required
def code_for_operators(request: HttpRequest, slug: str) -> HttpResponse:
    """The QR code of a study in whatever state."""
    return _render_code(request, get_object_or_404(Study, slug=slug))


@require_safe
def study_code(request: HttpRequest, slug: str) -> HttpResponse:
    """The QR code of an open study, for the wall and the poster."""
    return _render_code(request, _open_study(slug))


@require_safe
def poster_page(request: HttpRequest, slug: str) -> HttpResponse:
    """A page to print and hang up: the question, and the code that leads to it."""
    study = _open_study(slug)
    link = link_for_others(request, reverse("play", args=[slug]))
    context = {"study": study, "question": in_their_language(study.question), "link": link}
    return render(request, "voting/poster.html", context)


def _open_study(slug: str) -> Study:
    study = Study.objects.filter(slug=slug).first()
    if study is None or not study.is_open:
        raise Http404(f"There is no open study {slug}.")
    return study


def _render_code(request: HttpRequest, study: Study) -> HttpResponse:
    """The link as a QR code that prints at any size."""
    out = io.BytesIO()
    link = link_for_others(request, reverse("play", args=[study.slug])).address
    segno.make(link, error="m", micro=False).save(
        out, kind="svg", scale=8, border=4, dark="#1e1424", light="#ffffff", xmldecl=False, title=f"QR code: {link}"
    )
    return HttpResponse(out.getvalue(), content_type="image/svg+xml")
