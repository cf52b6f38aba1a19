"""Reading training runs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from evalapp.catalog.models import Item
from evalapp.contenders.models import EmbeddingModel
from evalapp.core.domain.errors import InvalidInput, NotFound
from evalapp.core.domain.job_targets import is_target, target_id
from evalapp.studies.models import Study
from evalapp.training.models import Epoch, Retraining, Schedule, TrainingRun
from evalapp.training.queries.rounds import latest_round, votes_of


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


@dataclass(frozen=True, slots=True)
class ScheduleLine:
    """A schedule, the votes since its last turn began, and that turn; None where none began yet."""

    schedule: Schedule
    votes: int
    turn: Retraining | None

    @property
    def guard_holds(self) -> bool | None:
        """Whether the guard held in the last turn; None where it was not measured."""
        guard = self.turn.run.metrics.get("guard_holds") if self.turn is not None else None
        return None if guard is None else bool(guard)


def schedule_lines() -> list[ScheduleLine]:
    """Every schedule with where it stands, by study and age."""
    return [_schedule_line(schedule) for schedule in Schedule.objects.select_related("study")]


def schedule_by_id(schedule_id: int) -> ScheduleLine:
    """Raises NotFound."""
    schedule = Schedule.objects.filter(pk=schedule_id).select_related("study").first()
    if schedule is None:
        raise NotFound(f"There is no schedule {schedule_id}.")
    return _schedule_line(schedule)


def _schedule_line(schedule: Schedule) -> ScheduleLine:
    # Votes that were set aside since then may have left fewer than there were.
    votes = max(0, votes_of(latest_round(schedule.study)) - schedule.votes_learnt)
    turns = Retraining.objects.filter(schedule=schedule).select_related("run__job", "following")
    return ScheduleLine(schedule, votes, turns.first())


def checkpoint_of(name: str) -> Path:
    """The `spec.json` of a trained model, among the kept weights; raises NotFound, InvalidInput."""
    model = EmbeddingModel.objects.filter(name=name).first()
    if model is None:
        raise NotFound(f"There is no model {name}; list_models shows those there are.")
    if model.spec["family"] != "checkpoint":
        raise InvalidInput(f"{name} was not trained here ({model.source}): there is no checkpoint to take away.")
    return Path(settings.WEIGHTS_DIR) / model.weights


def catalogue_id_of(run: TrainingRun) -> int | None:
    """The id of the catalogue that a run learnt from, by its labels or by a study's votes; None where it is gone."""
    if is_target("catalogue", run.data):
        return target_id("catalogue", run.data)
    study = Study.objects.filter(pk=target_id("study", run.data)).first()
    return None if study is None else study.catalogue_id


def walk_of(run: TrainingRun) -> Path | None:
    """The picture of the run's latent walk; None where its recipe draws none."""
    path = run.workdir / "walk.png"
    return path if "walk" in run.metrics and path.is_file() else None


def epochs_of(run: TrainingRun, *, after: int = 0) -> list[Epoch]:
    """The run's epochs in the order in which they were reported, those after a row's id only."""
    return list(Epoch.objects.filter(run=run, pk__gt=after).defer("points").order_by("pk"))


def run_document(run: TrainingRun) -> dict[str, Any]:
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
    if not is_target("catalogue", run.data):
        return {}
    rows = Item.objects.filter(catalogue=target_id("catalogue", run.data), key__in=keys)
    return {row.key: row for row in rows.select_related("picture", "cutout")}
