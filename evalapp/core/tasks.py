"""Envelopes of long work. A message carries an id and is only a nudge; the rows say what there is to do."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.db import transaction

from evalapp.core import queries
from evalapp.core.domain.job_plans import queue_of
from evalapp.core.models import Job
from evalapp.core.services import jobs, uploads

MOST_WORKERS = 8
"""So many workers at most are called to a stage at once; a turn's own message goes on as long as there is work."""


def nudge(job: Job, workers: int = 1) -> None:
    """Tell so many workers of the job's queue that there is something to do."""
    jobs.note_nudge([job.pk])
    for _ in range(workers):
        work.apply_async((job.pk,), queue=queue_of(job.kind))


def begin(job: Job | None) -> None:
    """Tell a worker of a job that was just asked for, once the rows it needs can be seen."""
    if job is not None:
        transaction.on_commit(lambda: nudge(job))


def call_workers(job: Job) -> None:
    """Tell as many workers as the job has chunks to do, and at least one: something has to be begun or ended."""
    nudge(job, max(1, min(queries.unfinished_chunks(Job.objects.get(pk=job.pk)), MOST_WORKERS)))


@shared_task(name="core.work")
def work(job_id: int) -> None:
    """One worker's turn on a job; it goes on with a new message while there is more."""
    from evalapp.core.pipeline import chunk_work

    def call_others(chunks: int) -> None:
        others = min(chunks, MOST_WORKERS) - 1
        if others > 0:
            nudge(Job.objects.get(pk=job_id), others)

    if chunk_work.work_on(job_id, begun=call_others):
        nudge(Job.objects.get(pk=job_id))


@shared_task(name="core.sweep")
def sweep() -> None:
    """Requeue what fell silent and nudge again where the message was lost with its worker."""
    recover_lost_work(settings.WORKER_SILENCE)
    jobs.forget_workers(silent_for=10 * settings.WORKER_SILENCE)


@shared_task(name="core.forget")
def forget() -> None:
    """Delete jobs that ended long ago, and uploads that nobody took up."""
    jobs.forget_jobs(settings.JOBS_KEPT)
    uploads.forget_uploads()


def recover_lost_work(silence: timedelta) -> None:
    """The sweep. With no silence at all, at a start before which no worker can have been alive, it takes
    everything that is marked as running for lost."""
    # Each dead worker took a message along: as many are called as were lost.
    lost = jobs.requeue_silent_chunks(silence)
    for job in Job.objects.filter(pk__in=lost):
        nudge(job, min(lost[job.pk], MOST_WORKERS))
    for job in jobs.forgotten_jobs(silence):
        if job.pk not in lost:
            nudge(job)
