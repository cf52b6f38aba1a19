"""Speed, estimate, workers and metrics: what operators see while work is done."""

from __future__ import annotations

import os
import re
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from evalapp.core import queries, tasks
from evalapp.core.domain.job_plans import Piece
from evalapp.core.models import Chunk, Job, JobState, Worker
from evalapp.core.pipeline import worker_presence
from evalapp.core.services import jobs
from evalapp.webhooks.models import Delivery, Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def olga() -> Client:
    operator = Client()
    operator.force_login(User.objects.create_user("olga", password="secret", is_staff=True))
    return operator


@pytest.fixture
def running(db: None) -> Job:
    """Of ten chunks of 30 pictures five are done in the last minute, and one is being done by w1."""
    job = jobs.request_job("precompute", "thing:4")
    jobs.begin_stage(job, "embed", [Piece({}, size=30) for _ in range(10)], unit="pictures")
    begun = timezone.now() - timedelta(seconds=60)
    Chunk.objects.filter(number__lt=5).update(state=JobState.DONE, begun_at=begun, ended_at=timezone.now())
    job.refresh_from_db()
    assert jobs.claim_chunk(job, "w1") is not None
    jobs.see_worker("w1", "gpu", "Some GPU (80 GB)")
    return job


def test_speed_and_estimate_come_from_what_was_done_of_late(running: Job) -> None:
    line = queries.job_line(running.pk)
    assert line.speed == pytest.approx(150 / 60, rel=0.05)
    assert line.seconds_left == pytest.approx(60, rel=0.05)
    Chunk.objects.filter(number__lt=5).update(ended_at=timezone.now() - timedelta(seconds=300))
    Chunk.objects.filter(number__lt=5).update(begun_at=timezone.now() - timedelta(seconds=600))
    assert queries.job_line(running.pk).speed == pytest.approx(150 / 600, rel=0.05)


def test_nothing_is_promised_before_anything_is_done_and_after_the_end(running: Job) -> None:
    Chunk.objects.filter(number__lt=5).update(state=JobState.PENDING)
    assert (queries.job_line(running.pk).speed, queries.job_line(running.pk).seconds_left) == (None, None)
    jobs.cancel_job(running)
    assert queries.job_line(running.pk).speed is None


def test_workers_are_shown_with_their_device_and_what_they_are_at(running: Job, olga: Client) -> None:
    jobs.see_worker("w2", "default", "CPU")
    Worker.objects.filter(name="w2").update(seen_at=timezone.now() - timedelta(hours=1))
    page = olga.get("/lab/jobs/").content.decode()
    for words in ("Some GPU (80 GB)", f"job {running.pk}</a>: embed, 30 at once", "silent", "150 / 300", "pictures/s"):
        assert words in page
    told = {worker["name"]: worker for worker in olga.get("/api/v1/workers/").json()}
    assert (told["w1"]["job"], told["w1"]["silent"], told["w2"]["job"], told["w2"]["silent"]) == (
        running.pk, False, None, True,
    )  # fmt: skip


def test_the_pages_of_jobs_cost_the_same_however_many_there_are(
    running: Job, olga: Client, django_assert_max_num_queries: pytest.FixtureRequest
) -> None:
    for number in range(20):
        jobs.request_job("precompute", f"other:{number}")
        jobs.see_worker(f"w{number}", "gpu", "CPU")
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        olga.get("/lab/jobs/")


def test_metrics_are_for_operators_and_read_by_prometheus(running: Job, olga: Client, client: Client) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    assert client.get("/metrics").status_code == 401
    answer = olga.get(
        "/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5,*/*;q=0.1"}
    )
    assert answer.headers["Content-Type"].startswith("text/plain")
    samples = {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }
    assert samples["dopeornope_jobs", "precompute", "running"] == 1
    assert samples["dopeornope_units", "embed", "done"] == 150
    assert samples["dopeornope_chunks", "embed", "running"] == 1
    assert samples["dopeornope_worker_alive", "Some GPU (80 GB)", "gpu", "w1"] == 1
    assert samples["dopeornope_votes", "counted"] == 0
    assert samples["dopeornope_dealt_pairs", "answered"] == 0
    assert samples["dopeornope_deliveries", "waiting"] == 0
    assert samples["dopeornope_refusals", "not_authenticated", str(os.getpid())] >= 1


def test_metrics_tell_how_long_the_oldest_job_and_delivery_wait(running: Job, olga: Client) -> None:
    hour = timezone.now() - timedelta(hours=1)
    Job.objects.create(kind="export", target="export:1", created_at=hour)
    hook = Webhook.objects.create(url="https://example.org/", events=["study.closed"])
    Delivery.objects.create(webhook=hook, event="ping", payload={}, created_at=hour)
    Delivery.objects.create(webhook=hook, event="ping", payload={}, created_at=hour - 99 * hour.resolution, due_at=None)
    told = olga.get("/metrics").content.decode()
    ages = dict(re.findall(r'dopeornope_oldest_message_seconds\{of="(\w+)"\} (\d+)', told))
    assert {name: int(age) // 600 for name, age in ages.items()} == {"jobs": 6, "deliveries": 6}
    assert 'dopeornope_deliveries{state="given_up"} 1.0' in told


def test_watching_shows_lines_that_change_until_the_work_is_done(running: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def finish(_seconds: float) -> None:
        jobs.end_job(running, JobState.DONE)

    monkeypatch.setattr(time, "sleep", finish)
    out = StringIO()
    call_command("jobs", watch=True, stdout=out)
    first, worker, last = out.getvalue().splitlines()
    assert "150/300" in first
    assert "pictures/s" in first
    assert "w1 (gpu; Some GPU (80 GB)): job" in worker
    assert "done" in last


def test_watching_and_json_do_not_go_together() -> None:
    with pytest.raises(CommandError) as told:
        call_command("jobs", watch=True, json=True)
    assert told.value.returncode == 2


def test_workers_that_fell_silent_long_ago_are_struck_by_the_sweep(running: Job) -> None:
    Worker.objects.update(seen_at=timezone.now() - timedelta(hours=3))
    tasks.sweep()
    assert not Worker.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_worker_has_a_row_while_it_lives() -> None:
    leave = worker_presence.announce_worker(["default"])
    deadline = time.monotonic() + 10
    while not Worker.objects.filter(name=worker_presence.own_name()).exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert Worker.objects.get().device == "CPU"
    leave()
    assert not Worker.objects.exists()


def test_a_container_is_healthy_while_a_worker_of_its_host_is_seen() -> None:
    with pytest.raises(CommandError) as told:
        call_command("worker_health")
    assert told.value.returncode == 1
    jobs.see_worker(worker_presence.own_name(), "gpu", "CPU, 2 cores")
    out = StringIO()
    call_command("worker_health", stdout=out)
    assert "CPU, 2 cores" in out.getvalue()
    Worker.objects.update(seen_at=timezone.now() - timedelta(hours=1))
    with pytest.raises(CommandError):
        call_command("worker_health")
