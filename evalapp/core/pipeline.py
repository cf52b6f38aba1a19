"""A worker's part in a job: claim chunks one after another, do them, and begin the next stage when one is done."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from evalapp.core import queries, services
from evalapp.core.errors import Problem
from evalapp.core.models import Chunk, Job, JobState
from evalapp.core.plans import Plan, plan_of

logger = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
STOPPING = threading.Event()
"""Set when this worker was asked to end: it finishes the chunk that it is at and begins no other."""


def work_on(job_id: int, *, seconds: float = 30.0) -> bool:
    """Work on a job for about `seconds`; True if there may be more to do.

    A bounded turn keeps one long job from holding a worker that another job waits for.
    """
    turn_end = time.monotonic() + seconds
    while time.monotonic() < turn_end and not STOPPING.is_set():
        job = Job.objects.filter(pk=job_id).first()
        if job is None or job.is_final:
            return False
        plan = plan_of(job.kind)
        chunk = services.claim_chunk(job) if job.stage else None
        if chunk is not None:
            _do(plan, job, chunk)
        elif not _advance(plan, job):
            return False
    return True


def _do(plan: Plan, job: Job, chunk: Chunk) -> None:
    stage = next(stage for stage in plan.stages if stage.name == chunk.stage)
    try:
        with _beating(chunk):
            faults = stage.work(job.target, chunk.arguments)
    except Exception as error:
        # Whatever a chunk does, the rest of the run goes on; the row keeps the reason for the operator.
        logger.exception("Chunk %s failed at attempt %s", chunk, chunk.attempt)
        services.fail_chunk(chunk, str(error) or type(error).__name__)
    else:
        services.finish_chunk(chunk, faults)


def _advance(plan: Plan, job: Job) -> bool:
    """Begin the next stage if the present one has ended; False if others still work on it or the job ended."""
    if job.stage and queries.unfinished_chunks(job):
        return False
    names = [stage.name for stage in plan.stages]
    following = names.index(job.stage) + 1 if job.stage else 0
    if following == len(names):
        _finish(plan, job)
        return False
    stage = plan.stages[following]
    try:
        pieces = list(stage.cut(job.target))
    except Problem as problem:
        services.end_job(job, JobState.FAILED, problem.message)
        return False
    except Exception as error:
        logger.exception("Job %s cannot begin %s", job, stage.name)
        services.end_job(job, JobState.FAILED, f"{stage.name} could not begin: {error}")
        return False
    return services.begin_stage(job, stage.name, pieces) or not Job.objects.get(pk=job.pk).is_final


def _finish(plan: Plan, job: Job) -> None:
    state = JobState.DONE_WITH_ERRORS if queries.had_errors(job) else JobState.DONE
    try:
        with transaction.atomic():
            if services.end_job(job, state):
                plan.finish(job.target, state)
    except Problem as problem:
        services.end_job(job, JobState.FAILED, problem.message)


@contextmanager
def _beating(chunk: Chunk) -> Iterator[None]:
    """Beat from a thread of its own while the block works, so that a long computation does not look dead."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(BEAT_SECONDS):
            services.beat_chunk(chunk)
        connection.close()

    thread = threading.Thread(target=beat, name=f"beat-{chunk.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
