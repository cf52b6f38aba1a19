"""The winner put to work from a study's page."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from evalapp.core.domain.errors import Problem
from evalapp.core.tasks import nudge
from evalapp.search.services.adoption import adopt_contender
from evalapp.studies.queries.study_reads import contender_named, study_by_slug


@require_POST
@staff_member_required
def adopt_winner(request: HttpRequest, slug: str) -> HttpResponse:
    """To the page of the index, where a worker builds it."""
    try:
        index, job = adopt_contender(contender_named(study_by_slug(slug), request.POST.get("contender", "")))
    except Problem as problem:
        messages.error(request, problem.message)
        return redirect("lab-study", slug)
    nudge(job)
    return redirect("lab-search-index", index.slug)
