"""A worker's part in a job: claim chunks one after another, do them, and begin the next stage when one is done."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import DatabaseError, connection, transaction

from evalapp.core import queries
from evalapp.core.domain.errors import Problem
from evalapp.core.domain.job_plans import Fault, Part, Plan, Stage, plan_of
from evalapp.core.domain.optional_packages import words_for_missing
from evalapp.core.models import Chunk, Job, JobState
from evalapp.core.pipeline.worker_presence import own_name
from evalapp.core.services import jobs

logger = logging.getLogger(__name__)

STOPPING = threading.Event()
"""Set when this worker was asked to end: it finishes the chunk that it is at and begins no other."""


def work_on(job_id: int, *, seconds: float = 30.0, begun: Callable[[int], None] = lambda _chunks: None) -> bool:
    """Work on a job for about `seconds`; True if there may be more to do.

    A bounded turn keeps one long job from holding a worker that another job waits for. `begun` is called with the
    number of chunks of a stage that this worker has just begun: others may want to know.
    """
    turn_end = time.monotonic() + seconds
    while time.monotonic() < turn_end and not STOPPING.is_set():
        job = Job.objects.filter(pk=job_id).first()
        if job is None or job.is_final:
            return False
        chunk = jobs.claim_chunk(job, own_name()) if job.stage else None
        if chunk is not None:
            _do_chunk(job, chunk)
        elif job.stage and queries.unfinished_chunks(job):
            # Others work on all that is left: asked so, the row has cost next to nothing.
            return False
        else:
            plan = _plan_or_end(job)
            if plan is None or not _advance_job(plan, job, begun):
                return False
    return True


def _plan_or_end(job: Job) -> Plan | None:
    """The job's plan. A library that is missing here ends the job, which would else wait for ever."""
    try:
        return plan_of(job.kind)
    except ImportError as error:
        _give_up(job, "This worker could not be loaded", error)
        return None


def _do_chunk(job: Job, chunk: Chunk) -> None:
    try:
        with _keep_beating(chunk):
            # The first time this loads the engine, which takes seconds: the chunk must not look dead meanwhile.
            stage = next(stage for stage in plan_of(job.kind).stages if stage.name == chunk.stage)
            if stage.parts is not None and chunk.attempt >= jobs.MOST_CHUNK_ATTEMPTS:
                _do_apart(stage, job, chunk, stage.parts(job.target, chunk.arguments))
                return
            faults = stage.work(job.target, chunk.arguments)
    except Exception as error:
        # Whatever a chunk does, the rest of the run goes on; the row keeps the reason for the operator.
        logger.exception("Chunk %s failed at attempt %s", chunk, chunk.attempt)
        _give_back(chunk, error)
    else:
        jobs.finish_chunk(chunk, faults)


def _do_apart(stage: Stage, job: Job, chunk: Chunk, parts: list[Part]) -> None:
    """The last attempt: every part by itself, so that what is at fault is left out and the rest is done.

    The item's name is saved before it is tried, so a crash can be blamed on it.
    """
    faults: list[Fault] = []
    failed = 0
    for name, arguments in parts:
        if not jobs.note_suspect(chunk, faults, name):
            return
        try:
            faults += stage.work(job.target, arguments)
        except Exception as error:
            logger.exception("Chunk %s failed at %s", chunk, name)
            faults.append((name, _describe_error(error)))
            failed += 1
    if parts and failed == len(parts):
        jobs.fail_chunk(chunk, faults[-1][1], faults)
    else:
        jobs.finish_chunk(chunk, faults)


def _give_back(chunk: Chunk, error: Exception) -> None:
    try:
        jobs.fail_chunk(chunk, _describe_error(error))
    except DatabaseError:
        # The database went away: nobody can be told now. The chunk falls silent, and the sweep gives it to another.
        logger.warning("Chunk %s is left to the sweep.", chunk)
        connection.close()


def _describe_error(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return words_for_missing(error)
    return str(error) or type(error).__name__


def _advance_job(plan: Plan, job: Job, begun: Callable[[int], None]) -> bool:
    """Begin the stage after the one that has ended, or end the job; False if the job has ended."""
    names = [stage.name for stage in plan.stages]
    following = names.index(job.stage) + 1 if job.stage else 0
    if following == len(names):
        return not _finish_job(plan, job)
    stage = plan.stages[following]
    try:
        pieces = list(stage.cut(job.target))
    except Exception as error:
        _give_up(job, f"{stage.name} could not begin", error)
        return False
    if jobs.begin_stage(job, stage.name, pieces, stage.unit):
        begun(len(pieces))
    return True


def _finish_job(plan: Plan, job: Job) -> bool:
    """End the job after its last stage; False if there is something to do in it again."""
    try:
        with transaction.atomic():
            if not jobs.hold_ended_stage(job):
                return Job.objects.get(pk=job.pk).is_final
            state = JobState.DONE_WITH_ERRORS if queries.had_errors(job) else JobState.DONE
            jobs.end_job(job, state)
            plan.finish(job.target, state)
    except Exception as error:
        _give_up(job, "It could not be finished", error)
    return True


def _give_up(job: Job, what: str, error: Exception) -> None:
    """A problem is told in its own words; anything else is a fault of the program, and logged as such."""
    if isinstance(error, Problem):
        jobs.end_job(job, JobState.FAILED, error.message)
        return
    logger.exception("%s: %s", job, what)
    jobs.end_job(job, JobState.FAILED, f"{what}: {_describe_error(error)}")


@contextmanager
def _keep_beating(chunk: Chunk) -> Iterator[None]:
    """Beat from a thread of its own while the block works, so that a long computation does not look dead."""
    stop = threading.Event()

    def send_beats() -> None:
        while not stop.wait(settings.WORKER_BEAT_SECONDS):
            try:
                jobs.beat_chunk(chunk)
            except DatabaseError:
                # A database that starts again must not silence a worker that lives.
                logger.warning("Chunk %s could not beat; trying again.", chunk)
                connection.close()
        connection.close()

    thread = threading.Thread(target=send_beats, name=f"beat-{chunk.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
