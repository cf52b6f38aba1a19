"""Reading training runs."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from evalapp.core.errors import NotFound
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
