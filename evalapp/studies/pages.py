"""The front door, and the operators' overview."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from evalapp.studies import queries
from evalapp.studies.models import Study
from evalapp.studies.words import in_their_language


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The open studies."""
    studies = [_line(study) for study in queries.open_studies()]
    return render(request, "home.html", {"studies": studies, "is_operator": request.user.is_staff})


@require_safe
@staff_member_required
def lab(request: HttpRequest) -> HttpResponse:
    """All studies, the newest first."""
    return render(request, "studies/lab.html", {"studies": [_line(study) for study in queries.studies_with_progress()]})


def _line(study: Study) -> dict[str, Any]:
    votes = int(getattr(study, "dopes", 0) + getattr(study, "nopes", 0))
    return {
        "slug": study.slug,
        "title": study.title,
        "question": in_their_language(study.question),
        "state": study.state,
        "catalogue": study.catalogue.slug,
        "catalogue_moved_on": study.catalogue_moved_on,
        "board": study.board,
        "pairs": getattr(study, "pair_count", 0),
        "total": getattr(study, "pair_count", 0),
        "votes": votes,
        "answered": votes,
    }
