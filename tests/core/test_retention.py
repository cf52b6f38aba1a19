"""What ended long ago is deleted, and nothing else is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.utils import timezone

from evalapp.core import tasks as core
from evalapp.core.models import Chunk, Job, JobState
from evalapp.leaderboard import tasks as leaderboard
from evalapp.leaderboard.models import Snapshot
from evalapp.webhooks import tasks as webhooks
from evalapp.webhooks.models import Delivery, Webhook
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

LONG_AGO = timezone.now() - timedelta(days=40)


def _fill() -> None:
    for number, (state, ended) in enumerate([(JobState.DONE, LONG_AGO), (JobState.DONE, timezone.now())]):
        job = Job.objects.create(kind="precompute", target=f"study:{number}", state=state, finished_at=ended)
        Chunk.objects.create(job=job, stage="embed", number=0)
    Job.objects.create(kind="precompute", target="study:9", state=JobState.RUNNING, created_at=LONG_AGO)
    hook = Webhook.objects.create(url="https://example.org/", events=["study.closed"])
    for created, due in ((LONG_AGO, None), (LONG_AGO, LONG_AGO), (timezone.now(), None)):
        Delivery.objects.create(webhook=hook, event="ping", payload={}, created_at=created, due_at=due)
    for study in (cast.open_study("one"), cast.open_study("two")):
        for made, declared in ((LONG_AGO, True), (LONG_AGO, False), (LONG_AGO, False)):
            Snapshot.objects.create(study=study, made_at=made, declared=declared, votes=1, document={})


def _counts() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Job, Chunk, Delivery, Snapshot))


def test_old_ends_are_deleted_and_what_lives_or_is_newest_stays(settings: LazySettings) -> None:
    settings.JOBS_KEPT = settings.DELIVERIES_KEPT = settings.SNAPSHOTS_KEPT = timedelta(days=30)
    _fill()
    assert _counts() == (3, 2, 3, 6)
    for task in (core.forget, webhooks.forget_old_deliveries, leaderboard.forget_old_snapshots):
        task()
    # The job that runs, the delivery that waits, of each study the declared snapshot and the newest.
    assert _counts() == (2, 1, 2, 4)


def test_without_an_end_nothing_is_deleted(settings: LazySettings) -> None:
    settings.JOBS_KEPT = settings.DELIVERIES_KEPT = settings.SNAPSHOTS_KEPT = timedelta(0)
    _fill()
    for task in (core.forget, webhooks.forget_old_deliveries, leaderboard.forget_old_snapshots):
        task()
    assert _counts() == (3, 2, 3, 6)
