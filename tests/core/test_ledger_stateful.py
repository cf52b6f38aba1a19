"""Random schedules of workers, operators and deaths on the rows themselves: nothing is done by two, nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from evalapp.core.domain.errors import Conflict
from evalapp.core.domain.job_plans import Fault, Piece, Plan, Stage
from evalapp.core.models import Chunk, Job, JobState
from evalapp.core.pipeline import chunk_work
from evalapp.core.services import jobs

pytestmark = [pytest.mark.django_db, pytest.mark.database]

SILENCE = timedelta(seconds=60)
CHUNKS = 2
LIVE = {JobState.PENDING, JobState.RUNNING}
_numbers = count()


@dataclass
class Claim:
    """A worker that holds a chunk, or believes that it does."""

    chunk: Chunk
    wanted: bool = True


def _pieces(_target: str) -> Iterator[Piece]:
    return (Piece({"n": number}) for number in range(CHUNKS))


def _no_work(_target: str, _arguments: dict[str, int]) -> list[Fault]:
    return []


PLAN = Plan(stages=(Stage("first", "pieces", _pieces, _no_work), Stage("second", "pieces", _pieces, _no_work)))


class Ledger(RuleBasedStateMachine):
    """The rows, and beside them what the people of the story believe.

    `wanted` is the naive twin of the compare-and-set: a claim is wanted until its chunk ends or is taken away.
    Every run lies in a transaction that is rolled back, as each test does.
    """

    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self._all = transaction.atomic()
        self._all.__enter__()
        self.job = jobs.request_job("random", f"thing:{next(_numbers)}")
        self.held: list[Claim] = []

    def teardown(self) -> None:
        try:
            self._drive_to_its_end()
        finally:
            transaction.set_rollback(True)
            self._all.__exit__(None, None, None)

    # --- Workers -------------------------------------------------------------------------------------------

    @rule(target=claims)
    def claim(self) -> Claim | MultipleResults[Claim]:
        """What a worker does when it is told of the job: begin the stage that is due, and take a chunk."""
        self._advance()
        chunk = jobs.claim_chunk(self._row())
        if chunk is None:
            return multiple()
        mine = Claim(chunk)
        self.held.append(mine)
        return mine

    @rule(claim=claims)
    def beat(self, claim: Claim) -> None:
        assert jobs.beat_chunk(claim.chunk) == claim.wanted

    @rule(claim=claims)
    def finish(self, claim: Claim) -> None:
        self._end(claim, lambda chunk: jobs.finish_chunk(chunk, []))

    @rule(claim=claims)
    def fail(self, claim: Claim) -> None:
        self._end(claim, lambda chunk: jobs.fail_chunk(chunk, "it broke"))

    @rule(claim=claims)
    def fall_silent(self, claim: Claim) -> None:
        """Dead, or only slow: it may come back later with its result."""
        if claim.wanted:
            chunk = Chunk.objects.get(pk=claim.chunk.pk)
            Chunk.objects.filter(pk=chunk.pk).update(heartbeat=chunk.heartbeat - 2 * SILENCE)  # type: ignore[operator]

    @rule()
    def sweep(self) -> None:
        silent = set(Chunk.objects.filter(job=self.job, state=JobState.RUNNING).values_list("pk", flat=True))
        lost = jobs.requeue_silent_chunks(SILENCE)
        still = set(Chunk.objects.filter(job=self.job, state=JobState.RUNNING).values_list("pk", flat=True))
        assert lost.total() == len(silent - still)
        self._forget(silent - still)

    # --- Operators -----------------------------------------------------------------------------------------

    @precondition(lambda self: self._row().state in LIVE)
    @rule()
    def cancel(self) -> None:
        jobs.cancel_job(self._row())
        self._forget()

    @precondition(lambda self: self._row().state not in LIVE)
    @rule()
    def resume(self) -> None:
        job = self._row()
        failed = Chunk.objects.filter(job=job, state=JobState.FAILED).exists()
        done = set(Chunk.objects.filter(job=job, stage="first", state=JobState.DONE).values_list("pk", flat=True))
        try:
            jobs.resume_job(job)
        except Conflict:
            assert job.state == JobState.DONE or not failed
        else:
            self._forget()
            still = Chunk.objects.filter(job=job, stage="first", state=JobState.DONE).values_list("pk", flat=True)
            assert set(still) == done, "what was whole is done again"

    # --- What always holds ---------------------------------------------------------------------------------

    @invariant()
    def no_chunk_is_held_by_two_and_none_by_nobody(self) -> None:
        held = sorted(claim.chunk.pk for claim in self.held if claim.wanted)
        running = Chunk.objects.filter(job=self.job, state=JobState.RUNNING).values_list("pk", flat=True)
        assert held == sorted(running)

    @invariant()
    def attempts_are_bounded(self) -> None:
        assert not Chunk.objects.filter(job=self.job, attempt__gt=jobs.MOST_CHUNK_ATTEMPTS).exists()

    @invariant()
    def no_chunk_is_lost(self) -> None:
        job = self._row()
        for stage in ("first", "second"):
            states = list(Chunk.objects.filter(job=job, stage=stage).values_list("state", flat=True))
            assert len(states) in {0, CHUNKS}
            if job.is_final or stage != job.stage:
                assert not LIVE & set(states), "left to do, but nobody will"

    # -------------------------------------------------------------------------------------------------------

    def _row(self) -> Job:
        return Job.objects.get(pk=self.job.pk)

    def _advance(self) -> None:
        job = self._row()
        unfinished = Chunk.objects.filter(job=job, stage=job.stage, state__in=LIVE).exists()
        if not job.is_final and not unfinished:
            chunk_work._advance_job(PLAN, job, lambda _chunks: None)

    def _end(self, claim: Claim, end: Callable[[Chunk], bool]) -> None:
        assert end(claim.chunk) == claim.wanted, "a late result counted, or a wanted one did not"
        claim.wanted = False

    def _forget(self, chunks: set[int] | None = None) -> None:
        for claim in self.held:
            if chunks is None or claim.chunk.pk in chunks:
                claim.wanted = False

    def _drive_to_its_end(self) -> None:
        """Whatever happened: with every worker dead, a sweep and one new worker bring the job to its end."""
        if self._row().state == JobState.CANCELLED:
            jobs.resume_job(self._row())
        jobs.requeue_silent_chunks(timedelta(seconds=-1))
        for _ in range(2 * CHUNKS * jobs.MOST_CHUNK_ATTEMPTS + 4):
            self._advance()
            chunk = jobs.claim_chunk(self._row())
            if chunk is not None:
                assert jobs.finish_chunk(chunk, [])
        job = self._row()
        states = set(Chunk.objects.filter(job=job).values_list("state", flat=True))
        assert job.state == (JobState.DONE_WITH_ERRORS if JobState.FAILED in states else JobState.DONE)
        assert states <= {JobState.DONE, JobState.FAILED}


def test_no_schedule_makes_two_hold_a_chunk_or_loses_one() -> None:
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=30,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
