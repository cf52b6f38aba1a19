"""Learning from labels in the browser: one encoder, or several with the same head; and taking one away."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from evalapp.catalog.models import Catalogue
from evalapp.contenders.queries.registered_models import registered_models
from evalapp.core.domain.errors import InvalidInput, NotFound, Problem
from evalapp.core.pages.form_jobs import refuse
from evalapp.core.tasks import begin, nudge
from evalapp.training.models import TrainingRun
from evalapp.training.queries import training_runs
from evalapp.training.services.checkpoints import packed_checkpoint, request_checkpoint
from evalapp.training.services.comparisons import begin_comparison, begin_sweep
from models_registry.training.common.recipe_base import list_recipes


def _start_points(model: dict[str, Any]) -> list[str]:
    """Where one can start from a model: at each of its taps, and with a VGG at what its convolutions give."""
    taps = [tap["name"] for tap in model["taps"]]
    if len(taps) == 1:
        return [model["name"]]
    convolutions = [model["name"]] if "vgg" in model["family"] else []
    return convolutions + [f"{model['name']}.{tap}" for tap in taps]


class LabelsForm(forms.Form):
    """What `train` and `compare_backbones` take."""

    name = forms.CharField(max_length=60, label="Name of the encoder", help_text="Several are called NAME-MODEL-TAP.")
    catalogue = forms.ModelChoiceField(
        Catalogue.objects.filter(archived_at=None), to_field_name="slug", label="From the labels of", empty_label=None
    )
    bases = forms.MultipleChoiceField(
        label="Start from",
        help_text="Several get the same head, and are compared.",
        widget=forms.CheckboxSelectMultiple,
    )
    recipe = forms.ChoiceField(label="Recipe")
    settings = forms.CharField(
        required=False,
        max_length=2000,
        label="Settings",
        help_text="NAME=VALUE with commas, such as epochs=5, seed=1. Several values of one name, as in margin=0.1, "
        "margin=0.2, train an encoder with each.",
    )

    def __init__(self, *args: object, **words: object) -> None:
        super().__init__(*args, **words)  # type: ignore[arg-type]
        names = [name for model in registered_models() if model["family"] != "vectors" for name in _start_points(model)]
        for field, choices in (
            ("bases", [(name, name) for name in names]),
            ("recipe", [(entry.name, f"{entry.name}: {entry.summary}") for entry in list_recipes("labels")]),
        ):
            choice = self.fields[field]
            if isinstance(choice, forms.ChoiceField):
                choice.choices = choices

    def begin(self) -> list[TrainingRun]:
        """The runs with their jobs, a sweep where a setting has several values; once it is valid. Raises Problem."""
        words = self.cleaned_data
        settings: dict[str, list[str]] = {}
        for part in filter(None, (part.strip() for part in words["settings"].split(","))):
            name, equals, value = part.partition("=")
            if not equals:
                message = f"Write NAME=VALUE for a setting, not {part!r}."
                raise InvalidInput(message, fields={"settings": [message]})
            settings.setdefault(name.strip(), []).append(value.strip())
        shared_fields = {"recipe": words["recipe"], "name": words["name"]}
        if any(len(values) > 1 for values in settings.values()):
            return begin_sweep(words["catalogue"], words["bases"], settings=settings, **shared_fields)
        single = {name: values[0] for name, values in settings.items()}
        return begin_comparison(words["catalogue"], words["bases"], settings=single, **shared_fields)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_member_required
def labels_page(request: HttpRequest) -> HttpResponse:
    """The form; what was typed stays where something is off."""
    initial = {name: request.GET.get(name) for name in ("catalogue", "settings", "recipe", "name")}
    form = LabelsForm(request.POST or None, initial=initial | {"bases": request.GET.getlist("base")})
    if request.method == "POST" and form.is_valid():
        try:
            runs = form.begin()
        except Problem as problem:
            refuse(form, problem)
        else:
            for run in runs:
                begin(run.job)
            if len(runs) == 1:
                return redirect("training-run", runs[0].pk)
            return redirect(f"{request.path}compare/?runs={','.join(str(run.pk) for run in runs)}")
    return render(request, "training/labels.html", {"form": form}, status=400 if form.errors else 200)


@require_POST
@staff_member_required
def pack_checkpoint(request: HttpRequest, run_id: int) -> HttpResponse:
    """Have a worker pack the encoder."""
    try:
        nudge(request_checkpoint(_run_or_404(run_id), quantise="quantise" in request.POST))
    except Problem as problem:
        messages.error(request, problem.message)
    return redirect("training-run", run_id)


@require_safe
@staff_member_required
def send_checkpoint(request: HttpRequest, run_id: int) -> HttpResponseBase:
    """The packed encoder; `?quantised`: with its 8-bit form."""
    run = _run_or_404(run_id)
    path = packed_checkpoint(run, quantised="quantised" in request.GET)
    if not path.is_file():
        raise Http404(f"{run.name} is not packed.")
    return FileResponse(path.open("rb"), as_attachment=True, filename=f"{run.name}.zip", content_type="application/zip")


@require_safe
@staff_member_required
def send_walk(_request: HttpRequest, run_id: int) -> HttpResponseBase:
    """The picture of what an autoencoder decodes along its dimensions."""
    path = training_runs.walk_of(_run_or_404(run_id))
    if path is None:
        raise Http404("This run has no autoencoder.")
    return FileResponse(path.open("rb"), content_type="image/png")


def _run_or_404(run_id: int) -> TrainingRun:
    try:
        return training_runs.run_by_id(run_id)
    except NotFound as problem:
        raise Http404(problem.message) from problem
