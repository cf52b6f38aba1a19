"""Votes of a simulated crowd, asked for in the lab: to see a study and its board at work before people do."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from evalapp.core.domain.errors import InvalidInput, NotFound, Problem
from evalapp.core.domain.values.whole_numbers import whole_number
from evalapp.studies.queries.study_reads import study_by_slug
from evalapp.voting.domain.simulated_tastes import parse_taste
from evalapp.voting.pipeline.simulation import MOST_AT_ONCE, simulate_votes


@require_POST
@staff_member_required
def simulate_crowd(request: HttpRequest, slug: str) -> HttpResponse:
    """Let a simulated crowd cast some votes, which are marked for ever."""
    try:
        study = study_by_slug(slug)
        votes = whole_number(request.POST.get("votes", ""), 1, MOST_AT_ONCE)
        voters = whole_number(request.POST.get("voters", ""), 1, MOST_AT_ONCE)
        if votes is None or voters is None:
            raise InvalidInput(f"Between 1 and {MOST_AT_ONCE:,} votes at once; simulate_votes takes more.")
        taste = parse_taste(request.POST.get("taste") or "category")
        cast = simulate_votes(study, votes=votes, voters=voters, taste=taste, seed=0)
    except NotFound as problem:
        raise Http404(problem.message) from problem
    except Problem as problem:
        messages.error(request, problem.message)
    else:
        messages.success(request, f"{cast:,} made-up votes are cast, and marked as such for ever.")
    return redirect("lab-study", slug)
