"""Encoders asked about a whole catalogue: scores as papers count them, and pictures that may be at fault."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from evalapp.catalog.models import FlagReason
from evalapp.catalog.queries import catalogue_named, catalogues_with_counts
from evalapp.contenders.models import Examination
from evalapp.contenders.queries.registered_models import registered_models
from evalapp.contenders.services import examinations as services
from evalapp.core.domain.errors import NotFound, Problem
from evalapp.core.queries import job_line
from evalapp.core.tasks import begin
from models_registry.metrics import METRICS

_SHOWN = 100
_CATEGORIES = 200


@require_safe
@staff_member_required
def list_examinations(request: HttpRequest) -> HttpResponse:
    """What was asked, and the form that asks more."""
    context = {
        "examinations": services.all_examinations()[:_SHOWN],
        "catalogues": catalogues_with_counts(),
        "chosen": request.GET.get("catalogue", ""),
        "questions": Examination.Question.choices,
        "contenders": [
            model["name"] if len(model["taps"]) == 1 else f"{model['name']}.{tap['name']}"
            for model in registered_models()
            for tap in model["taps"]
        ],
        "metrics": METRICS,
    }
    return render(request, "contenders/examinations.html", context)


@require_POST
@staff_member_required
def new_examination(request: HttpRequest) -> HttpResponse:
    """Ask a worker."""
    cleaned = request.POST
    try:
        row = services.request_examination(
            catalogue_named(cleaned.get("catalogue", "")),
            cleaned.get("question", ""),
            f"{cleaned.get('embedding', '')}:{cleaned.get('metric', '')}",
        )
    except Problem as problem:
        messages.error(request, problem.message)
        return redirect("lab-examinations")
    begin(row.job)
    return redirect("lab-examination", row.pk)


@require_safe
@staff_member_required
def show_examination(request: HttpRequest, examination_id: int) -> HttpResponse:
    """What was found: a table of scores, or the suspected pictures, to be flagged where a person agrees."""
    try:
        row = services.examination_by_id(examination_id)
    except NotFound as problem:
        raise Http404(problem.message) from problem
    context = {
        "row": row,
        "job": job_line(row.job_id) if row.job_id and not row.result else None,
        "suspects": services.suspects_of(row)[:_SHOWN],
        "reasons": FlagReason.values,
        "categories": sorted(row.result.get("categories", {}).items())[:_CATEGORIES],
        "here": request.get_full_path(),
    }
    return render(request, "contenders/examination.html", context)
