"""Runs side by side: scores, the settings in which they differ, costs, and the best that keeps to a budget."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from evalapp.core.domain.errors import Problem
from evalapp.core.queries import newest_jobs
from evalapp.core.tasks import nudge
from evalapp.training.domain.worth_and_cost import Budget, drawing_of
from evalapp.training.queries.side_by_side import ids_in, side_by_side
from evalapp.training.services.comparisons import request_costs


@require_safe
@staff_member_required
def compare_page(request: HttpRequest) -> HttpResponse:
    """Runs side by side, `?runs=1,2`, the best first; `budget_mb` and `budget_ms` name the best that keeps to them."""
    ids = ids_in(request.GET.get("runs", ""))
    compared = side_by_side(ids)
    megabytes, milliseconds = (_parse_limit(request.GET.get(name, "")) for name in ("budget_mb", "budget_ms"))
    budget = Budget(megabytes, milliseconds)
    weighing = newest_jobs("costs", [line.run.target for line in compared.lines]).values()
    context = {
        "found": compared,
        "ids": ",".join(str(number) for number in ids),
        "drawing": drawing_of(compared.costs, compared.floors, budget)
        if any(cost.ms for cost in compared.costs)
        else None,
        "best": compared.best_within(budget),
        "budget_mb": megabytes,
        "budget_ms": milliseconds,
        "is_weighing": any(job.can_cancel for job in weighing),
        "faults": [job.error for job in weighing if job.error],
        "done": all(line.head for line in compared.lines),
    }
    return render(request, "training/compare.html", context)


@require_POST
@staff_member_required
def weigh_encoders(request: HttpRequest) -> HttpResponse:
    """Have a worker measure what the encoders cost."""
    ids = ids_in(request.POST.get("runs", ""))
    try:
        for job in request_costs([line.run for line in side_by_side(ids).lines]):
            nudge(job)
    except Problem as problem:
        messages.error(request, problem.message)
    return redirect(f"{reverse('lab-training-compare')}?runs={','.join(str(number) for number in ids)}")


def _parse_limit(text: str) -> float | None:
    """A limit above 0; None for anything else."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 < number < 1e9 else None
