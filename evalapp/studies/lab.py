"""The operators' pages of a study: make one, see where it stands, compute, open, close and change it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from evalapp.core.errors import NotFound, Problem
from evalapp.core.queries import newest_job
from evalapp.core.services import request_job
from evalapp.core.tasks import nudge
from evalapp.studies import queries, services
from evalapp.studies.forms import ChangeStudyForm, NewStudyForm
from evalapp.studies.models import Study


@require_http_methods(["GET", "HEAD", "POST"])
@staff_member_required
def new_study(request: HttpRequest) -> HttpResponse:
    """A form for a draft; what was typed stays where something is off."""
    form = NewStudyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            study = services.create_study(form.plan())
        except Problem as problem:
            form.add_error(None, problem.message)
        else:
            messages.success(request, f"{study} is drafted. Compute it next.")
            return redirect("lab-study", study.slug)
    return render(request, "studies/new.html", {"form": form}, status=400 if form.errors else 200)


@require_safe
@staff_member_required
def study(request: HttpRequest, slug: str) -> HttpResponse:
    """Where the study stands: state, contenders with their automatic scores, the newest job, where to go."""
    found = _found(slug)
    progress = queries.studies_with_progress().get(pk=found.pk)
    scores = queries.stored_evaluation(found)
    shown = {
        "study": found,
        "queries": found.queries.count(),
        "pairs": getattr(progress, "pair_count", 0),
        "votes": getattr(progress, "dopes", 0) + getattr(progress, "nopes", 0),
        "job": newest_job("precompute", f"study:{found.pk}"),
        "next_round": queries.next_round_of(found),
        "contenders": _contenders(found, scores),
        "scores": scores,
        "form": ChangeStudyForm(instance=found),
        "play_address": request.build_absolute_uri(f"/play/{found.slug}/"),
    }
    return render(request, "studies/study.html", shown)


@require_POST
@staff_member_required
def precompute(request: HttpRequest, slug: str) -> HttpResponse:
    """Have workers make what is missing."""

    def ask(found: Study) -> None:
        nudge(request_job("precompute", f"study:{found.pk}"))

    return _change(request, slug, ask, "A worker makes what is missing.")


@require_POST
@staff_member_required
def start_round(request: HttpRequest, slug: str) -> HttpResponse:
    """Draft the next round on the catalogue as it is now, and have workers make what is new."""
    found = _found(slug)
    try:
        following = services.start_round(found)
    except Problem as problem:
        messages.error(request, problem.message)
        return redirect("lab-study", slug)
    nudge(request_job("precompute", f"study:{following.pk}"))
    messages.success(request, f"{following} is drafted, and a worker makes what is new. Open it when it is ready.")
    return redirect("lab-study", following.slug)


@require_POST
@staff_member_required
def open_study(request: HttpRequest, slug: str) -> HttpResponse:
    """Let people vote."""
    return _change(request, slug, services.open_study, "People may vote now.")


@require_POST
@staff_member_required
def close_study(request: HttpRequest, slug: str) -> HttpResponse:
    """End the voting."""
    return _change(request, slug, services.close_study, "The voting has ended; what was cast stays.")


@require_POST
@staff_member_required
def change_study(request: HttpRequest, slug: str) -> HttpResponse:
    """Other words, other viewers of the board; whether the next round comes by itself."""
    words = {name: request.POST.get(name) for name in ("title", "question", "board")}
    follows = "follows_catalogue" in request.POST

    def change(found: Study) -> None:
        services.change_study(found, **words, follows_catalogue=follows)

    return _change(request, slug, change, "Saved.")


@require_POST
@staff_member_required
def archive_contender(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a contender out of the race, or let it back in."""
    name, back = request.POST.get("contender", ""), request.POST.get("archived") == "no"

    def change(found: Study) -> None:
        contender = queries.contender_named(found, name)
        (services.return_contender if back else services.archive_contender)(contender)

    return _change(request, slug, change, f"{name} is {'back in' if back else 'out of'} the race.")


def _change(request: HttpRequest, slug: str, change: Callable[[Study], None], done: str) -> HttpResponse:
    found = _found(slug)
    try:
        change(found)
    except Problem as problem:
        messages.error(request, problem.message)
    else:
        messages.success(request, done)
    return redirect("lab-study", slug)


def _found(slug: str) -> Study:
    try:
        return queries.study_with_contenders(slug)
    except NotFound as problem:
        raise Http404(problem.message) from problem


def _contenders(found: Study, scores: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Each contender with its automatic scores, where they were computed."""
    known = {line["contender"]: line for line in (scores or {}).get("contenders", [])}
    control = (scores or {}).get("control", {})
    line_up = getattr(found, "line_up", [])
    return [{"row": one, "scores": control if one.is_control else known.get(one.name, {})} for one in line_up]
