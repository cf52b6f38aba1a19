"""A run in its stages: vectors of the base network where they are missing, then training in one go.

Training is one chunk: a worker that dies leaves its checkpoint, and whoever takes the chunk next goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any, Protocol, cast

from django.conf import settings

from evalapp.core.domain.errors import Problem
from evalapp.core.domain.job_plans import Fault, Piece, Plan, Stage
from evalapp.core.domain.job_targets import target_id
from evalapp.core.models import FINAL_STATES, Chunk, Job
from evalapp.core.services import jobs
from evalapp.training.models import TrainingRun
from evalapp.training.pipeline.run_price import Meter, price_of
from evalapp.training.queries.training_runs import run_by_id
from evalapp.training.services import training_runs
from evalapp.training.services.voter_tastes import note_tastes
from models_registry.devices import compute_on, device_in_words
from models_registry.training.common.recipe_base import EpochReport, configure_recipe, recipe_named
from models_registry.training.common.training_errors import Stopped, TrainingError

ENCODER = "encoder"
"""The folder of a run's workdir that holds the encoder."""

SOURCES = {
    "labels": "evalapp.training.pipeline.datasets.label_data",
    "votes": "evalapp.training.pipeline.datasets.vote_data",
}


class Source(Protocol):
    """What a module of `sources` offers."""

    def cut_pieces(self, run: TrainingRun) -> Iterator[Piece]:
        """Chunks of what must be computed before the run can read its data."""
        ...

    def embed_piece(self, run: TrainingRun, arguments: dict[str, Any]) -> list[Fault]:
        """Do one of these chunks."""
        ...

    def data_of(self, run: TrainingRun) -> Any:
        """What the recipe's `run` takes."""
        ...


def _run_of_target(target: str) -> TrainingRun:
    return run_by_id(target_id("training", target))


def _source_of(run: TrainingRun) -> Source:
    return cast("Source", import_module(SOURCES[recipe_named(run.recipe).learns_from]))


def _cut_vectors(target: str) -> Iterator[Piece]:
    run = _run_of_target(target)
    return _source_of(run).cut_pieces(run)


def _compute_vectors(target: str, arguments: dict[str, Any]) -> list[Fault]:
    run = _run_of_target(target)
    return _source_of(run).embed_piece(run, arguments)


def _cut_training(target: str) -> Iterator[Piece]:
    """Before anything is trained, what cannot be learnt from is refused in the recipe's own words."""
    run = _run_of_target(target)
    entry = recipe_named(run.recipe)
    try:
        entry.load_recipe().check(_source_of(run).data_of(run), configure_recipe(entry.config_type(), run.config))
    except TrainingError as error:
        raise Problem(str(error)) from error
    yield Piece({})


def _train_run(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    run = _run_of_target(target)
    entry = recipe_named(run.recipe)
    config = configure_recipe(entry.config_type(), run.config)

    chunk = _chunk_of(run)
    claim = chunk.claim if chunk else None

    def report_epoch(epoch: EpochReport) -> None:
        _require_claim(run, claim)
        meter.note_seconds()
        if training_runs.note_epoch(run, epoch) and chunk is not None:
            # A machine that is taken away every hour must not end a run that goes on from its checkpoint each time.
            jobs.note_progress(chunk)
        if run.job and Job.objects.filter(pk=run.job.pk, state__in=FINAL_STATES).exists():
            raise Stopped("The job was stopped.")

    run.workdir.mkdir(parents=True, exist_ok=True)
    meter = Meter(run.workdir)
    compute_on(settings.DEVICE)
    try:
        data = _source_of(run).data_of(run)
        outcome = entry.load_recipe().run(data, config, run.workdir, on_progress=report_epoch, resume=True)
        _require_claim(run, claim)
    except TrainingError as error:
        # Another attempt would end in the same way: the run is told so instead.
        return [(run.name, str(error))]
    meter.note_seconds()
    price = price_of(meter.seconds, device_in_words(settings.DEVICE), outcome.card, settings.PRICE_PER_HOUR)
    training_runs.note_outcome(run, replace(outcome, card={**outcome.card, "price": price}))
    return []


def _chunk_of(run: TrainingRun) -> Chunk | None:
    """The run's chunk; how often it was claimed is a number that a worker holds until another one takes it over."""
    return run.job.chunks.filter(stage="train").first() if run.job else None


def _require_claim(run: TrainingRun, claim: int | None) -> None:
    """Raise Stopped where the chunk was taken away, as after an outage of the database: two would write one folder."""
    chunk = _chunk_of(run)
    if (chunk.claim if chunk else None) != claim:
        raise Stopped("Another worker has taken this run over.")


def _finish_run(target: str, state: str) -> None:
    run = _run_of_target(target)
    folder = run.workdir / ENCODER
    if run.card and not recipe_named(run.recipe).makes_encoder:
        return
    if not run.card or not folder.is_dir():
        raise Problem(_failure_reason(run, state))
    training_runs.register_result(run, str(folder))
    note_tastes(run)


def _failure_reason(run: TrainingRun, state: str) -> str:
    """Why there is no encoder: the words of what stopped the training."""
    chunk = run.job.chunks.filter(stage="train").order_by("-pk").first() if run.job else None
    if chunk is not None and (chunk.faults or chunk.error):
        return str(chunk.faults[0][1]) if chunk.faults else chunk.error
    return f"Training ended as {state} and made no encoder."


PLAN = Plan(
    stages=(
        Stage("embed", "pictures", _cut_vectors, _compute_vectors),
        Stage("train", "runs", _cut_training, _train_run),
    ),
    finish=_finish_run,
)
