"""Beginning training runs, noting what they report, registering what they made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.db import transaction

from evalapp.contenders.models import EmbeddingModel
from evalapp.contenders.services.registration import register_model
from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.core.models import FINAL_STATES
from evalapp.core.services.deeds import recorded
from evalapp.core.services.jobs import request_job
from evalapp.training.models import Epoch, TrainingRun
from evalapp.webhooks.domain.event_names import TRAINING_DONE
from evalapp.webhooks.services import announce
from models_registry.registry import with_every_tap
from models_registry.spec import EncoderSpec
from models_registry.training.common.recipe_base import EpochReport, LearnsFrom, Outcome, configure_recipe, recipe_named
from models_registry.training.common.training_errors import TrainingError

CONVOLUTIONS = "pool5"
"""The tap of a VGG that holds what its convolutions give."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@recorded("asked for training", "model {name}", "{recipe}")
def begin_run(
    *,
    name: str,
    recipe: str,
    data: str,
    parent: EmbeddingModel,
    parent_tap: str,
    settings: Mapping[str, Any],
    learns_from: LearnsFrom = "labels",
) -> TrainingRun:
    """A run and its job, not yet told to any worker. `data` is `catalogue:ID` or `study:ID`.

    Raises InvalidInput for invalid values, Conflict where the name is taken.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"{name!r} is no name for a model; use up to 80 letters, digits, dots, dashes.")
    try:
        config = configure_recipe(recipe_named(recipe, learns_from).config_type(), settings)
    except TrainingError as error:
        raise InvalidInput(str(error)) from error
    with transaction.atomic():
        _require_free(name)
        run = TrainingRun.objects.create(
            name=name,
            recipe=recipe,
            config=asdict(config),
            data=data,
            seed=config.seed,
            parent=parent,
            parent_tap=parent_tap,
        )
        run.job = request_job("train", run.target)
        run.save(update_fields=["job"])
    return run


def note_epoch(run: TrainingRun, report: EpochReport) -> bool:
    """Keep one epoch's report; the same epoch again, after a worker died, takes its place. True: it was not known."""
    points = [[key, round(x, 3), round(y, 3)] for key, (x, y) in zip(report.point_keys, report.points, strict=True)]
    _, is_new = Epoch.objects.update_or_create(
        run=run,
        part=report.part,
        epoch=report.epoch,
        defaults={"epochs": report.epochs, "values": dict(report.values), "points": points},
    )
    return is_new


def note_outcome(run: TrainingRun, outcome: Outcome) -> None:
    """Keep the measures and the card of a run that has learnt."""
    run.metrics, run.card = outcome.metrics, outcome.card
    run.save(update_fields=["metrics", "card"])


def note_measured(run: TrainingRun, **measured: dict[str, Any]) -> None:
    """Keep what was measured of a run after it had ended, under these names."""
    with transaction.atomic():
        row = TrainingRun.objects.select_for_update(of=("self",)).get(pk=run.pk)
        row.metrics = {**row.metrics, **measured}
        row.save(update_fields=["metrics"])


def register_result(run: TrainingRun, folder: str) -> EmbeddingModel:
    """The encoder in this folder under the run's name, and the run says so; all of it or nothing."""
    with transaction.atomic():
        model, _ = register_model(source=f"checkpoint:{folder}", name=run.name, options={})
        run.model = model
        run.save(update_fields=["model"])
        announce(TRAINING_DONE, {"training": run.name, "recipe": run.recipe, "model": model.name})
    return model


def _require_free(name: str) -> None:
    if EmbeddingModel.objects.filter(name=name).exists():
        raise Conflict(f"There is a model {name} already; choose another name.")
    live = TrainingRun.objects.filter(name=name, job__isnull=False).exclude(job__state__in=FINAL_STATES)
    if live.exists():
        raise Conflict(f"A run called {name} is under way; follow it, or choose another name.")


def parse_base(text: str) -> tuple[EmbeddingModel, str]:
    """Understand `MODEL[.TAP]`: the encoder that a run starts from.

    Where no tap is named it is the only one, or, of a network with convolutions of its own, what these give. Raises
    InvalidInput.
    """
    names = [text, text.rpartition(".")[0]]
    models_by_name = {model.name: model for model in EmbeddingModel.objects.filter(name__in=names)}
    model = models_by_name.get(text) or models_by_name.get(names[1])
    if model is None:
        every = ", ".join(EmbeddingModel.objects.values_list("name", flat=True)) or "none is registered"
        raise InvalidInput(f"{text!r} names no registered model; known: {every}. Register one with register_model.")
    spec = with_every_tap(EncoderSpec.from_json(model.spec))
    offered = [tap.name for tap in spec.taps]
    tap = text.removeprefix(f"{model.name}.") if model.name != text else ""
    if not tap:
        tap = offered[0] if len(offered) == 1 else CONVOLUTIONS if CONVOLUTIONS in offered else ""
    if tap not in offered:
        raise InvalidInput(f"Say at which tap to start from {model.name}: {', '.join(offered)}.")
    return model, tap
