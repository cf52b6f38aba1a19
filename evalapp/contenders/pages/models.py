"""Models in the browser: what is registered, bringing another, how it reads pictures, what it makes of five."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from evalapp.contenders.models import EmbeddingModel, Registration
from evalapp.contenders.pages.forms import PreprocessingForm, RegionForm, RegisterForm
from evalapp.contenders.queries.region_networks import region_networks
from evalapp.contenders.queries.registered_models import model_named, registered_models
from evalapp.contenders.queries.trials import tried_regions, tried_taps
from evalapp.contenders.services import model_changes
from evalapp.contenders.services.registrations import registration_by_id
from evalapp.core.domain.errors import NotFound, Problem
from evalapp.core.pages.form_jobs import begun
from evalapp.core.queries import job_line
from evalapp.core.tasks import begin


@require_safe
@staff_member_required
def list_models(request: HttpRequest) -> HttpResponse:
    """What is registered and how it reads pictures; what is on its way; `?archived` shows what was put away."""
    archived = "archived" in request.GET
    coming = Registration.objects.filter(model=None, region=None).select_related("job")[:10]
    context = {
        "models": registered_models(archived=archived),
        "regions": region_networks(),
        "coming": [(row, row.job) for row in coming],
        "archived": archived,
        "away": EmbeddingModel.objects.filter(archived_at__isnull=False).count(),
    }
    return render(request, "contenders/models.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_member_required
def new_model(request: HttpRequest) -> HttpResponse:
    """Send a network or name one; a worker looks at it."""
    form = RegisterForm(request.POST or None, request.FILES or None)
    if row := begun(request, form):
        return redirect("lab-registration", row.pk)
    return render(request, "contenders/register.html", {"form": form}, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_member_required
def new_region(request: HttpRequest) -> HttpResponse:
    """Send a detector or a mask network; a worker looks at it."""
    form = RegionForm(request.POST or None, request.FILES or None)
    if row := begun(request, form):
        return redirect("lab-registration", row.pk)
    return render(request, "contenders/register_region.html", {"form": form}, status=400 if form.errors else 200)


@require_safe
@staff_member_required
def show_registration(request: HttpRequest, registration_id: int) -> HttpResponse:
    """A network on its way: how far the worker is, then what it found."""
    try:
        row = registration_by_id(registration_id)
    except NotFound as problem:
        raise Http404(problem.message) from problem
    if row.kind:
        context = {
            "registration": row,
            "region": row.region,
            "job": job_line(row.job_id) if row.job_id else None,
            "trial": row.trial,
            "tried": tried_regions(row.trial),
        }
        return render(request, "contenders/region.html", context)
    return _render_model(request, row.model, row)


@require_safe
@staff_member_required
def show_model(request: HttpRequest, name: str) -> HttpResponse:
    """One model: how it reads pictures, what it made of five, what stands on it."""
    model = _model_or_404(name)
    return _render_model(request, model, model.registrations.select_related("job").first())


@require_POST
@staff_member_required
def change_model(request: HttpRequest, name: str) -> HttpResponse:
    """Another preprocessing before first use, another name, away or back, or deleted for good."""
    model = _model_or_404(name)
    try:
        if "delete" in request.POST:
            model_changes.delete_model(model)
            messages.success(request, f"{name} is deleted.")
            return redirect("lab-models")
        if "preprocess" in request.POST:
            form = PreprocessingForm(request.POST)
            if form.is_valid():
                row = form.request_change(model)
                begin(row.job)
        elif "archive" in request.POST or "return" in request.POST:
            model_changes.archive_model(model, archived="archive" in request.POST)
            messages.success(request, f"{name} is {'put away' if model.archived_at else 'back in the lists'}.")
        else:
            model_changes.rename_model(model, request.POST.get("name", ""))
            messages.success(request, "Saved.")
    except Problem as problem:
        messages.error(request, problem.message)
    return redirect("lab-model", model.name)


def _render_model(request: HttpRequest, model: EmbeddingModel | None, row: Registration | None) -> HttpResponse:
    dependents = model_changes.needed_by(model) if model else []
    trial = row.trial if row else {}
    context = {
        "model": model,
        "registration": row,
        "job": job_line(row.job_id) if row and row.job_id else None,
        "trial": trial,
        "taps": tried_taps(trial),
        "form": PreprocessingForm.for_model(model) if model and model.preprocess else None,
        "used": bool(model and model.embeddings.exists()),
        "holding": [one for one in dependents if one.holds],
        "going": [one for one in dependents if not one.holds],
    }
    return render(request, "contenders/model.html", context)


def _model_or_404(name: str) -> EmbeddingModel:
    try:
        return model_named(name)
    except NotFound as problem:
        raise Http404(problem.message) from problem
