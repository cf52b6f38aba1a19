"""Claims, beats, failures and lost workers, on the rows themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from evalapp.core import pipeline, plans, queries, services
from evalapp.core.models import Chunk, Job, JobState
from evalapp.core.plans import Piece, Plan, Stage

pytestmark = [pytest.mark.django_db, pytest.mark.database]


class Kitchen:
    """A plan of two stages whose work is written down, and that burns what it is told to burn."""

    def __init__(self) -> None:
        self.done: list[tuple[str, int]] = []
        self.burns: dict[int, int] = {}
        self.finished: list[tuple[str, str]] = []

    def plan(self) -> Plan:
        return Plan(
            stages=(
                Stage("cut", "onions", lambda _: (Piece({"n": n}, size=2) for n in range(3)), self._cook("cut")),
                Stage("fry", "pans", lambda _: [Piece({"n": 9})], self._cook("fry")),
            ),
            finish=lambda target, state: self.finished.append((target, str(state))),
        )

    def _cook(self, stage: str):  # type: ignore[no-untyped-def]
        def work(target: str, arguments: dict[str, int]) -> list[plans.Fault]:
            if self.burns.get(arguments["n"], 0) > 0:
                self.burns[arguments["n"]] -= 1
                raise ValueError("it burnt")
            self.done.append((stage, arguments["n"]))
            return [("onion", "was mouldy")] if arguments["n"] == 77 else []

        return work


@pytest.fixture
def kitchen(monkeypatch: pytest.MonkeyPatch) -> Kitchen:
    cook = Kitchen()
    monkeypatch.setattr(pipeline, "plan_of", lambda _kind: cook.plan())
    return cook


def _job() -> Job:
    return services.request_job("supper", "guests:4")


def test_a_job_goes_through_its_stages_in_order(kitchen: Kitchen) -> None:
    job = _job()

    assert not pipeline.work_on(job.pk)

    assert kitchen.done == [("cut", 0), ("cut", 1), ("cut", 2), ("fry", 9)]
    assert kitchen.finished == [("guests:4", "done")]
    assert queries.progress_of(job.pk).state == JobState.DONE


def test_asking_twice_joins_the_work_under_way_and_asking_later_starts_anew(kitchen: Kitchen) -> None:
    first = _job()
    assert _job().pk == first.pk

    pipeline.work_on(first.pk)

    assert _job().pk != first.pk


def test_a_chunk_that_fails_twice_is_done_at_the_third_attempt(kitchen: Kitchen) -> None:
    kitchen.burns = {1: 2}
    job = _job()
    pipeline.work_on(job.pk)

    assert ("cut", 1) in kitchen.done
    assert queries.progress_of(job.pk).state == JobState.DONE


def test_a_chunk_that_fails_three_times_is_marked_and_the_rest_goes_on(kitchen: Kitchen) -> None:
    kitchen.burns = {1: 9}
    job = _job()
    pipeline.work_on(job.pk)

    assert queries.progress_of(job.pk).state == JobState.DONE_WITH_ERRORS
    assert kitchen.done == [("cut", 0), ("cut", 2), ("fry", 9)]
    assert queries.faults_of(job.pk) == [("cut chunk 1", "it burnt")]


def test_no_chunk_is_claimed_twice() -> None:
    job = _job()
    services.begin_stage(job, "cut", [Piece({}), Piece({})])
    job.refresh_from_db()

    claimed = [services.claim_chunk(job) for _ in range(3)]

    assert [chunk and chunk.number for chunk in claimed] == [0, 1, None]


def test_a_stage_is_begun_by_one_worker_only() -> None:
    job, same = _job(), Job.objects.get()
    assert services.begin_stage(job, "cut", [Piece({})])
    assert not services.begin_stage(same, "cut", [Piece({})])
    assert Chunk.objects.count() == 1


def test_the_chunk_of_a_silent_worker_goes_to_another_and_the_late_result_does_not_count() -> None:
    job = _job()
    services.begin_stage(job, "cut", [Piece({})])
    job.refresh_from_db()
    lost = services.claim_chunk(job)
    assert lost is not None
    Chunk.objects.update(heartbeat=timezone.now() - 2 * services.SILENCE)

    assert services.requeue_silent_chunks() == {job.pk}
    taken = services.claim_chunk(job)

    assert taken is not None
    assert taken.attempt == 2
    assert not services.finish_chunk(lost, [])
    assert not services.beat_chunk(lost)
    assert services.finish_chunk(taken, [])


def test_a_worker_that_beats_keeps_its_chunk() -> None:
    job = _job()
    services.begin_stage(job, "cut", [Piece({})])
    job.refresh_from_db()
    chunk = services.claim_chunk(job)
    assert chunk is not None
    assert services.beat_chunk(chunk)
    assert services.requeue_silent_chunks() == set()


def test_a_chunk_whose_worker_dies_three_times_is_given_up() -> None:
    job = _job()
    services.begin_stage(job, "cut", [Piece({})])
    job.refresh_from_db()
    for _ in range(services.MOST_ATTEMPTS):
        assert services.claim_chunk(job) is not None
        services.requeue_silent_chunks(timedelta(0))

    assert services.claim_chunk(job) is None
    assert Chunk.objects.get().state == JobState.FAILED


def test_a_job_whose_message_was_lost_is_found() -> None:
    job = _job()
    assert services.forgotten_jobs() == []
    Job.objects.update(nudged_at=timezone.now() - 2 * services.SILENCE)
    assert services.forgotten_jobs() == [job]


def test_a_cancelled_job_begins_nothing_new(kitchen: Kitchen) -> None:
    job = _job()
    services.begin_stage(job, "cut", [Piece({"n": 1})])
    services.cancel_job(Job.objects.get())

    assert not pipeline.work_on(job.pk)
    assert kitchen.done == []
    assert queries.progress_of(job.pk).state == JobState.CANCELLED
