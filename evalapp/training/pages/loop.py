"""The operators' page of the loop: have votes learnt from, now or by itself, and the runs so far."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from evalapp.core.domain.errors import NotFound, Problem
from evalapp.core.models import Job
from evalapp.core.pages.form_jobs import refuse
from evalapp.core.tasks import nudge
from evalapp.training.models import Schedule
from evalapp.training.pages.forms import LearnForm
from evalapp.training.queries import training_runs
from evalapp.training.services import schedules

_RUNS_SHOWN = 100


@require_http_methods(["GET", "HEAD", "POST"])
@staff_member_required
def loop_page(request: HttpRequest) -> HttpResponse:
    """The form, the schedules and the newest runs; what was typed stays where something is off."""
    form = LearnForm(request.POST or None, initial={"study": request.GET.get("study")})
    if request.method == "POST" and form.is_valid():
        try:
            started = form.begin()
        except Problem as problem:
            refuse(form, problem)
        else:
            if isinstance(started, Job):
                nudge(started)
            message = f"{started} is learnt {started.how_often}" if isinstance(started, Schedule) else "A worker learns"
            messages.success(request, f"{message}, as long as serve (or a beat and a worker) runs.")
            return redirect("lab-training")
    context = {
        "form": form,
        "schedules": training_runs.schedule_lines(),
        "runs": training_runs.training_runs()[:_RUNS_SHOWN],
    }
    return render(request, "training/runs.html", context, status=400 if form.errors else 200)


@require_POST
@staff_member_required
def pause_turns(request: HttpRequest, schedule_id: int) -> HttpResponse:
    """No turn begins by itself any more."""
    return _change_schedule(request, schedule_id, schedules.pause_schedule, "begins no more turns by itself")


@require_POST
@staff_member_required
def resume_turns(request: HttpRequest, schedule_id: int) -> HttpResponse:
    """Turns begin by themselves again."""
    return _change_schedule(request, schedule_id, schedules.resume_schedule, "goes on")


def _change_schedule(
    request: HttpRequest, schedule_id: int, change: Callable[[Schedule], None], done: str
) -> HttpResponse:
    try:
        schedule = training_runs.schedule_by_id(schedule_id).schedule
    except NotFound as problem:
        raise Http404(problem.message) from problem
    change(schedule)
    messages.success(request, f"{schedule} {done}.")
    return redirect("lab-training")
