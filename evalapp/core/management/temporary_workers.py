"""Workers for a command that waits for work to be done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings

from evalapp.core import queries, tasks
from evalapp.core.management.command_base import Command, Failed
from evalapp.core.models import JobState
from evalapp.core.services.embedded.workers import running_crew, worker_command, worker_is_alive

_POLL_SECONDS = 0.25


@contextmanager
def a_worker() -> Iterator[None]:
    """Make sure that somebody does the work: with the broker of this machine and no worker alive, start one
    for the length of the block. Workers of a real broker are the operator's to run."""
    if not settings.BROKER_IS_EMBEDDED or worker_is_alive(settings.VAR_DIR):
        yield
        return
    tasks.recover_lost_work(timedelta(0))
    with running_crew({"worker": worker_command("gpu", "default")}) as people:
        deadline = time.monotonic() + 60
        while not worker_is_alive(settings.VAR_DIR) and time.monotonic() < deadline:
            people.watch()
            time.sleep(_POLL_SECONDS)
        yield


def follow(command: Command, job_id: int) -> queries.Progress:
    """Show a bar per stage until the job has ended; returns where it stands then."""
    progress = queries.progress_of(job_id)
    while progress.state in {JobState.PENDING, JobState.RUNNING}:
        if progress.total:
            progress = _follow_stage(command, job_id, progress)
        else:
            time.sleep(_POLL_SECONDS)
            progress = queries.progress_of(job_id)
    return progress


def _follow_stage(command: Command, job_id: int, progress: queries.Progress) -> queries.Progress:
    stage = progress.stage
    with command.progress(stage, progress.total) as bar:
        while progress.stage == stage and progress.state in {JobState.PENDING, JobState.RUNNING}:
            bar.update(progress.done - bar.n)
            time.sleep(_POLL_SECONDS)
            progress = queries.progress_of(job_id)
        # The stage that follows begins only when this one is whole.
        bar.update(progress.done - bar.n if progress.stage == stage else bar.total - bar.n)
    return progress


def require_success(progress: queries.Progress, job_id: int) -> None:
    """Raise with the job's own words if it did not get to its end."""
    if progress.state in {JobState.FAILED, JobState.CANCELLED}:
        raise Failed(queries.error_of(job_id) or f"The work was {progress.state}.")
