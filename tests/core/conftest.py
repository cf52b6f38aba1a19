"""A job in the middle of its work, and the messages that doors send about it."""

from __future__ import annotations

import pytest

from evalapp.core import tasks
from evalapp.core.domain.job_plans import Piece
from evalapp.core.models import Chunk, Job, JobState
from evalapp.core.services import jobs


@pytest.fixture
def job(db: None) -> Job:
    """Of three chunks of ten one is done, with a fault, one has failed, and one waits."""
    job = jobs.request_job("precompute", "thing:4")
    jobs.begin_stage(job, "embed", [Piece({}, size=10) for _ in range(3)])
    Chunk.objects.filter(number=0).update(state=JobState.DONE, faults=[["red.png", "it is not a picture"]])
    Chunk.objects.filter(number=1).update(state=JobState.FAILED, error="out of memory", attempt=3)
    return Job.objects.get(pk=job.pk)


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Ids of jobs as workers are told of them."""
    sent: list[int] = []
    monkeypatch.setattr(tasks.work, "apply_async", lambda words, **_: sent.append(words[0]))
    return sent
