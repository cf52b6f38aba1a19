"""Pairs in the lab: examples of every contender, what is flagged, and how much of the answers survives damage."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from evalapp.catalog.models import FlagReason
from evalapp.core.domain.errors import NotFound, Problem
from evalapp.core.domain.job_targets import target_of
from evalapp.core.queries import newest_job
from evalapp.core.services.jobs import request_job
from evalapp.core.tasks import nudge
from evalapp.studies.models import Robustness, Study
from evalapp.studies.queries import study_reads
from evalapp.studies.queries.examples import example_galleries
from evalapp.studies.services import pair_flags

_FLAGS_SHOWN = 60


@require_safe
@staff_member_required
def examples_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Query and match side by side, per contender: best, median, worst, `?by=distance` or `votes`."""
    study = study_or_404(slug)
    by = "votes" if request.GET.get("by") == "votes" else "distance"
    context = {
        "study": study,
        "by": by,
        "galleries": example_galleries(study, "votes" if by == "votes" else "distance"),
    }
    return render(request, "studies/examples.html", {**context, "reasons": FlagReason.values})


@require_safe
@staff_member_required
def flags_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Flagged and reported pairs, those that wait for an operator first; `?from=N` reads on."""
    study = study_or_404(slug)
    text = request.GET.get("from", "")
    start = int(text) if text.isdecimal() and len(text) < 9 else 0
    rows = list(pair_flags.flags_of_study(study)[start : start + _FLAGS_SHOWN + 1])
    context = {
        "study": study,
        "flags": rows[:_FLAGS_SHOWN],
        "next": start + _FLAGS_SHOWN if len(rows) > _FLAGS_SHOWN else 0,
        "needed": pair_flags.REPORTS_TO_FLAG,
        "waiting": pair_flags.waiting_reports(study).count(),
        "out": pair_flags.reported_out(study),
        "most": pair_flags.most_reported(study),
        "reasons": FlagReason.values,
    }
    return render(request, "studies/flags.html", context)


@require_safe
@staff_member_required
def robustness_page(request: HttpRequest, slug: str) -> HttpResponse:
    """How much of every contender's top 10 survives damage, as last measured."""
    study = study_or_404(slug)
    reports = Robustness.objects.filter(contender__study=study).select_related("contender").order_by("contender")
    job = newest_job("robustness", target_of("study", study.pk))
    return render(request, "studies/robustness.html", {"study": study, "reports": reports, "job": job})


@require_POST
@staff_member_required
def measure_robustness(_request: HttpRequest, slug: str) -> HttpResponse:
    """Have a worker damage the queries and look what survives."""
    nudge(request_job("robustness", target_of("study", study_or_404(slug).pk)))
    return redirect("lab-study-robustness", slug)


@require_POST
@staff_member_required
def change_flag(request: HttpRequest, slug: str) -> HttpResponse:
    """Take one pair out of play for a reason, or put it back."""
    study = study_or_404(slug)
    pair = request.POST.get("pair", "")
    pairs = [int(pair)] if pair.isdecimal() and len(pair) < 19 else [0]
    try:
        if "lift" in request.POST:
            pair_flags.lift_pair_flags(study, pairs)
            messages.success(request, "The pair is in play again.")
        else:
            pair_flags.flag_pairs(study, pairs, request.POST.get("reason", ""))
            messages.success(request, "The pair is out of play.")
    except Problem as problem:
        messages.error(request, problem.message)
    return redirect("lab-study-flags", slug)


@require_POST
@staff_member_required
def lift_reports(request: HttpRequest, slug: str) -> HttpResponse:
    """Let in all pairs that only voters keep out."""
    lifted = pair_flags.lift_reports(study_or_404(slug))
    messages.success(request, f"{lifted:,} pair{'' if lifted == 1 else 's'} in play again; no report brings them back.")
    return redirect("lab-study-flags", slug)


def study_or_404(slug: str) -> Study:
    """The study that an address names."""
    try:
        return study_reads.study_by_slug(slug)
    except NotFound as problem:
        raise Http404(problem.message) from problem
