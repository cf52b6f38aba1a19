"""The front door, and the operators' overview."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from evalapp.core.domain.attention import waiting_matters
from evalapp.studies.domain.question_texts import in_their_language
from evalapp.studies.models import Study
from evalapp.studies.queries import study_reads


@require_safe
def home_page(request: HttpRequest) -> HttpResponse:
    """The open studies."""
    studies = [_study_line(study, study_reads.votes_told(study)) for study in study_reads.open_studies()]
    return render(request, "home.html", {"studies": studies, "is_operator": request.user.is_staff})


@require_safe
@staff_member_required
def lab_page(request: HttpRequest) -> HttpResponse:
    """What waits for the operator, and all studies, the newest first; `?archived` shows those that were put away."""
    archived = "archived" in request.GET
    rows = study_reads.studies_with_progress().filter(archived_at__isnull=not archived)
    context = {
        "studies": [_study_line(study, study_reads.votes_of(study)) for study in rows],
        "archived": archived,
        "away": Study.objects.filter(archived_at__isnull=False).count(),
        "matters": [] if archived else list(waiting_matters()),
    }
    return render(request, "studies/lab.html", context)


def _study_line(study: Study, votes: int) -> dict[str, Any]:
    return {
        "slug": study.slug,
        "of_index": getattr(study, "index_slug", None),
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
