"""Claims, beats, failures and lost workers, on the rows themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from evalapp.core import queries, tasks
from evalapp.core.domain import job_plans
from evalapp.core.domain.errors import Conflict, Problem
from evalapp.core.domain.job_plans import Piece, Plan, Stage
from evalapp.core.models import Chunk, Job, JobState
from evalapp.core.pipeline import chunk_work
from evalapp.core.services import jobs

pytestmark = [pytest.mark.django_db, pytest.mark.database]

SILENCE = timedelta(seconds=60)


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
        def work(target: str, arguments: dict[str, int]) -> list[job_plans.Fault]:
            if self.burns.get(arguments["n"], 0) > 0:
                self.burns[arguments["n"]] -= 1
                raise ValueError("it burnt")
            self.done.append((stage, arguments["n"]))
            return [("onion", "was mouldy")] if arguments["n"] == 77 else []

        return work


@pytest.fixture
def kitchen(monkeypatch: pytest.MonkeyPatch) -> Kitchen:
    cook = Kitchen()
    monkeypatch.setattr(chunk_work, "plan_of", lambda _kind: cook.plan())
    monkeypatch.setitem(job_plans.PLANS, "supper", ("nowhere", "default"))
    return cook


def _job() -> Job:
    return jobs.request_job("supper", "guests:4")


def test_a_job_goes_through_its_stages_in_order(kitchen: Kitchen) -> None:
    job = _job()

    assert not chunk_work.work_on(job.pk)

    assert kitchen.done == [("cut", 0), ("cut", 1), ("cut", 2), ("fry", 9)]
    assert kitchen.finished == [("guests:4", "done")]
    assert queries.progress_of(job.pk).state == JobState.DONE


def test_asking_twice_joins_the_work_under_way_and_asking_later_starts_anew(kitchen: Kitchen) -> None:
    first = _job()
    assert _job().pk == first.pk

    chunk_work.work_on(first.pk)

    assert _job().pk != first.pk


def test_a_chunk_that_fails_twice_is_done_at_the_third_attempt(kitchen: Kitchen) -> None:
    kitchen.burns = {1: 2}
    job = _job()
    chunk_work.work_on(job.pk)

    assert ("cut", 1) in kitchen.done
    assert queries.progress_of(job.pk).state == JobState.DONE


def test_a_chunk_that_fails_three_times_is_marked_and_the_rest_goes_on(kitchen: Kitchen) -> None:
    kitchen.burns = {1: 9}
    job = _job()
    chunk_work.work_on(job.pk)

    assert queries.progress_of(job.pk).state == JobState.DONE_WITH_ERRORS
    assert kitchen.done == [("cut", 0), ("cut", 2), ("fry", 9)]
    assert queries.faults_of(job.pk) == [("cut chunk 1", "it burnt")]


def test_no_chunk_is_claimed_twice() -> None:
    job = _job()
    jobs.begin_stage(job, "cut", [Piece({}), Piece({})])
    job.refresh_from_db()

    claimed = [jobs.claim_chunk(job) for _ in range(3)]

    assert [chunk and chunk.number for chunk in claimed] == [0, 1, None]


def test_a_stage_is_begun_by_one_worker_only() -> None:
    job, same = _job(), Job.objects.get()
    assert jobs.begin_stage(job, "cut", [Piece({})])
    assert not jobs.begin_stage(same, "cut", [Piece({})])
    assert Chunk.objects.count() == 1


def test_the_chunk_of_a_silent_worker_goes_to_another_and_the_late_result_does_not_count() -> None:
    job = _job()
    jobs.begin_stage(job, "cut", [Piece({})])
    job.refresh_from_db()
    lost = jobs.claim_chunk(job)
    assert lost is not None
    Chunk.objects.update(heartbeat=timezone.now() - 2 * SILENCE)

    assert jobs.requeue_silent_chunks(SILENCE) == {job.pk: 1}
    taken = jobs.claim_chunk(job)

    assert taken is not None
    assert taken.attempt == 2
    assert not jobs.finish_chunk(lost, [])
    assert not jobs.beat_chunk(lost)
    assert jobs.finish_chunk(taken, [])


def test_a_worker_that_beats_keeps_its_chunk() -> None:
    job = _job()
    jobs.begin_stage(job, "cut", [Piece({})])
    job.refresh_from_db()
    chunk = jobs.claim_chunk(job)
    assert chunk is not None
    assert jobs.beat_chunk(chunk)
    assert not jobs.requeue_silent_chunks(SILENCE)


def test_a_chunk_whose_worker_dies_three_times_is_given_up() -> None:
    job = _job()
    jobs.begin_stage(job, "cut", [Piece({})])
    job.refresh_from_db()
    for _ in range(jobs.MOST_CHUNK_ATTEMPTS):
        assert jobs.claim_chunk(job) is not None
        jobs.requeue_silent_chunks(timedelta(0))

    assert jobs.claim_chunk(job) is None
    assert Chunk.objects.get().state == JobState.FAILED


def test_attempts_that_got_further_are_not_counted_together() -> None:
    """A training of a day on machines that are taken away every hour goes on from its checkpoint each time."""
    job = _job()
    jobs.begin_stage(job, "cut", [Piece({})])
    job.refresh_from_db()
    for _ in range(3 * jobs.MOST_CHUNK_ATTEMPTS):
        chunk = jobs.claim_chunk(job)
        assert chunk is not None
        assert jobs.note_progress(chunk)
        jobs.requeue_silent_chunks(timedelta(0))
    for _ in range(jobs.MOST_CHUNK_ATTEMPTS - 1):
        chunk = jobs.claim_chunk(job)
        assert chunk is not None
        jobs.requeue_silent_chunks(timedelta(0))
    assert chunk is not None
    assert not jobs.note_progress(chunk)
    assert jobs.claim_chunk(job) is None


def test_a_third_attempt_that_got_further_and_then_failed_is_tried_again() -> None:
    job = _job()
    jobs.begin_stage(job, "cut", [Piece({})])
    job.refresh_from_db()
    for _ in range(jobs.MOST_CHUNK_ATTEMPTS):
        chunk = jobs.claim_chunk(job)
        assert chunk is not None
        if chunk.attempt < jobs.MOST_CHUNK_ATTEMPTS:
            jobs.requeue_silent_chunks(timedelta(0))
    jobs.note_progress(chunk)
    assert jobs.fail_chunk(chunk, "It broke.")
    assert Chunk.objects.get().state == JobState.PENDING


def test_a_job_whose_message_was_lost_is_found() -> None:
    job = _job()
    assert jobs.forgotten_jobs(SILENCE) == []
    Job.objects.update(nudged_at=timezone.now() - 2 * SILENCE)
    assert jobs.forgotten_jobs(SILENCE) == [job]


def test_a_cancelled_job_begins_nothing_new(kitchen: Kitchen) -> None:
    job = _job()
    jobs.begin_stage(job, "cut", [Piece({"n": 1})])
    jobs.cancel_job(Job.objects.get())

    assert not chunk_work.work_on(job.pk)
    assert kitchen.done == []
    assert queries.progress_of(job.pk).state == JobState.CANCELLED


def _broken(message: str) -> job_plans.Plan:
    def refuse(_target: str, _state: str) -> None:
        raise Problem(message)

    return Plan(stages=(), finish=refuse)


def test_a_job_that_cannot_be_finished_says_why_and_can_be_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = _broken("The guests left.")
    monkeypatch.setattr(chunk_work, "plan_of", lambda _kind: plan)
    job = _job()
    chunk_work.work_on(job.pk)
    assert queries.error_of(job.pk) == "The guests left."

    plan = Plan(stages=())
    jobs.resume_job(Job.objects.get())
    chunk_work.work_on(job.pk)

    assert queries.progress_of(job.pk).state == JobState.DONE


def test_what_runs_when_its_job_is_cancelled_is_thrown_away() -> None:
    job = _job()
    jobs.begin_stage(job, "cut", [Piece({})])
    job.refresh_from_db()
    chunk = jobs.claim_chunk(job)
    assert chunk is not None
    jobs.cancel_job(job)

    assert not jobs.finish_chunk(chunk, [])
    assert Chunk.objects.get().state == JobState.CANCELLED
    with pytest.raises(Conflict, match="ended already"):
        jobs.cancel_job(job)


def test_a_resumed_job_does_what_failed_and_what_builds_on_it(kitchen: Kitchen) -> None:
    kitchen.burns = {1: jobs.MOST_CHUNK_ATTEMPTS}
    job = _job()
    chunk_work.work_on(job.pk)
    kitchen.done.clear()

    jobs.resume_job(job)
    chunk_work.work_on(job.pk)

    assert kitchen.done == [("cut", 1), ("fry", 9)]
    assert queries.progress_of(job.pk).state == JobState.DONE
    assert queries.faults_of(job.pk) == []


def test_a_late_worker_of_before_the_resume_does_not_count_although_attempts_start_again() -> None:
    job = _job()
    jobs.begin_stage(job, "cut", [Piece({})])
    job.refresh_from_db()
    late = jobs.claim_chunk(job)
    jobs.cancel_job(job)
    jobs.resume_job(job)
    taken = jobs.claim_chunk(Job.objects.get())

    assert late is not None
    assert taken is not None
    assert late.attempt == taken.attempt == 1
    assert not jobs.finish_chunk(late, [])
    assert jobs.finish_chunk(taken, [])


@pytest.mark.parametrize(
    ("state", "words"), [("running", "is running"), ("done", "is done"), ("done with errors", "left out")]
)
def test_what_cannot_be_resumed_says_why(state: str, words: str) -> None:
    job = _job()
    Job.objects.update(state=state)
    with pytest.raises(Conflict, match=words):
        jobs.resume_job(job)


def test_a_job_is_not_resumed_while_another_does_its_work() -> None:
    job = _job()
    jobs.cancel_job(job)
    assert _job().pk != job.pk
    with pytest.raises(Conflict, match="Another job"):
        jobs.resume_job(job)


def test_a_worker_that_saw_the_job_before_it_was_resumed_does_not_end_it() -> None:
    job = _job()
    jobs.begin_stage(job, "cut", [Piece({})])
    seen = Job.objects.get()
    jobs.cancel_job(job)
    jobs.resume_job(job)
    assert not jobs.begin_stage(seen, "fry", [])


def test_a_stage_of_many_chunks_calls_more_workers_and_one_of_few_only_as_many(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch, messages: list[int]
) -> None:
    monkeypatch.setattr(jobs, "claim_chunk", lambda *_: None)
    tasks.work(_job().pk)
    assert len(messages) == 2

    messages.clear()
    many = Stage("peel", "onions", lambda _: (Piece({}) for _ in range(500)), lambda *_: [])
    monkeypatch.setattr(chunk_work, "plan_of", lambda _kind: Plan(stages=(many,)))
    tasks.work(jobs.request_job("supper", "guests:5").pk)
    assert len(messages) == tasks.MOST_WORKERS - 1


def test_a_turn_that_ends_with_more_to_do_sends_one_message(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch, messages: list[int]
) -> None:
    job = _job()
    jobs.begin_stage(job, "cut", [Piece({"n": n}) for n in range(9)])
    monkeypatch.setattr(chunk_work.time, "monotonic", iter(range(0, 10_000, 20)).__next__)
    tasks.work(job.pk)
    assert messages == [job.pk]
    assert len(kitchen.done) == 1


def test_a_worker_that_finds_nothing_to_do_loads_no_plan_and_tells_nobody(
    monkeypatch: pytest.MonkeyPatch, messages: list[int], django_assert_max_num_queries: Any
) -> None:
    job = _job()
    jobs.begin_stage(job, "cut", [Piece({})])
    assert jobs.claim_chunk(Job.objects.get()) is not None
    monkeypatch.setattr(chunk_work, "plan_of", lambda _kind: pytest.fail("the plan was loaded"))
    with django_assert_max_num_queries(5):
        tasks.work(job.pk)
    assert messages == []


def test_as_many_workers_are_called_as_chunks_were_lost(kitchen: Kitchen, messages: list[int]) -> None:
    job = _job()
    jobs.begin_stage(job, "cut", [Piece({}) for _ in range(4)])
    job.refresh_from_db()
    for _ in range(3):
        jobs.claim_chunk(job)
    tasks.recover_lost_work(timedelta(0))
    assert messages == [job.pk] * 3


class Bakery:
    """Loaves are baked in batches; some burn, and one takes the baker along."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, burnt: set[int], size: int = 4) -> None:
        self.burnt = burnt
        self.baked: list[int] = []
        stage = Stage(
            "bake", "loaves", lambda _: [Piece({"loaves": list(range(size))}, size=size)], self._bake,
            lambda _, words: [(f"loaf {n}", {"loaves": [n]}) for n in words["loaves"]],
        )  # fmt: skip
        monkeypatch.setattr(chunk_work, "plan_of", lambda _kind: Plan(stages=(stage,)))
        monkeypatch.setitem(job_plans.PLANS, "supper", ("nowhere", "default"))

    def _bake(self, _target: str, words: dict[str, list[int]]) -> list[job_plans.Fault]:
        for loaf in words["loaves"]:
            if loaf in self.burnt:
                raise ValueError("it burnt")
            if loaf not in self.baked:
                self.baked.append(loaf)
        return []


def test_the_last_attempt_names_what_is_at_fault_and_does_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    bakery = Bakery(monkeypatch, burnt={1})
    job = _job()
    chunk_work.work_on(job.pk)
    job.refresh_from_db()
    assert bakery.baked == [0, 2, 3]
    assert job.state == JobState.DONE_WITH_ERRORS
    assert queries.faults_of(job.pk) == [("loaf 1", "it burnt")]


def test_a_chunk_of_which_nothing_can_be_done_fails_with_all_names(monkeypatch: pytest.MonkeyPatch) -> None:
    Bakery(monkeypatch, burnt={0, 1, 2}, size=3)
    job = _job()
    chunk_work.work_on(job.pk)
    job.refresh_from_db()
    chunk = Chunk.objects.get()
    assert (job.state, chunk.state, chunk.attempt) == (JobState.DONE_WITH_ERRORS, JobState.FAILED, 3)
    assert [thing for thing, _ in queries.faults_of(job.pk)] == ["loaf 0", "loaf 1", "loaf 2", "bake chunk 0"]


def test_what_a_worker_dies_of_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    Bakery(monkeypatch, burnt=set())
    job = _job()
    chunk_work._advance_job(chunk_work.plan_of("supper"), job, lambda _: None)
    job.refresh_from_db()
    Chunk.objects.update(attempt=2)
    chunk = jobs.claim_chunk(job)
    assert chunk is not None
    jobs.note_suspect(chunk, [], "loaf 2")
    Chunk.objects.update(heartbeat=timezone.now() - SILENCE)
    jobs.requeue_silent_chunks(SILENCE)
    assert queries.faults_of(job.pk) == [
        ("loaf 2", "The worker died while it was at this."),
        ("bake chunk 0", "Its worker died 3 times."),
    ]


def test_a_library_that_is_missing_ends_the_job_in_words(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(_kind: str) -> None:
        raise ModuleNotFoundError("No module named 'faiss'", name="faiss")

    monkeypatch.setattr(chunk_work, "plan_of", without)
    job = jobs.request_job("precompute", "thing:5")

    assert chunk_work.work_on(job.pk) is False

    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "faiss is not installed on this machine" in job.error
