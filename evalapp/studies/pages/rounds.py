"""The next round, copies, examples that are shown first, and studies put away or deleted."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from evalapp.core.domain.errors import Problem
from evalapp.core.domain.job_targets import target_of
from evalapp.core.services.jobs import request_job
from evalapp.core.tasks import nudge
from evalapp.studies import services
from evalapp.studies.pages.forms import NextRoundForm
from evalapp.studies.pages.pairs import study_or_404
from evalapp.studies.services.triplet_proposals import propose_from_votes

_TRIPLETS = 200


@require_POST
@staff_member_required
def start_round(request: HttpRequest, slug: str) -> HttpResponse:
    """Draft the next round on the catalogue as it is now, and have workers make what is new; people open it."""
    study = study_or_404(slug)
    form = NextRoundForm(study, request.POST)
    cleaned = form.cleaned_data if form.is_valid() else {}
    try:
        following = services.start_round(
            study, add=cleaned.get("add", []), drop=cleaned.get("drop", []), queries=cleaned.get("queries") or "kept"
        )
    except Problem as problem:
        messages.error(request, problem.message)
        return redirect("lab-study", slug)
    nudge(request_job("precompute", target_of("study", following.pk)))
    messages.success(request, f"{following.title} is drafted. Nobody sees it before you open it.")
    return redirect("lab-study", following.slug)


@require_POST
@staff_member_required
def propose_triplets(request: HttpRequest, slug: str) -> HttpResponse:
    """What votes claim goes into the queue of triplets, for people to check."""
    study = study_or_404(slug)
    try:
        new = propose_from_votes(study, _TRIPLETS)
    except Problem as problem:
        messages.error(request, problem.message)
        return redirect("lab-study", slug)
    messages.success(request, f"{new:,} new triplets.")
    return redirect("lab-review", study.catalogue.slug)


@require_POST
@staff_member_required
def copy_study(request: HttpRequest, slug: str) -> HttpResponse:
    """A new draft that asks the same of the same contenders."""
    try:
        copied = services.copy_study(study_or_404(slug), request.POST.get("slug", ""))
    except Problem as problem:
        messages.error(request, problem.message)
        return redirect("lab-study", slug)
    messages.success(request, f"{copied} is drafted. Compute it next.")
    return redirect("lab-study", copied.slug)


@require_POST
@staff_member_required
def put_away(request: HttpRequest, slug: str) -> HttpResponse:
    """Out of the lists or back, or deleted for good if nobody voted."""
    study = study_or_404(slug)
    try:
        if "delete" in request.POST:
            services.delete_study(study)
            messages.success(request, f"{slug} is deleted.")
            return redirect("lab")
        services.archive_study(study, archived="return" not in request.POST)
        messages.success(request, f"{slug} is {'put away' if study.archived_at else 'back in the lists'}.")
    except Problem as problem:
        messages.error(request, problem.message)
    return redirect("lab-study", slug)


@require_POST
@staff_member_required
def shown_first(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a pair before people begin, with its answer, or show it no more."""
    study = study_or_404(slug)
    query, candidate = request.POST.get("query", ""), request.POST.get("candidate", "")
    others = [example for example in study.examples if example[:2] != [query, candidate]]
    answer = request.POST.get("answer", "")
    try:
        services.set_examples(study, [*others, [query, candidate, answer]] if answer else others)
        messages.success(request, "People see it before they begin." if answer else "It is shown no more.")
    except Problem as problem:
        messages.error(request, problem.message)
    return redirect("lab-study-examples", slug)
