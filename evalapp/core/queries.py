"""How far jobs are."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce

from evalapp.core.models import Chunk, Job, JobState


@dataclass(frozen=True, slots=True)
class Progress:
    """Units done and in all of the stage that a job is in."""

    state: str
    stage: str
    done: int
    total: int
    failed: int


def progress_of(job_id: int) -> Progress:
    """How far a job is in its stage."""
    job = Job.objects.only("state", "stage").get(pk=job_id)
    finished = Q(state__in=[JobState.DONE, JobState.FAILED, JobState.CANCELLED])
    sums = Chunk.objects.filter(job_id=job_id, stage=job.stage).aggregate(
        done=Coalesce(Sum("size", filter=finished), 0),
        total=Coalesce(Sum("size"), 0),
        failed=Count("pk", filter=Q(state=JobState.FAILED)),
    )
    return Progress(state=job.state, stage=job.stage, **sums)


def faults_of(job_id: int, limit: int = 1000) -> list[tuple[str, str]]:
    """What the job left out, and why; failed chunks by their error."""
    rows = Chunk.objects.filter(job_id=job_id).exclude(faults=[], state=JobState.DONE)
    found: list[tuple[str, str]] = []
    for chunk in rows.only("stage", "number", "state", "error", "faults").iterator(chunk_size=200):
        found.extend((str(thing), str(reason)) for thing, reason in chunk.faults)
        if chunk.state == JobState.FAILED:
            found.append((f"{chunk.stage} chunk {chunk.number}", chunk.error))
        if len(found) >= limit:
            break
    return found[:limit]


def unfinished_chunks(job: Job) -> int:
    """Chunks of the job's stage that still have to end."""
    return Chunk.objects.filter(job=job, stage=job.stage, state__in=[JobState.PENDING, JobState.RUNNING]).count()


def had_errors(job: Job) -> bool:
    """Whether any chunk failed or left something out."""
    return Chunk.objects.filter(job=job).filter(Q(state=JobState.FAILED) | ~Q(faults=[])).exists()


def error_of(job_id: int) -> str:
    """Why the job failed, or an empty text."""
    return Job.objects.only("error").get(pk=job_id).error


def recent_jobs(limit: int = 20) -> list[dict[str, object]]:
    """The newest jobs with the progress of the stage that each is in."""
    ended = Q(chunks__stage=F("stage"), chunks__state__in=[JobState.DONE, JobState.FAILED, JobState.CANCELLED])
    jobs = Job.objects.annotate(
        done=Coalesce(Sum("chunks__size", filter=ended), 0),
        total=Coalesce(Sum("chunks__size", filter=Q(chunks__stage=F("stage"))), 0),
    )
    fields = ("id", "kind", "target", "state", "stage", "done", "total", "error", "created_at")
    return [dict(row) for row in jobs.values(*fields)[:limit]]
