"""The same head on several encoders, and one recipe in several settings: what each is worth, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

from django.db import transaction

from evalapp.catalog.models import Catalogue
from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.core.domain.job_targets import target_of
from evalapp.core.models import Job
from evalapp.core.services.deeds import recorded
from evalapp.core.services.jobs import request_job
from evalapp.training.models import TrainingRun
from evalapp.training.services.training_runs import begin_run, parse_base

MOST_RUNS = 30
"""A sweep trains no more encoders than this: each is a run of its own."""


@recorded("began training", "catalogue {catalogue}", "{name}")
def begin_comparison(
    catalogue: Catalogue, bases: Sequence[str], *, recipe: str, name: str, settings: Mapping[str, Any]
) -> list[TrainingRun]:
    """A run per encoder, all or none, each called NAME-MODEL-TAP; a single encoder is a run called NAME.

    Raises InvalidInput for words that are off, Conflict where a name is taken.
    """
    if not bases:
        raise InvalidInput("Name the encoder to start from.", fields={"bases": ["At least one."]})
    starts = [parse_base(text) for text in bases]
    with transaction.atomic():
        return [
            begin_run(
                name=name if len(starts) == 1 else f"{name}-{parent.name}-{tap}",
                recipe=recipe,
                data=target_of("catalogue", catalogue.pk),
                parent=parent,
                parent_tap=tap,
                settings=settings,
            )
            for parent, tap in starts
        ]


@recorded("began a sweep", "catalogue {catalogue}", "{name}")
def begin_sweep(
    catalogue: Catalogue, bases: Sequence[str], *, recipe: str, name: str, settings: Mapping[str, Sequence[Any]]
) -> list[TrainingRun]:
    """A run for every choice of one value per setting, on every encoder, all or none, called NAME-1, NAME-2 …

    Which is best is told by validation, so that the test pictures choose nothing. Raises InvalidInput for words that
    are off, a sweep of one run or of more than MOST_RUNS, Conflict where a name is taken.
    """
    starts = [parse_base(text) for text in bases]
    count = len(starts) * prod(len(values) for values in settings.values())
    if not 2 <= count <= MOST_RUNS:
        raise InvalidInput(
            f"A sweep trains 2 to {MOST_RUNS} encoders, and these settings make {count}: give a setting several values."
        )
    choices = product(starts, *settings.values())
    with transaction.atomic():
        return [
            begin_run(
                name=f"{name}-{number}",
                recipe=recipe,
                data=target_of("catalogue", catalogue.pk),
                parent=parent,
                parent_tap=tap,
                settings=dict(zip(settings, values, strict=True)),
            )
            for number, ((parent, tap), *values) in enumerate(choices, start=1)
        ]


@recorded("asked for costs", lambda words: ", ".join(f"training run {run}" for run in words["runs"]))
def request_costs(runs: Sequence[TrainingRun]) -> list[Job]:
    """The jobs that measure on a worker what the encoders of these runs take. Raises Conflict before they are done."""
    unfinished = [run.name for run in runs if "headline" not in run.metrics]
    if unfinished:
        raise Conflict(f"{unfinished[0]} has no scores yet that its costs could be laid beside.")
    return [request_job("costs", run.target) for run in runs]
