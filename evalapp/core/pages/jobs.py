"""The operators' pages of jobs."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from evalapp.core import queries, tasks
from evalapp.core.domain.errors import NotFound, Problem
from evalapp.core.domain.values.whole_numbers import MOST_STORED, whole_number
from evalapp.core.models import Job
from evalapp.core.pages.links_to_send import way_back
from evalapp.core.services import jobs as services

_FAULTS_SHOWN = 500
_JOBS_SHOWN = 50


@require_safe
@staff_member_required
def list_jobs(request: HttpRequest) -> HttpResponse:
    """The newest jobs, and with `?before=ID` those before a job; workers with what they are at.

    The page asks for itself again and again and puts what changed into its place.
    """
    before = request.GET.get("before", "")
    lines = queries.recent_jobs(_JOBS_SHOWN, whole_number(before, 1, MOST_STORED))
    older = lines[-1].id if len(lines) == _JOBS_SHOWN else 0
    return render(request, "core/jobs.html", {"jobs": lines, "older": older, "workers": queries.worker_lines()})


@require_safe
@staff_member_required
def show_job(request: HttpRequest, job_id: int) -> HttpResponse:
    """A job: its stages with their chunks by state, and what was left out and why."""
    try:
        line = queries.job_line(job_id)
    except NotFound as problem:
        raise Http404(problem.message) from problem
    faults = queries.faults_of(job_id, _FAULTS_SHOWN + 1)
    context = {
        "job": line,
        "stages": queries.stages_of(job_id),
        "faults": faults[:_FAULTS_SHOWN],
        "has_more_faults": len(faults) > _FAULTS_SHOWN,
        "told": _FAULTS_SHOWN,
    }
    return render(request, "core/job.html", context)


@require_POST
@staff_member_required
def cancel_job(request: HttpRequest, job_id: int) -> HttpResponse:
    """Stop a job, and back to where the button was."""
    return _change_job(request, job_id, services.cancel_job, f"Job {job_id} is cancelled.")


@require_POST
@staff_member_required
def resume_job(request: HttpRequest, job_id: int) -> HttpResponse:
    """Try again what failed or was cancelled, and back to where the button was."""

    def resume_and_call(ended: Job) -> None:
        services.resume_job(ended)
        tasks.call_workers(ended)

    return _change_job(request, job_id, resume_and_call, f"Job {job_id} goes on.")


def _change_job(request: HttpRequest, job_id: int, change: Callable[[Job], None], done_text: str) -> HttpResponse:
    try:
        change(queries.job_by_id(job_id))
    except NotFound as problem:
        raise Http404(problem.message) from problem
    except Problem as problem:
        messages.error(request, problem.message)
    else:
        messages.success(request, done_text)
    back = way_back(request)
    return redirect(back) if back else redirect("job", job_id)
