"""A run as it is watched in the terminal: a line per epoch, and the table at its end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from evalapp.core import queries as jobs
from evalapp.core.management.command_base import Command
from evalapp.core.management.temporary_workers import a_worker, require_success
from evalapp.core.models import JobState
from evalapp.core.tasks import nudge
from evalapp.training.models import Epoch, TrainingRun
from evalapp.training.queries.training_runs import epochs_of
from models_registry.training.common.recipe_base import RecipeEntry

_POLL_SECONDS = 0.5
_LIVE = {JobState.PENDING, JobState.RUNNING}


def follow_run(command: Command, run: TrainingRun) -> jobs.Progress:
    """Show what the run reports until its job has ended; returns where the job stands then."""
    if run.job_id is None:
        raise RuntimeError("A run begins with a job.")
    last_shown = 0
    while True:
        progress = jobs.progress_of(run.job_id)
        for epoch in epochs_of(run, after=last_shown):
            last_shown = epoch.pk
            command.say(_format_epoch(epoch))
        if progress.state not in _LIVE:
            return progress
        time.sleep(_POLL_SECONDS)


def nudge_runs(runs: Sequence[TrainingRun]) -> None:
    """Tell the workers of each."""
    for run in runs:
        if run.job is not None:
            nudge(run.job)


def follow_runs(command: Command, runs: Sequence[TrainingRun]) -> None:
    """See the runs through to their ends, one after the other; raises Failed for one that failed."""
    with a_worker():
        nudge_runs(runs)
        for run in runs:
            command.say(f"{run.name}:")
            require_success(follow_run(command, run), run.job_id or 0)


def say_recipes(command: Command, entries: Sequence[RecipeEntry]) -> list[dict[str, Any]]:
    """The recipes with their settings; returns them as `--json` prints them."""
    documents = []
    for entry in entries:
        default = entry.config_type()()
        settings = {field.name: getattr(default, field.name) for field in fields(default)}
        documents.append({"name": entry.name, "summary": entry.summary, "settings": settings})
        command.say(f"{entry.name}: {entry.summary}")
        command.say(f"    {', '.join(f'{name}={value}' for name, value in settings.items())}")
    return documents


def say_table(command: Command, metrics: dict[str, Any]) -> None:
    """The run's table of measures with intervals; nothing where it has none."""
    table = metrics.get("table")
    if not table:
        return
    if metrics.get("kept") == "own vectors":
        command.say(
            f"Nothing was gained: on the validation pictures the network's own vectors score "
            f"{metrics['own_validation']:.3f}, what was trained {metrics['trained_validation']:.3f}; the own are kept."
        )
    names = sorted({name for line in table["lines"] for name in line["scores"]}, key=_column_order)
    command.say(f"{table['queries']} queries, {table['gallery']} in the gallery, judged by {table['judge']}")
    width = max(len(line["name"]) for line in table["lines"])
    command.say(f"{'':{width}}  {'  '.join(f'{name:22}' for name in names)}")
    for line in table["lines"]:
        command.say(f"{line['name']:{width}}  {'  '.join(_format_score(line['scores'].get(name)) for name in names)}")


def _column_order(name: str) -> tuple[int, str]:
    return (0 if name == "category_match" else 1 if name.startswith("recall") else 2, name.rpartition("_")[2].zfill(3))


def _format_score(interval: dict[str, Any] | None) -> str:
    if interval is None or interval["value"] is None:
        return f"{'no labels':22}"
    return f"{interval['value']:.3f} ({interval['low']:.3f}–{interval['high']:.3f})".ljust(22)


def _format_epoch(epoch: Epoch) -> str:
    values = "  ".join(f"{name} {value:.4g}" for name, value in epoch.values.items())
    return f"{epoch.part + ' ' if epoch.part else ''}epoch {epoch.epoch}/{epoch.epochs}  {values}"
