"""The ledger of long work. Every transition is a compare-and-set: whoever changes the row has the work."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import timezone

from evalapp.core.models import FINAL_STATES, Chunk, Job, JobState
from evalapp.core.plans import Fault, Piece

MOST_ATTEMPTS = 3
SILENCE = timedelta(seconds=60)
"""A worker beats every few seconds; one that was silent for this long is taken for dead."""


def request_job(kind: str, target: str) -> Job:
    """The live job of this kind for this target, made if there is none."""
    try:
        with transaction.atomic():
            return Job.objects.create(kind=kind, target=target)
    except IntegrityError:
        live = Job.objects.filter(kind=kind, target=target).exclude(state__in=FINAL_STATES).first()
        # It may have ended between the two statements; then a new one is due.
        return live or request_job(kind, target)


def begin_stage(job: Job, stage: str, pieces: Iterable[Piece]) -> bool:
    """Move a job to its next stage and write that stage's chunks. False: another worker was first."""
    with transaction.atomic():
        moved = Job.objects.filter(pk=job.pk, stage=job.stage, state__in=[JobState.PENDING, JobState.RUNNING])
        if moved.update(stage=stage, state=JobState.RUNNING) != 1:
            return False
        Chunk.objects.bulk_create(
            (
                Chunk(job=job, stage=stage, number=number, arguments=piece.arguments, size=piece.size)
                for number, piece in enumerate(pieces)
            ),
            batch_size=500,
        )
    return True


def claim_chunk(job: Job) -> Chunk | None:
    """A pending chunk of the job's stage, now running in the caller's name; None if there is none left."""
    with transaction.atomic():
        chunk = (
            Chunk.objects.select_for_update(skip_locked=True)
            .filter(job=job, stage=job.stage, state=JobState.PENDING)
            .order_by("number")
            .first()
        )
        if chunk is None:
            return None
        chunk.state, chunk.heartbeat = JobState.RUNNING, timezone.now()
        chunk.attempt += 1
        chunk.save(update_fields=["state", "heartbeat", "attempt"])
    return chunk


def beat_chunk(chunk: Chunk) -> bool:
    """Say that the chunk is alive. False: it was taken away, so its result is no longer wanted."""
    return _mine(chunk).update(heartbeat=timezone.now()) == 1


def finish_chunk(chunk: Chunk, faults: list[Fault]) -> bool:
    """Mark the chunk done. False: it was taken away; whoever has it now will mark it."""
    return _mine(chunk).update(state=JobState.DONE, faults=faults, error="") == 1


def fail_chunk(chunk: Chunk, error: str) -> bool:
    """Give the chunk back for another attempt, or for good after the third."""
    state = JobState.FAILED if chunk.attempt >= MOST_ATTEMPTS else JobState.PENDING
    return _mine(chunk).update(state=state, error=error[:2000]) == 1


def end_job(job: Job, state: JobState, error: str = "") -> bool:
    """Mark the job ended; False if another worker did."""
    live = Job.objects.filter(pk=job.pk).exclude(state__in=FINAL_STATES)
    return live.update(state=state, error=error[:2000], finished_at=timezone.now()) == 1


def cancel_job(job: Job) -> bool:
    """Stop the job: what runs is finished and thrown away, nothing new is begun."""
    with transaction.atomic():
        Chunk.objects.filter(job=job, state=JobState.PENDING).update(state=JobState.CANCELLED)
        return end_job(job, JobState.CANCELLED)


def requeue_silent_chunks(silence: timedelta = SILENCE) -> set[int]:
    """Give back the chunks whose worker fell silent for so long; the ids of their jobs."""
    silent = Chunk.objects.filter(state=JobState.RUNNING, heartbeat__lte=timezone.now() - silence)
    jobs = set(silent.values_list("job_id", flat=True))
    worn_out = silent.filter(attempt__gte=MOST_ATTEMPTS)
    worn_out.update(state=JobState.FAILED, error="Its worker died three times.")
    silent.update(state=JobState.PENDING)
    return jobs


def note_nudge(jobs: Iterable[int]) -> None:
    """Remember that workers were told of these jobs."""
    Job.objects.filter(pk__in=list(jobs)).update(nudged_at=timezone.now())


def forgotten_jobs(silence: timedelta = SILENCE) -> list[Job]:
    """Live jobs that no worker was told of for so long and on which nobody works: their message was lost."""
    since = timezone.now() - silence
    busy = Chunk.objects.filter(state=JobState.RUNNING).values("job_id")
    live = Q(state__in=[JobState.PENDING, JobState.RUNNING], nudged_at__lte=since)
    return list(Job.objects.filter(live).exclude(pk__in=busy))


def _mine(chunk: Chunk) -> models.QuerySet[Chunk]:
    # The attempt is the claim's own number: after a requeue the next claim has another.
    return Chunk.objects.filter(pk=chunk.pk, state=JobState.RUNNING, attempt=chunk.attempt)
