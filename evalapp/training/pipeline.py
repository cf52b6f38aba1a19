"""A run in its stages: vectors of the base network where they are missing, then training in one go.

Training is one chunk: a worker that dies leaves its checkpoint, and whoever takes the chunk next goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, Protocol, cast

from evalapp.core.errors import Problem
from evalapp.core.models import FINAL_STATES, Job
from evalapp.core.plans import Fault, Piece, Plan, Stage
from evalapp.training import services
from evalapp.training.models import TrainingRun
from evalapp.training.queries import run_by_id
from evalapp.training.tastes import note_tastes
from models_registry.training.base import EpochReport, configured, recipe_named
from models_registry.training.errors import Stopped, TrainingError

ENCODER = "encoder"
"""The folder of a run's workdir that holds the encoder."""

SOURCES = {"labels": "evalapp.training.sources.labels", "votes": "evalapp.training.sources.votes"}


class Source(Protocol):
    """What a module of `sources` offers."""

    def cut(self, run: TrainingRun) -> Iterator[Piece]:
        """Chunks of what must be computed before the run can read its data."""
        ...

    def work(self, run: TrainingRun, arguments: dict[str, Any]) -> list[Fault]:
        """Do one of these chunks."""
        ...

    def data_of(self, run: TrainingRun) -> Any:
        """What the recipe's `run` takes."""
        ...


def _run(target: str) -> TrainingRun:
    return run_by_id(int(target.removeprefix("training:")))


def _source(run: TrainingRun) -> Source:
    return cast("Source", import_module(SOURCES[recipe_named(run.recipe).learns_from]))


def _cut_vectors(target: str) -> Iterator[Piece]:
    run = _run(target)
    return _source(run).cut(run)


def _compute(target: str, arguments: dict[str, Any]) -> list[Fault]:
    run = _run(target)
    return _source(run).work(run, arguments)


def _cut_training(target: str) -> Iterator[Piece]:
    """Before anything is trained, what cannot be learnt from is refused in the recipe's own words."""
    run = _run(target)
    entry = recipe_named(run.recipe)
    try:
        entry.load().check(_source(run).data_of(run), configured(entry.config_type(), run.config))
    except TrainingError as error:
        raise Problem(str(error)) from error
    yield Piece({})


def _train(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    run = _run(target)
    entry = recipe_named(run.recipe)
    config = configured(entry.config_type(), run.config)

    def report(epoch: EpochReport) -> None:
        services.note_epoch(run, epoch)
        if run.job and Job.objects.filter(pk=run.job.pk, state__in=FINAL_STATES).exists():
            raise Stopped("The job was stopped.")

    run.workdir.mkdir(parents=True, exist_ok=True)
    try:
        data = _source(run).data_of(run)
        outcome = entry.load().run(data, config, run.workdir, on_progress=report, resume=True)
    except TrainingError as error:
        # Another attempt would end in the same way: the run is told so instead.
        return [(run.name, str(error))]
    services.note_outcome(run, outcome)
    return []


def _finish(target: str, state: str) -> None:
    run = _run(target)
    folder = run.workdir / ENCODER
    if run.card and not recipe_named(run.recipe).makes_encoder:
        return
    if not run.card or not folder.is_dir():
        raise Problem(_reason(run, state))
    services.register_result(run, str(folder))
    note_tastes(run)


def _reason(run: TrainingRun, state: str) -> str:
    """Why there is no encoder: the words of what stopped the training."""
    chunk = run.job.chunks.filter(stage="train").order_by("-pk").first() if run.job else None
    if chunk is not None and (chunk.faults or chunk.error):
        return str(chunk.faults[0][1]) if chunk.faults else chunk.error
    return f"Training ended as {state} and made no encoder."


PLAN = Plan(
    stages=(
        Stage("embed", "pictures", _cut_vectors, _compute),
        Stage("train", "runs", _cut_training, _train),
    ),
    finish=_finish,
)
