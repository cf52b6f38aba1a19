"""How far jobs are."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q, Sum
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
