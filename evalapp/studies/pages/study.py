"""The operators' pages of a study: make one, see where it stands, compute, open, close and change it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from evalapp.core.domain.errors import NotFound, Problem
from evalapp.core.domain.job_targets import target_of
from evalapp.core.pages.form_jobs import refuse
from evalapp.core.pages.links_to_send import link_for_others
from evalapp.core.queries import newest_job
from evalapp.core.services.jobs import request_job
from evalapp.core.tasks import nudge
from evalapp.studies import services
from evalapp.studies.models import Study
from evalapp.studies.pages.forms import ChangeStudyForm, NewStudyForm, NextRoundForm
from evalapp.studies.queries import study_reads
from evalapp.studies.services import pair_flags


@require_http_methods(["GET", "HEAD", "POST"])
@staff_member_required
def new_study(request: HttpRequest) -> HttpResponse:
    """A form for a draft; what was typed stays where something is off."""
    form = NewStudyForm(request.POST or None, initial={"catalogue": request.GET.get("catalogue")})
    if request.method == "POST" and form.is_valid():
        try:
            study = services.create_study(form.to_plan())
        except Problem as problem:
            refuse(form, problem)
        else:
            if "compute" in request.POST:
                nudge(request_job("precompute", target_of("study", study.pk)))
            else:
                messages.success(request, f"{study} is drafted. Compute it next.")
            return redirect("lab-study", study.slug)
    return render(request, "studies/new.html", {"form": form}, status=400 if form.errors else 200)


@require_safe
@staff_member_required
def study_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Where the study stands: state, contenders with their automatic scores, the newest job, where to go."""
    study = _study_or_404(slug)
    progress = study_reads.studies_with_progress().get(pk=study.pk)
    scores = study_reads.stored_evaluation(study)
    dependents = services.study_needed_by(study)
    context = {
        "study": study,
        "queries": study.queries.count(),
        "pairs": getattr(progress, "pair_count", 0),
        "votes": getattr(progress, "dopes", 0) + getattr(progress, "nopes", 0),
        "of_index": getattr(progress, "index_slug", None),
        "job": newest_job("precompute", target_of("study", study.pk)),
        "reported_out": pair_flags.reported_out(study),
        "most_reported": pair_flags.most_reported(study),
        "next_round": study_reads.next_round_of(study),
        "before_is_open": study.previous is not None and study.previous.is_open,
        "round_form": NextRoundForm(study),
        "holding": [dependent for dependent in dependents if dependent.holds],
        "going": [dependent for dependent in dependents if not dependent.holds],
        "free_slug": study_reads.free_study_slug(study.slug),
        "contenders": _contenders_with_scores(study, scores),
        "scores": scores,
        "form": ChangeStudyForm(instance=study),
        "link": link_for_others(request, f"/play/{study.slug}/"),
    }
    return render(request, "studies/study.html", context)


@require_POST
@staff_member_required
def precompute_study(request: HttpRequest, slug: str) -> HttpResponse:
    """Have workers make what is missing."""

    def request_precompute(study: Study) -> None:
        nudge(request_job("precompute", target_of("study", study.pk)))

    return _change_study(request, slug, request_precompute, "")


@require_POST
@staff_member_required
def open_study(request: HttpRequest, slug: str) -> HttpResponse:
    """Let people vote."""
    keep = "keep_before" in request.POST
    return _change_study(request, slug, partial(services.open_study, keep_before=keep), "People may vote now.")


@require_POST
@staff_member_required
def close_study(request: HttpRequest, slug: str) -> HttpResponse:
    """End the voting."""
    return _change_study(request, slug, services.close_study, "The voting has ended; what was cast stays.")


@require_POST
@staff_member_required
def change_study(request: HttpRequest, slug: str) -> HttpResponse:
    """Other words, other viewers of the board; whether the next round comes by itself."""
    texts = {name: request.POST.get(name) for name in ("title", "question", "board")}
    hosts = request.POST.get("hosts")
    follows = "follows_catalogue" in request.POST

    def apply_changes(study: Study) -> None:
        services.change_study(study, **texts, follows_catalogue=follows)
        if hosts is not None:
            services.set_embed_hosts(study, hosts.replace("\n", ",").split(","))

    return _change_study(request, slug, apply_changes, "Saved.")


@require_POST
@staff_member_required
def archive_contender(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a contender out of the race, or let it back in."""
    name, back = request.POST.get("contender", ""), request.POST.get("archived") == "no"

    def apply_change(study: Study) -> None:
        contender = study_reads.contender_named(study, name)
        (services.return_contender if back else services.archive_contender)(contender)

    return _change_study(request, slug, apply_change, f"{name} is {'back in' if back else 'out of'} the race.")


def _change_study(request: HttpRequest, slug: str, change: Callable[[Study], None], done: str) -> HttpResponse:
    study = _study_or_404(slug)
    try:
        change(study)
    except Problem as problem:
        messages.error(request, problem.message)
    else:
        if done:
            messages.success(request, done)
    return redirect("lab-study", slug)


def _study_or_404(slug: str) -> Study:
    try:
        return study_reads.study_with_contenders(slug)
    except NotFound as problem:
        raise Http404(problem.message) from problem


def _contenders_with_scores(study: Study, scores: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Each contender with its automatic scores, where they were computed."""
    scores_by_name = {line["contender"]: line for line in (scores or {}).get("contenders", [])}
    control = (scores or {}).get("control", {})
    line_up = getattr(study, "line_up", [])
    return [
        {"row": contender, "scores": control if contender.is_control else scores_by_name.get(contender.name, {})}
        for contender in line_up
    ]
