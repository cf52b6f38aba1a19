"""Envelopes of long work. A message carries an id and is only a nudge; the rows say what there is to do."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from evalapp.core import services
from evalapp.core.models import Job
from evalapp.core.plans import queue_of


def nudge(job: Job) -> None:
    """Tell the workers of the job's queue that there is something to do."""
    services.note_nudge([job.pk])
    work.apply_async((job.pk,), queue=queue_of(job.kind))


@shared_task(name="core.work")
def work(job_id: int) -> None:
    """One worker's turn on a job; it goes on with a new message while there is more."""
    from evalapp.core import pipeline

    if pipeline.work_on(job_id):
        nudge(Job.objects.get(pk=job_id))


@shared_task(name="core.sweep")
def sweep() -> None:
    """Requeue what fell silent and nudge again where the message was lost with its worker."""
    recover(services.SILENCE)


def recover(silence: timedelta) -> None:
    """The sweep. With no silence at all, at a start before which no worker can have been alive, it takes
    everything that is marked as running for lost."""
    silent = services.requeue_silent_chunks(silence)
    for job in {*Job.objects.filter(pk__in=silent), *services.forgotten_jobs(silence)}:
        nudge(job)
