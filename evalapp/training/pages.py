"""The operators' pages of training runs."""

from __future__ import annotations

from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from evalapp.core.errors import NotFound
from evalapp.training import queries

_RUNS_SHOWN = 100


@require_safe
@staff_member_required
def runs(request: HttpRequest) -> HttpResponse:
    """The newest runs."""
    return render(request, "training/runs.html", {"runs": queries.training_runs()[:_RUNS_SHOWN]})


@require_safe
@staff_member_required
def run(request: HttpRequest, run_id: int) -> HttpResponse:
    """One run: where it stands, what it was told, what came out."""
    try:
        found = queries.run_by_id(run_id)
    except NotFound as problem:
        raise Http404(problem.message) from problem
    return render(request, "training/run.html", {"run": found})
