"""The ledger of long work. Every transition is a compare-and-set: whoever changes the row has the work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import timezone

from evalapp.core.domain.errors import Conflict
from evalapp.core.domain.job_plans import Fault, Piece
from evalapp.core.models import FINAL_STATES, Chunk, Job, JobState, Worker
from evalapp.core.queries import is_resumable, name_of_target
from evalapp.core.services.deeds import recorded

MOST_CHUNK_ATTEMPTS = 3


def _job_asked_for(arguments: Mapping[str, Any]) -> str:
    return f"{arguments['kind']} of {name_of_target(arguments['target'])}"


def _job_words(arguments: Mapping[str, Any]) -> str:
    job: Job = arguments["job"]
    return f"job {job.pk}, {job.kind} of {name_of_target(job.target)}"


@recorded("asked for job", _job_asked_for)
def request_job(kind: str, target: str) -> Job:
    """The live job of this kind for this target, made if there is none."""
    try:
        with transaction.atomic():
            return Job.objects.create(kind=kind, target=target)
    except IntegrityError:
        live = Job.objects.filter(kind=kind, target=target).exclude(state__in=FINAL_STATES).first()
        # It may have ended between the two statements; then a new one is due.
        return live or request_job(kind, target)


def begin_stage(job: Job, stage: str, pieces: Iterable[Piece], unit: str = "") -> bool:
    """Move a job to its next stage and write that stage's chunks. False: another worker was first."""
    with transaction.atomic():
        if not hold_ended_stage(job):
            return False
        Job.objects.filter(pk=job.pk).update(stage=stage, unit=unit, state=JobState.RUNNING)
        Chunk.objects.bulk_create(
            (
                Chunk(job=job, stage=stage, number=number, arguments=piece.arguments, size=piece.size)
                for number, piece in enumerate(pieces)
            ),
            batch_size=500,
        )
    return True


def hold_ended_stage(job: Job) -> bool:
    """Lock the job until the transaction ends, if it still is live and in the stage that the caller saw, all of
    whose chunks have ended. A job that was cancelled and resumed meanwhile has chunks to do again."""
    live = Job.objects.select_for_update().filter(pk=job.pk, stage=job.stage).exclude(state__in=FINAL_STATES)
    if not live.exists():
        return False
    unfinished = Chunk.objects.filter(job=job, stage=job.stage, state__in=[JobState.PENDING, JobState.RUNNING])
    return not unfinished.exists()


def claim_chunk(job: Job, worker: str = "") -> Chunk | None:
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
        chunk.state, chunk.worker = JobState.RUNNING, worker
        chunk.begun_at = chunk.heartbeat = timezone.now()
        chunk.attempt += 1
        chunk.claim += 1
        chunk.save(update_fields=["state", "worker", "begun_at", "heartbeat", "attempt", "claim"])
    return chunk


def beat_chunk(chunk: Chunk) -> bool:
    """Say that the chunk is alive. False: it was taken away, so its result is no longer wanted."""
    return _claimed_rows(chunk).update(heartbeat=timezone.now()) == 1


def note_progress(chunk: Chunk) -> bool:
    """Say that the chunk got further than any attempt before: its attempts are counted anew. False: taken away."""
    return _claimed_rows(chunk).update(attempt=1, heartbeat=timezone.now()) == 1


def finish_chunk(chunk: Chunk, faults: list[Fault]) -> bool:
    """Mark the chunk done. False: it was taken away; whoever has it now will mark it."""
    return _claimed_rows(chunk).update(state=JobState.DONE, faults=faults, error="", ended_at=timezone.now()) == 1


def fail_chunk(chunk: Chunk, error: str, faults: Sequence[Fault] = ()) -> bool:
    """Give the chunk back for another attempt, or for good after the third, with what was at fault."""
    # As the row counts: what got further meanwhile has its attempts counted anew.
    attempt = _claimed_rows(chunk).values_list("attempt", flat=True).first() or chunk.attempt
    state = JobState.FAILED if attempt >= MOST_CHUNK_ATTEMPTS else JobState.PENDING
    return (
        _claimed_rows(chunk).update(state=state, error=error[:2000], faults=list(faults), ended_at=timezone.now()) == 1
    )


def note_suspect(chunk: Chunk, faults: Sequence[Fault], suspect: str) -> bool:
    """Write down what is tried next, before it may take the worker along. False: the chunk was taken away."""
    faults_with_suspect = [*faults, (suspect, "The worker died while it was at this.")]
    return _claimed_rows(chunk).update(faults=faults_with_suspect, heartbeat=timezone.now()) == 1


def end_job(job: Job, state: JobState, error: str = "") -> bool:
    """Mark the job ended; False if another worker did."""
    live = Job.objects.filter(pk=job.pk).exclude(state__in=FINAL_STATES)
    return live.update(state=state, error=error[:2000], finished_at=timezone.now()) == 1


@recorded("cancelled", _job_words)
def cancel_job(job: Job) -> None:
    """Stop the job: what runs is finished and thrown away, nothing new is begun. Raises Conflict if it has ended."""
    with transaction.atomic():
        # The job's row first: a stage that begins at this moment holds it, and its chunks are seen afterwards.
        if not end_job(job, JobState.CANCELLED):
            raise Conflict(f"Job {job.pk} has ended already; there is nothing to cancel.")
        unfinished = Chunk.objects.filter(job=job, state__in=[JobState.PENDING, JobState.RUNNING])
        unfinished.update(state=JobState.CANCELLED)


@recorded("resumed", _job_words)
def resume_job(job: Job) -> None:
    """Make an ended job live again: what failed or was cancelled is tried anew, what is done stays.

    The job goes back to the earliest stage that has something to do; the stages after it are cut again when their
    turn comes, as they build on its results. Raises Conflict where there is nothing to resume or where another
    job does the same work now.
    """
    with transaction.atomic():
        ended = Job.objects.select_for_update().get(pk=job.pk)
        _require_resumable(ended)
        # Stages write their chunks in their order, so that the first chunk left to do is of the earliest stage.
        undone = Chunk.objects.filter(job=ended).exclude(state=JobState.DONE)
        first = undone.order_by("pk").first()
        if first is not None:
            ended.stage = first.stage
            Chunk.objects.filter(job=ended, pk__gt=first.pk).exclude(stage=first.stage).delete()
            undone.update(state=JobState.PENDING, attempt=0, heartbeat=None, error="", faults=[])
        ended.state = JobState.RUNNING if ended.stage else JobState.PENDING
        ended.error, ended.finished_at, ended.nudged_at = "", None, timezone.now()
        try:
            with transaction.atomic():
                ended.save(update_fields=["stage", "state", "error", "finished_at", "nudged_at"])
        except IntegrityError as error:
            raise Conflict(f"Another job does the work of job {job.pk} now; follow that one.") from error


def _require_resumable(job: Job) -> None:
    if not job.is_final:
        raise Conflict(f"Job {job.pk} is {job.state}; there is nothing to resume.")
    if job.state == JobState.DONE:
        raise Conflict(f"Job {job.pk} is done; there is nothing to resume.")
    if not is_resumable(job.state, failed=job.chunks.filter(state=JobState.FAILED).exists()):
        raise Conflict(
            f"No chunk of job {job.pk} failed; it left out what it could not use. Mend that and ask for the work anew."
        )


def requeue_silent_chunks(silence: timedelta) -> Counter[int]:
    """Give back the chunks whose worker fell silent for so long; how many, by the id of their job."""
    with transaction.atomic():
        # A chunk that somebody writes to at this moment is not silent.
        silent = Chunk.objects.select_for_update(skip_locked=True).filter(
            state=JobState.RUNNING, heartbeat__lte=timezone.now() - silence
        )
        silent_rows = list(silent.values_list("pk", "job_id", "attempt"))
        worn_out = [chunk for chunk, _, attempt in silent_rows if attempt >= MOST_CHUNK_ATTEMPTS]
        requeued = Chunk.objects.filter(pk__in=[chunk for chunk, _, _ in silent_rows])
        requeued.exclude(pk__in=worn_out).update(state=JobState.PENDING)
        requeued.filter(pk__in=worn_out).update(
            state=JobState.FAILED, error=f"Its worker died {MOST_CHUNK_ATTEMPTS} times.", ended_at=timezone.now()
        )
    return Counter(job for _, job, _ in silent_rows)


def note_nudge(jobs: Iterable[int]) -> None:
    """Remember that workers were told of these jobs."""
    Job.objects.filter(pk__in=list(jobs)).update(nudged_at=timezone.now())


def forgotten_jobs(silence: timedelta) -> list[Job]:
    """Unfinished jobs with no running chunk whose last broker message is older than `silence`."""
    since = timezone.now() - silence
    busy = Chunk.objects.filter(state=JobState.RUNNING).values("job_id")
    live = Q(state__in=[JobState.PENDING, JobState.RUNNING], nudged_at__lte=since)
    return list(Job.objects.filter(live).exclude(pk__in=busy))


def forget_jobs(retention: timedelta) -> int:
    """Delete jobs that ended longer ago, with their chunks; no time at all keeps all of them. How many there were."""
    if not retention:
        return 0
    old_jobs = Job.objects.filter(state__in=FINAL_STATES, finished_at__lt=timezone.now() - retention)
    return old_jobs.delete()[1].get("core.Job", 0)


def see_worker(name: str, queues: str, device: str) -> None:
    """A worker says that it lives and what it is."""
    Worker.objects.update_or_create(
        name=name, defaults={"queues": queues, "device": device[:200], "seen_at": timezone.now()}
    )


def forget_workers(names: Iterable[str] = (), *, silent_for: timedelta | None = None) -> None:
    """Strike workers that ended, or those that were not seen for so long."""
    gone = Q(name__in=list(names))
    if silent_for is not None:
        gone |= Q(seen_at__lte=timezone.now() - silent_for)
    Worker.objects.filter(gone).delete()


def _claimed_rows(chunk: Chunk) -> models.QuerySet[Chunk]:
    # Attempts start again when a job is resumed; the number of the claim never does.
    return Chunk.objects.filter(pk=chunk.pk, state=JobState.RUNNING, claim=chunk.claim)
