"""The operators' page on which votes and answers from elsewhere are brought into a study."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe

from evalapp.core.domain.csv_sheets import Sheet
from evalapp.core.domain.csv_uploads import MOST_BYTES, uploaded_sheet
from evalapp.core.domain.errors import Problem
from evalapp.studies.models import Study
from evalapp.studies.services.import_results import import_answers
from evalapp.voting.services.vote_import import COLUMNS, import_votes

_SHOWN = 200


@require_safe
@staff_member_required
def imports_page(request: HttpRequest, slug: str) -> HttpResponse:
    """The two forms."""
    return _render_page(request, get_object_or_404(Study, slug=slug))


@require_POST
@staff_member_required
def take_votes(request: HttpRequest, slug: str) -> HttpResponse:
    """Record the votes of the file; what could not be read is told by line."""
    study = get_object_or_404(Study, slug=slug)
    try:
        with uploaded_sheet(request.FILES.get("file")) as path:
            result = import_votes(study, Sheet(path, COLUMNS))
    except Problem as problem:
        return _render_page(request, study, error=problem.message)
    message = (
        f"{result.recorded:,} votes recorded, {result.already_recorded:,} there already, "
        f"{result.left_out:,} rows left out."
    )
    return _render_page(request, study, told=message, faults=result.faults[:_SHOWN])


@require_POST
@staff_member_required
def take_answers(request: HttpRequest, slug: str) -> HttpResponse:
    """A contender from the answers of the file."""
    study = get_object_or_404(Study, slug=slug)
    try:
        with uploaded_sheet(request.FILES.get("file")) as path:
            brought = import_answers(study, path, request.POST.get("name", "").strip())
    except Problem as problem:
        return _render_page(request, study, error=problem.message)
    message = (
        f"{brought.contender} answers {brought.queries:,} queries with {brought.answers:,} items; "
        f"{brought.left_out:,} rows left out. Compute the study next."
    )
    return _render_page(request, study, told=message, faults=brought.faults[:_SHOWN])


def _render_page(request: HttpRequest, study: Study, *, error: str = "", **outcome: Any) -> HttpResponse:
    context = {"study": study, "megabytes": MOST_BYTES >> 20, "error": error, "most": _SHOWN, **outcome}
    return render(request, "voting/imports.html", context, status=400 if error else 200)
