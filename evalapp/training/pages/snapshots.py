"""What runs learnt from: listed, packed to take away, learnt from again."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from evalapp.core.domain.errors import NotFound, Problem
from evalapp.core.queries import newest_jobs
from evalapp.core.tasks import nudge
from evalapp.training.models import TrainingRun
from evalapp.training.pipeline.datasets.label_snapshots import kept_snapshots
from evalapp.training.queries import training_runs
from evalapp.training.services.checkpoints import packed_snapshot, request_snapshot

_SHOWN = 100


@require_safe
@staff_member_required
def snapshots_page(request: HttpRequest) -> HttpResponse:
    """All that are kept, with the runs that learnt from them."""
    lines = kept_snapshots()
    runs = training_runs.training_runs().in_bulk([line.run for line in lines if line.run])
    packing = newest_jobs("snapshot", [run.target for run in runs.values()])
    rows = []
    for line in lines[:_SHOWN]:
        run = runs.get(line.run or 0)
        is_packed = run is not None and packed_snapshot(run).is_file()
        rows.append(
            {"line": line, "run": run, "packing": packing.get(run.target) if run else None, "is_packed": is_packed}
        )
    return render(request, "training/snapshots.html", {"rows": rows, "more": max(0, len(lines) - _SHOWN)})


@require_POST
@staff_member_required
def pack_snapshot(request: HttpRequest, run_id: int) -> HttpResponse:
    """Have a worker pack what the run learnt from."""
    try:
        nudge(request_snapshot(_run_or_404(run_id)))
    except Problem as problem:
        messages.error(request, problem.message)
    return redirect("lab-training-snapshots")


@require_safe
@staff_member_required
def send_snapshot(_request: HttpRequest, run_id: int) -> HttpResponseBase:
    """The packed snapshot."""
    path = packed_snapshot(_run_or_404(run_id))
    if not path.is_file():
        raise Http404("It is not packed.")
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name, content_type="application/zip")


def _run_or_404(run_id: int) -> TrainingRun:
    try:
        return training_runs.run_by_id(run_id)
    except NotFound as problem:
        raise Http404(problem.message) from problem
