"""Turns of the loop that begin by themselves: set, paused, and begun when they are due."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.core.services.deeds import recorded
from evalapp.studies.models import Study
from evalapp.training.models import LIVE_LOOPS, LoopState, Retraining, Schedule
from evalapp.training.queries.rounds import latest_round, rounds_up_to, votes_of
from evalapp.training.services.retraining import begin_retraining, end_turn, start_of
from models_registry.training.common.recipe_base import configure_recipe, recipe_named
from models_registry.training.common.training_errors import TrainingError

_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


@recorded("set", "schedule {name} of study {study}")
def set_schedule(
    study: Study,
    *,
    name: str,
    recipe: str = "adapter",
    every_days: int | None = None,
    every_votes: int | None = None,
    sources: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    opens: bool = True,
) -> Schedule:
    """Have turns begin by themselves; a schedule of the same name is set anew. Raises InvalidInput."""
    if not every_days and not every_votes:
        raise InvalidInput("Say how often: every so many days, or after so many votes.")
    if not _STEM.fullmatch(name):
        raise InvalidInput(f"{name!r} is no name for models; use up to 60 letters, digits, dots, dashes.")
    # Words that are off are told now, not in a week.
    start_of(study, recipe, sources)
    try:
        configure_recipe(recipe_named(recipe, "votes").config_type(), settings or {})
    except TrainingError as error:
        raise InvalidInput(str(error)) from error
    values = {
        "study": latest_round(study), "recipe": recipe, "config": dict(settings or {}), "sources": list(sources),
        "every_days": every_days or None, "every_votes": every_votes or None, "opens": opens, "enabled": True,
        "stopped_because": "", "last_at": timezone.now(),
    }  # fmt: skip
    lineage = [earlier.pk for earlier in rounds_up_to(latest_round(study))]
    existing = Schedule.objects.filter(name=name, study__in=lineage).first()
    if existing is None:
        return Schedule.objects.create(name=name, **values)
    Schedule.objects.filter(pk=existing.pk).update(**values)
    return Schedule.objects.get(pk=existing.pk)


@recorded("paused", "schedule {schedule}")
def pause_schedule(schedule: Schedule) -> None:
    """No turn begins by itself any more; one that is under way goes on."""
    schedule.stop("Paused by an operator.")


@recorded("resumed", "schedule {schedule}")
def resume_schedule(schedule: Schedule) -> None:
    """Turns begin by themselves again; days count from now, votes from the last turn."""
    Schedule.objects.filter(pk=schedule.pk).update(enabled=True, stopped_because="", last_at=timezone.now())


def begin_due_turns() -> list[Retraining]:
    """Begin a turn of every schedule that is due and has none under way."""
    begun = []
    for schedule in Schedule.objects.filter(enabled=True).select_related("study"):
        live = Retraining.objects.filter(schedule=schedule, state__in=LIVE_LOOPS).first()
        study = latest_round(schedule.study)
        votes = votes_of(study)
        if not _is_due(schedule, votes) or (live is not None and live.state != LoopState.VOTING):
            continue
        if live is not None:
            end_turn(live, LoopState.KEPT, "The next turn began before the board could decide.")
        turn = _begin_turn(schedule, study, votes)
        if turn is not None:
            begun.append(turn)
    return begun


def _begin_turn(schedule: Schedule, study: Study, votes: int) -> Retraining | None:
    try:
        with transaction.atomic():
            # Two beats at once: whoever moves the number has the turn.
            unclaimed = Schedule.objects.filter(pk=schedule.pk, turns=schedule.turns)
            if not unclaimed.update(turns=schedule.turns + 1, votes_learnt=votes, last_at=timezone.now(), study=study):
                return None
            return begin_retraining(
                study,
                recipe=schedule.recipe,
                name=f"{schedule.name}-g{schedule.turns + 1}",
                sources=schedule.sources,
                settings=schedule.config,
                opens=schedule.opens,
                schedule=schedule,
            )
    except (InvalidInput, Conflict) as problem:
        schedule.stop(problem.message)
        return None


def _is_due(schedule: Schedule, votes: int) -> bool:
    enough = schedule.every_votes is not None and votes - schedule.votes_learnt >= schedule.every_votes
    days = schedule.every_days
    return enough or (days is not None and timezone.now() - schedule.last_at >= timedelta(days=days))
