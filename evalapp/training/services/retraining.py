"""A turn of the loop: votes, encoder, next round, decision. Every step can be taken again by whoever looks at the row.

Nothing here tells workers anything: what was asked for comes back as jobs, and doors and tasks nudge for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from evalapp.contenders.models import EmbeddingModel
from evalapp.core.domain.errors import InvalidInput, Problem
from evalapp.core.domain.job_targets import target_of
from evalapp.core.models import Job, JobState
from evalapp.core.services.deeds import recorded
from evalapp.core.services.jobs import request_job
from evalapp.leaderboard.services import board_of, update_sums
from evalapp.studies.models import Study, StudyState
from evalapp.studies.services import close_study, open_study, start_round
from evalapp.training.models import LIVE_LOOPS, LoopState, Retraining, Schedule
from evalapp.training.queries.rounds import latest_round
from evalapp.training.services.start_encoder import base_of
from evalapp.training.services.training_runs import begin_run
from models_registry.training.common.recipe_base import recipe_named
from models_registry.training.common.training_errors import TrainingError

_SUCCEEDED = (JobState.DONE, JobState.DONE_WITH_ERRORS)
_UNFINISHED = (JobState.PENDING, JobState.RUNNING)


@recorded("asked for retraining", "study {study}", "{recipe} to {name}")
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

    Raises InvalidInput for invalid values, Conflict where the name is taken.
    """
    base, tap = start_of(study, recipe, sources)
    with transaction.atomic():
        run = begin_run(
            name=name,
            recipe=recipe,
            data=target_of("study", study.pk),
            parent=base,
            parent_tap=tap,
            settings=settings or {},
            learns_from="votes",
        )
        return Retraining.objects.create(study=study, run=run, opens=opens, schedule=schedule)


def start_of(study: Study, recipe: str, sources: Sequence[str]) -> tuple[EmbeddingModel, str]:
    """The encoder and tap that this recipe of votes starts from; raises InvalidInput where they do not go together."""
    try:
        entry = recipe_named(recipe, "votes")
    except TrainingError as error:
        raise InvalidInput(str(error)) from error
    base, tap = base_of(study, sources, described=not entry.starts_from)
    if entry.starts_from and base.spec["family"] not in entry.starts_from:
        raise InvalidInput(
            f"{recipe} changes the network itself and starts from one of {', '.join(entry.starts_from)}; {base} is "
            f"{base.spec['family']}. Name one with --from MODEL.TAP."
        )
    return base, tap


def advance_turn(retraining: Retraining) -> list[Job]:
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
            end_turn(row, LoopState.FAILED, problem.message)
            return []


def _after_training(row: Retraining) -> list[Job]:
    run = row.run
    if run.state in _UNFINISHED:
        return []
    if run.state not in _SUCCEEDED:
        end_turn(row, LoopState.FAILED, run.job.error if run.job else "The run was cancelled.")
        return []
    if run.model is None:
        end_turn(row, LoopState.KEPT, f"{run.recipe} measures and makes no encoder.")
        return []
    if row.schedule is not None and not run.metrics.get("guard_holds", True):
        _stop_turn(
            row, "The guard fell: category match or the spread of the vectors got clearly worse. Look at the run."
        )
        return []
    _draft_round(row)
    return [request_job("precompute", target_of("study", _following_study(row).pk))]


def _draft_round(row: Retraining) -> None:
    """The next round with the child beside its parents, on queries that no earlier round asked."""
    run = row.run
    if run.model is None:
        raise RuntimeError("A run that makes an encoder has a model.")
    metric = run.metrics.get("compare_by", "cosine")
    row.following = start_round(latest_round(row.study), add=[f"{run.model.name}:{metric}"], queries="fresh")
    # The child has to be better than its parents, not only near them.
    row.following.margin = 0.0
    row.following.save(update_fields=["margin"])
    row.contender = f"{run.model.name}:{metric}"
    row.state = LoopState.COMPUTING
    row.save(update_fields=["following", "contender", "state"])


def _after_computing(row: Retraining) -> list[Job]:
    following = _following_study(row)
    if following.state == StudyState.DRAFT:
        job = Job.objects.filter(kind="precompute", target=target_of("study", following.pk)).order_by("-pk").first()
        if job is not None and job.is_final:
            end_turn(row, LoopState.FAILED, job.error or f"The pairs of {following} were not made.")
        return []
    if row.opens:
        open_study(following)
    _move_to(row, LoopState.VOTING if row.opens else LoopState.READY)
    return []


def _after_drafting(row: Retraining) -> list[Job]:
    if _following_study(row).opened_at is not None:
        _move_to(row, LoopState.VOTING)
    return []


def _after_votes(row: Retraining) -> list[Job]:
    """Only the board's decision on the fresh votes of the round promotes."""
    following = _following_study(row)
    update_sums(following)
    decision = board_of(following).decision
    if decision.winner is None:
        if following.state == StudyState.CLOSED:
            end_turn(row, LoopState.KEPT, "The round was closed before its board could decide.")
        return []
    if row.opens and following.state == StudyState.OPEN:
        close_study(following)
    if decision.winner == row.contender:
        end_turn(
            row, LoopState.PROMOTED, f"People prefer {row.contender}; wrong with probability {decision.delta} at most."
        )
    else:
        end_turn(row, LoopState.KEPT, f"People prefer {decision.winner}.")
    return []


def live_turns() -> list[Retraining]:
    """Turns that have not ended, the oldest first."""
    return list(Retraining.objects.filter(state__in=LIVE_LOOPS).order_by("pk"))


def _following_study(row: Retraining) -> Study:
    if row.following is None:
        raise Problem("The next round is gone.")
    return Study.objects.get(pk=row.following.pk)


def _stop_turn(row: Retraining, reason: str) -> None:
    if row.schedule is not None:
        row.schedule.stop(reason)
    end_turn(row, LoopState.STOPPED, reason)


def _move_to(row: Retraining, state: LoopState) -> None:
    row.state = state
    row.save(update_fields=["state"])


def end_turn(row: Retraining, state: LoopState, note: str) -> None:
    """The turn goes no further, for this reason."""
    row.state, row.note, row.ended_at = state, note[:500], timezone.now()
    row.save(update_fields=["state", "note", "ended_at"])
