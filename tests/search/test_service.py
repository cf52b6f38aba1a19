"""The search process: who is let in, what it follows, what it opens."""

from __future__ import annotations

import threading
import time

import pytest

from evalapp.catalog.services.item_flags import flag_items
from evalapp.catalog.services.items import upsert_items
from evalapp.core.pipeline.chunk_work import work_on
from evalapp.core.services.jobs import request_job
from evalapp.search.domain.circuit_breaker import MOST_FAILURES, REST_SECONDS, CircuitBreaker
from evalapp.search.domain.lookup_params import Found, LookupParams, Region
from evalapp.search.domain.search_problems import Overloaded
from evalapp.search.models import GenerationState, Replica, SearchIndex
from evalapp.search.pipeline import index_builds
from evalapp.search.pipeline.search_service.admission import Gate
from evalapp.search.pipeline.search_service.served_index import EMBEDDED_AT_ONCE
from evalapp.search.services.search_indexes import go_back, request_build, retire_generations, serve_generation
from tests.search.shop import ServiceHere, draft, photo

database = [pytest.mark.django_db, pytest.mark.database]


def test_who_cannot_be_answered_in_time_is_refused_at_once_and_nobody_is_kept_waiting() -> None:
    gate = Gate(lanes=1)
    with gate.admit_question(10):
        time.sleep(0.05)
    inside, leave = threading.Event(), threading.Event()

    def long_answer() -> None:
        with gate.admit_question(10):
            inside.set()
            leave.wait(10)

    other = threading.Thread(target=long_answer)
    other.start()
    inside.wait(10)
    with pytest.raises(Overloaded), gate.admit_question(0.01):
        pytest.fail("it was let in")
    # Expected to be done in time, and then it is not: dropped before any work.
    with pytest.raises(Overloaded), gate.admit_question(0.2):
        pytest.fail("it was let in")
    leave.set()
    other.join()
    with gate.admit_question(10):
        assert len(gate.recent_latencies) == 2


def test_who_came_first_is_answered_first_whoever_comes_as_a_lane_gets_free() -> None:
    gate, answered = Gate(lanes=1), list[str]()

    def ask(name: str) -> None:
        with gate.admit_question(10):
            answered.append(name)

    waiting = [threading.Thread(target=ask, args=(name,)) for name in ("ada", "bo", "cy")]
    with gate.admit_question(10):
        for number, thread in enumerate(waiting, start=1):
            thread.start()
            while len(gate._line) < number:
                time.sleep(0.001)
    ask("dee")
    for thread in waiting:
        thread.join()
    assert answered == ["ada", "bo", "cy", "dee"]
    ask("eve")
    assert answered[-1] == "eve"


def test_many_at_once_some_of_whom_give_up_leave_the_lanes_free() -> None:
    gate, most, inside, lock = Gate(lanes=2), [0], [0], threading.Lock()

    def ask(seconds: float) -> None:
        try:
            with gate.admit_question(seconds):
                with lock:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                time.sleep(0.002)
                with lock:
                    inside[0] -= 1
        except Overloaded:
            pass

    threads = [threading.Thread(target=ask, args=(0.001 * (number % 9) + 0.001,)) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most[0], inside[0], gate._free, len(gate._line)) == (2, 0, 2, 0)


def test_a_breaker_rests_after_failures_and_lets_one_call_look() -> None:
    now = [0.0]
    breaker = CircuitBreaker(lambda: now[0])
    for _ in range(MOST_FAILURES):
        assert breaker.may_ask()
        breaker.note_failure()
    assert not breaker.may_ask()
    now[0] += REST_SECONDS + 1
    assert breaker.may_ask()
    assert not breaker.may_ask()
    breaker.note_success()
    assert breaker.may_ask()


def test_words_travel_as_they_are() -> None:
    words = LookupParams(
        "shop", "photo", 7, "l1", {"category": ["dress"]}, (1, 2, 3, 4), 5, [6], [7], True, "x", 0.5, True
    )
    assert LookupParams.from_message(words.to_message(b"blob")) == (words, b"blob")
    region = Region([1, 2, 3, 4], 0.5, "shoe", "locator")
    found = Found([(1, 0.5)], 2, 3, False, {"category": {"dress": 1}}, {"category": None}, (4, 5), [region])
    assert Found.from_json(found.to_json()) == found
    for nonsense in (b"", b"\0\0\0\x02{}", b"\0\0\0\xff{", b"\0\0\0\x04null"):
        with pytest.raises(ValueError, match=r".*"):
            LookupParams.from_message(nonsense)


@pytest.mark.django_db
@pytest.mark.database
class TestGenerations:
    def build(self, index: SearchIndex) -> SearchIndex:
        job = request_build(index)
        work_on(job.pk)
        job.refresh_from_db()
        assert job.state == "done", job.error
        index.refresh_from_db()
        return index

    def test_a_new_one_steps_in_and_the_process_changes_over(self, service: ServiceHere, index: SearchIndex) -> None:
        old = service.served._served["shop"]
        self.build(index)
        assert index.serving is not None
        assert index.serving.number == 2
        service.served.look_at_rows()
        new = service.served._served["shop"]
        assert (new is not old, new.generation.number) == (True, 2)
        assert len(old.snapshot) == len(new.snapshot) == 12

    def test_going_back_brings_the_old_one_up_to_date(self, service: ServiceHere, index: SearchIndex) -> None:
        self.build(index)
        flag_items("shop", ["red-dress"], "bad box")
        assert go_back(index).number == 1
        service.served.look_at_rows()
        served = service.served._served["shop"]
        assert (served.generation.number, len(served.snapshot)) == (1, 11)

    def test_one_that_finds_less_does_not_step_in(self, index: SearchIndex, monkeypatch: pytest.MonkeyPatch) -> None:
        verify = index_builds.verify_generation

        def worse(*words: object) -> object:
            report = verify(*words)  # type: ignore[arg-type]
            return type(report)(report.rows, dict.fromkeys(report.recall, 0.9), report.sha256)

        monkeypatch.setattr(index_builds, "verify_generation", worse)
        job = request_build(index)
        work_on(job.pk)
        job.refresh_from_db()
        index.refresh_from_db()
        assert index.serving is not None
        assert (job.state, index.serving.number) == ("failed", 1)
        assert "finds 0.900" in index.generations.filter(state=GenerationState.FAILED).first().error  # type: ignore[union-attr]

    def test_only_one_of_two_can_step_in(self, index: SearchIndex) -> None:
        first = index.serving
        assert first is not None
        second = index.generations.create(number=2, state=GenerationState.READY)
        third = index.generations.create(number=3, state=GenerationState.READY)
        assert serve_generation(second, instead_of=first.pk)
        assert not serve_generation(third, instead_of=first.pk)

    def test_old_files_go_and_those_to_go_back_to_stay(self, index: SearchIndex) -> None:
        for _ in range(4):
            self.build(index)
        retire_generations(index)
        states = list(index.generations.order_by("number").values_list("number", "state"))
        assert states == [(1, "retired"), (2, "retired"), (3, "ready"), (4, "ready"), (5, "ready")]

    def test_a_generation_that_cannot_be_opened_leaves_the_old_one_at_work(
        self, service: ServiceHere, index: SearchIndex
    ) -> None:
        broken = index.generations.create(number=2, state=GenerationState.READY, folder="nowhere")
        assert serve_generation(broken, instead_of=index.serving_id)
        service.served.look_at_rows()
        assert service.served._served["shop"].generation.number == 1
        assert service.served.is_ready

    def test_pictures_that_wait_for_vectors_do_not_wait_for_the_clock(
        self, service: ServiceHere, index: SearchIndex
    ) -> None:
        assert service.served.look_at_rows() is False
        many = 2 * EMBEDDED_AT_ONCE + 1
        upsert_items("shop", [draft(f"new-{hue}", photo(hue), category="hat") for hue in range(1, many + 1)])
        assert [service.served.look_at_rows() for _ in range(4)] == [True, True, False, False]
        assert len(service.served._served["shop"].snapshot) == 12 + many

    def test_an_index_that_is_gone_is_closed(self, service: ServiceHere, index: SearchIndex) -> None:
        index.delete()
        service.served.look_at_rows()
        assert service.served._served == {}

    def test_the_process_says_how_far_it_is(self, service: ServiceHere, index: SearchIndex) -> None:
        service.served._said = -10.0
        service.served.look_at_rows()
        replica = Replica.objects.get()
        assert (replica.rows, replica.waiting, replica.applied_change) == (12, 0, index.catalogue.last_change)

    def test_a_job_for_an_index_without_items_says_why_it_failed(self, index: SearchIndex) -> None:
        SearchIndex.objects.update(gallery_domain="nowhere")
        job = request_job("index", f"index:{index.pk}")
        work_on(job.pk)
        job.refresh_from_db()
        assert "has a vector" in job.error
