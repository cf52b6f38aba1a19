"""Two processes bring the same board up to date at once: real threads, real connections."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from evalapp.leaderboard.models import BoardState
from evalapp.leaderboard.services import board_of, publish_if_due, rebuild_sums, snapshot_if_due, update_sums
from evalapp.leaderboard.services.next_design import refresh_board
from evalapp.studies.models import Study
from evalapp.voting.domain.simulated_tastes import parse_taste
from evalapp.voting.pipeline.simulation import simulate_votes
from tests import cast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def study() -> Study:
    study = cast.open_study(queries=20)
    crowd(study, 60)
    return study


def crowd(study: Study, votes: int, seed: int = 1) -> None:
    simulate_votes(study, votes=votes, voters=6, taste=parse_taste("category:0.9,0.2"), seed=seed)


@contextmanager
def another_adding(study: Study, pool: ThreadPoolExecutor) -> Iterator[Event]:
    """While another process has added all votes but not committed; it commits when the event is set, or at the end."""
    added, may_commit = Event(), Event()

    def add() -> None:
        with transaction.atomic():
            update_sums(study)
            added.set()
            assert may_commit.wait(timeout=60)

    other = in_thread(pool, add)
    try:
        assert added.wait(timeout=60)
        yield may_commit
    finally:
        may_commit.set()
        other.result(timeout=60)


def in_thread(pool: ThreadPoolExecutor, job: Callable[[], Any]) -> Future[Any]:
    def run() -> Any:
        try:
            return job()
        finally:
            connection.close()

    return pool.submit(run)


def until_waiting(future: Future[Any]) -> None:
    """Until the job waits for a lock; whoever does not wait fails."""
    until = time.monotonic() + 30
    while time.monotonic() < until and not future.done():
        with connection.cursor() as cursor:
            cursor.execute(WAITING)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.05)
    raise AssertionError("nobody waits for the process that adds")


JOBS: dict[str, Callable[[Study], Any]] = {
    "update": update_sums,
    "rebuild": rebuild_sums,
    "snapshot": snapshot_if_due,
    "publish": publish_if_due,
}


@pytest.mark.parametrize("begun", [False, True], ids=["both begin the sums", "the sums are there"])
@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_whoever_comes_second_waits_and_no_vote_is_missed(
    study: Study, job: Callable[[Study], Any], begun: bool
) -> None:
    votes = 60
    if begun:
        update_sums(study)
        crowd(study, 40, seed=2)
        votes += 40
    with ThreadPoolExecutor(2) as pool:
        with another_adding(study, pool) as may_commit:
            second = in_thread(pool, lambda: job(study))
            until_waiting(second)
            may_commit.set()
        found = second.result(timeout=60)
    assert board_of(study).votes == votes
    if job is snapshot_if_due:
        assert found.votes == votes


def test_the_command_prints_every_vote_that_was_there_before_it(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    with ThreadPoolExecutor(2) as pool:
        with another_adding(study, pool) as may_commit:
            command = in_thread(pool, lambda: call_command("leaderboard", study.slug, "--json"))
            until_waiting(command)
            may_commit.set()
        command.result(timeout=60)
    assert json.loads(capsys.readouterr().out)["votes"] == 60


def test_what_comes_again_by_the_clock_does_not_wait(study: Study) -> None:
    update_sums(study)
    crowd(study, 40, seed=2)
    with ThreadPoolExecutor(1) as pool, another_adding(study, pool):
        assert refresh_board(study) is None
    assert BoardState.objects.get(study=study).looked_vote
    assert board_of(study).votes == 100
