"""Reading training runs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from evalapp.catalog.models import Item
from evalapp.contenders.models import EmbeddingModel
from evalapp.core.errors import InvalidInput, NotFound
from evalapp.training.models import Epoch, TrainingRun


def training_runs() -> QuerySet[TrainingRun]:
    """All runs, the newest first, with what a line of the list needs."""
    return TrainingRun.objects.select_related("job", "model", "parent")


def run_by_id(run_id: int) -> TrainingRun:
    """Raises NotFound."""
    run = training_runs().filter(pk=run_id).first()
    if run is None:
        raise NotFound(f"There is no training run {run_id}.")
    return run


def run_named(name: str) -> TrainingRun:
    """The newest run of this name; raises NotFound."""
    run = training_runs().filter(name=name).first()
    if run is None:
        raise NotFound(f"There is no training run called {name}.")
    return run


def checkpoint_of(name: str) -> Path:
    """The `spec.json` of a trained model, among the kept weights; raises NotFound, InvalidInput."""
    model = EmbeddingModel.objects.filter(name=name).first()
    if model is None:
        raise NotFound(f"There is no model {name}; list_models shows those there are.")
    if model.spec["family"] != "checkpoint":
        raise InvalidInput(f"{name} was not trained here ({model.source}): there is no checkpoint to take away.")
    return Path(settings.WEIGHTS_DIR) / model.weights


def epochs_of(run: TrainingRun, *, after: int = 0) -> list[Epoch]:
    """The run's epochs in the order in which they were reported, those after a row's id only."""
    return list(Epoch.objects.filter(run=run, pk__gt=after).defer("points").order_by("pk"))


def document(run: TrainingRun) -> dict[str, Any]:
    """A run as `--json` and the API give it."""
    return {
        "id": run.pk,
        "name": run.name,
        "recipe": run.recipe,
        "config": run.config,
        "learns_from": run.data,
        "seed": run.seed,
        "starts_from": f"{run.parent.name}.{run.parent_tap}",
        "state": run.state,
        "error": run.job.error if run.job else "",
        "job": run.job_id,
        "model": run.model.name if run.model else None,
        "metrics": run.metrics,
        "card": run.card,
        "created_at": run.created_at.isoformat(),
    }


def history_of(run: TrainingRun) -> list[Epoch]:
    """The run's epochs with their maps, in the order in which they were reported."""
    return list(Epoch.objects.filter(run=run).order_by("pk"))


def items_of(run: TrainingRun, keys: Collection[str]) -> dict[str, Item]:
    """The items of these keys in the catalogue that the run learns from; none for a run that learns from votes."""
    if not run.data.startswith("catalogue:"):
        return {}
    rows = Item.objects.filter(catalogue=int(run.data.removeprefix("catalogue:")), key__in=keys)
    return {row.key: row for row in rows.select_related("picture")}
