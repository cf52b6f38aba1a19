"""A turn of the loop: votes, encoder, next round, decision. Every step can be taken again by whoever looks at the row.

Nothing here tells workers anything: what was asked for comes back as jobs, and doors and tasks nudge for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from evalapp.contenders.models import EmbeddingModel
from evalapp.core.errors import Conflict, InvalidInput, Problem
from evalapp.core.models import Job, JobState
from evalapp.core.services import request_job
from evalapp.leaderboard.services import board_of
from evalapp.studies.models import Study, StudyState
from evalapp.studies.services import close_study, open_study
from evalapp.studies.services.rounds import start_round
from evalapp.training.bases import base_of
from evalapp.training.lineage import rounds_up_to
from evalapp.training.models import LIVE_LOOPS, LoopState, Retraining, Schedule
from evalapp.training.services import begin_run
from evalapp.voting.models import Vote
from models_registry.training.base import recipe_named
from models_registry.training.errors import TrainingError

_SUCCEEDED = (JobState.DONE, JobState.DONE_WITH_ERRORS)
_UNFINISHED = (JobState.PENDING, JobState.RUNNING)
_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


def begin_retraining(
    study: Study,
    *,
    recipe: str,
    name: str,
    sources: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    opens: bool = False,
    schedule: Schedule | None = None,
) -> Retraining:
    """A run on the votes of the study and of the rounds before it, and the row that leads it to the next round.

    Raises InvalidInput for words that are off, Conflict where the name is taken.
    """
    base, tap = _start_of(study, recipe, sources)
    with transaction.atomic():
        run = begin_run(
            name=name,
            recipe=recipe,
            data=f"study:{study.pk}",
            parent=base,
            parent_tap=tap,
            settings=settings or {},
            learns_from="votes",
        )
        return Retraining.objects.create(study=study, run=run, opens=opens, schedule=schedule)


def _start_of(study: Study, recipe: str, sources: Sequence[str]) -> tuple[EmbeddingModel, str]:
    """The encoder and tap that this recipe of votes starts from; raises InvalidInput where they do not go together."""
    try:
        entry = recipe_named(recipe, "votes")
    except TrainingError as error:
        raise InvalidInput(str(error)) from error
    base, tap = base_of(study, sources)
    if entry.starts_from and base.spec["family"] not in entry.starts_from:
        raise InvalidInput(
            f"{recipe} changes the network itself and starts from one of {', '.join(entry.starts_from)}; {base} is "
            f"{base.spec['family']}. Name one with --from MODEL.TAP."
        )
    return base, tap


def advance(retraining: Retraining) -> list[Job]:
    """Take the next step of a turn if it is due; returns the jobs that workers must be told of.

    Raises nothing: what stands in the way ends the turn with its reason.
    """
    with transaction.atomic():
        rows = Retraining.objects.select_for_update(of=("self",)).select_related("run__job", "run__model", "schedule")
        row = rows.get(pk=retraining.pk)
        step = {
            LoopState.TRAINING: _after_training,
            LoopState.COMPUTING: _after_computing,
            LoopState.READY: _after_drafting,
            LoopState.VOTING: _after_votes,
        }.get(LoopState(row.state))
        if step is None:
            return []
        try:
            with transaction.atomic():
                return step(row)
        except Problem as problem:
            _end(row, LoopState.FAILED, problem.message)
            return []


def _after_training(row: Retraining) -> list[Job]:
    run = row.run
    if run.state in _UNFINISHED:
        return []
    if run.state not in _SUCCEEDED:
        _end(row, LoopState.FAILED, run.job.error if run.job else "The run was cancelled.")
        return []
    if run.model is None:
        _end(row, LoopState.KEPT, f"{run.recipe} measures and makes no encoder.")
        return []
    if row.schedule is not None and not run.metrics.get("guard_holds", True):
        _stop(row, "The guard fell: category match or the spread of the vectors got clearly worse. Look at the run.")
        return []
    _draft_round(row)
    return [request_job("precompute", f"study:{row.following_id}")]


def _draft_round(row: Retraining) -> None:
    """The next round with the child beside its parents, on queries that no earlier round asked."""
    run = row.run
    if run.model is None:
        raise RuntimeError("A run that makes an encoder has a model.")
    metric = run.metrics.get("compare_by", "cosine")
    row.following = start_round(latest_round(row.study), add=[f"{run.model.name}:{metric}"], queries="fresh")
    row.contender = f"{run.model.name}:{metric}"
    row.state = LoopState.COMPUTING
    row.save(update_fields=["following", "contender", "state"])


def _after_computing(row: Retraining) -> list[Job]:
    following = _following(row)
    if following.state == StudyState.DRAFT:
        job = Job.objects.filter(kind="precompute", target=f"study:{following.pk}").order_by("-pk").first()
        if job is not None and job.is_final:
            _end(row, LoopState.FAILED, job.error or f"The pairs of {following} were not made.")
        return []
    if row.opens:
        open_study(following)
    _move(row, LoopState.VOTING if row.opens else LoopState.READY)
    return []


def _after_drafting(row: Retraining) -> list[Job]:
    if _following(row).opened_at is not None:
        _move(row, LoopState.VOTING)
    return []


def _after_votes(row: Retraining) -> list[Job]:
    """Only the board's decision on the fresh votes of the round promotes."""
    following = _following(row)
    decision = board_of(following).decision
    if decision.winner is None:
        if following.state == StudyState.CLOSED:
            _end(row, LoopState.KEPT, "The round was closed before its board could decide.")
        return []
    if row.opens and following.state == StudyState.OPEN:
        close_study(following)
    if decision.winner == row.contender:
        _end(
            row, LoopState.PROMOTED, f"People prefer {row.contender}; wrong with probability {decision.delta} at most."
        )
    else:
        _end(row, LoopState.KEPT, f"People prefer {decision.winner}.")
    return []


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
    _start_of(study, recipe, sources)  # words that are off are told now, not in a week
    values = {
        "study": latest_round(study), "recipe": recipe, "config": dict(settings or {}), "sources": list(sources),
        "every_days": every_days or None, "every_votes": every_votes or None, "opens": opens, "enabled": True,
        "stopped_because": "", "last_at": timezone.now(),
    }  # fmt: skip
    lineage = [one.pk for one in rounds_up_to(latest_round(study))]
    known = Schedule.objects.filter(name=name, study__in=lineage).first()
    if known is None:
        return Schedule.objects.create(name=name, **values)
    Schedule.objects.filter(pk=known.pk).update(**values)
    return Schedule.objects.get(pk=known.pk)


def end_schedule(schedule: Schedule, reason: str = "Ended by an operator.") -> None:
    """No turn begins by itself any more; one that is under way goes on."""
    Schedule.objects.filter(pk=schedule.pk).update(enabled=False, stopped_because=reason[:300])


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
            _end(live, LoopState.KEPT, "The next turn began before the board could decide.")
        turn = _begin_turn(schedule, study, votes)
        if turn is not None:
            begun.append(turn)
    return begun


def _begin_turn(schedule: Schedule, study: Study, votes: int) -> Retraining | None:
    try:
        with transaction.atomic():
            # Two beats at once: whoever moves the number has the turn.
            mine = Schedule.objects.filter(pk=schedule.pk, turns=schedule.turns)
            if not mine.update(turns=schedule.turns + 1, votes_learnt=votes, last_at=timezone.now(), study=study):
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
        end_schedule(schedule, problem.message)
        return None


def _is_due(schedule: Schedule, votes: int) -> bool:
    enough = schedule.every_votes is not None and votes - schedule.votes_learnt >= schedule.every_votes
    days = schedule.every_days
    return enough or (days is not None and timezone.now() - schedule.last_at >= timedelta(days=days))


def votes_of(study: Study) -> int:
    """Counted verdicts of the study and of the rounds before it."""
    return Vote.objects.filter(study__in=rounds_up_to(study), counted=True, verdict__in=("dope", "nope")).count()


def latest_round(study: Study) -> Study:
    """The last round that follows this one; of two that follow the same, the newer."""
    while (following := Study.objects.filter(previous=study).order_by("-pk").first()) is not None:
        study = following
    return study


def live_turns() -> list[Retraining]:
    """Turns that have not ended, the oldest first."""
    return list(Retraining.objects.filter(state__in=LIVE_LOOPS).order_by("pk"))


def _following(row: Retraining) -> Study:
    if row.following is None:
        raise Problem("The next round is gone.")
    return Study.objects.get(pk=row.following.pk)


def _stop(row: Retraining, reason: str) -> None:
    if row.schedule is not None:
        end_schedule(row.schedule, reason)
    _end(row, LoopState.STOPPED, reason)


def _move(row: Retraining, state: LoopState) -> None:
    row.state = state
    row.save(update_fields=["state"])


def _end(row: Retraining, state: LoopState, note: str) -> None:
    row.state, row.note, row.ended_at = state, note[:500], timezone.now()
    row.save(update_fields=["state", "note", "ended_at"])
