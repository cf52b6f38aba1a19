"""What happens at the same moment: real threads, real connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import numpy as np
import pytest
from django.db import connection, transaction
from django.db.models import Sum
from PIL.Image import Image

from evalapp.studies.models import Pair, Study
from evalapp.voting.domain.tokens import sign_token
from evalapp.voting.models import Exposure, Gold, Vote, Voter
from evalapp.voting.services import gold_pairs
from evalapp.voting.services.deck_serving import serve_deck
from evalapp.voting.services.designs import publish_design
from evalapp.voting.services.gold_pairs import prepare_golds
from evalapp.voting.services.pair_counts import change_counts
from evalapp.voting.services.undo import undo_votes
from evalapp.voting.services.vote_casting import Ballot, Status, cast_votes
from tests import cast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

T = TypeVar("T")


def at_once(jobs: Iterable[Callable[[], T]]) -> list[T]:
    """Run all jobs in threads of their own, begun at the same moment."""
    waiting = list(jobs)
    barrier = Barrier(len(waiting))

    def run(job: Callable[[], T]) -> T:
        try:
            # Connect first, so that only the work itself races.
            connection.ensure_connection()
            barrier.wait(timeout=30)
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(waiting)) as pool:
        return [done.result(timeout=60) for done in [pool.submit(run, job) for job in waiting]]


def without_waiting(job: Callable[[], T]) -> T:
    """Run the job in a thread of its own while the caller holds its locks; an error where it would wait for them."""

    def run() -> T:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '500ms'")
        return job()

    (result,) = at_once([run])
    return result


@pytest.fixture
def study() -> Study:
    return cast.open_study()


def ballots(exposures: Iterable[Exposure], verdict: str = "dope") -> list[Ballot]:
    return [Ballot(sign_token(exposure.token), verdict) for exposure in exposures]


def votes_in_pairs() -> dict[str, int | None]:
    return Pair.objects.aggregate(dope=Sum("dope"), nope=Sum("nope"))


def test_the_same_token_sent_by_eight_threads_is_one_vote(study: Study) -> None:
    voter = cast.ada()
    exposures = serve_deck(study, voter, 1)
    results = at_once(
        lambda verdict=verdict: cast_votes(voter, ballots(exposures, verdict))[0] for verdict in ["dope", "nope"] * 4
    )
    assert sorted(one.status for one in results) == [Status.ALREADY_RECORDED] * 7 + [Status.RECORDED]
    vote = Vote.objects.get()
    assert {one.verdict for one in results} == {vote.verdict}
    assert votes_in_pairs() == {"dope": 0, "nope": 0, vote.verdict: 1}


def test_batches_in_opposite_orders_do_not_deadlock(study: Study) -> None:
    voter = cast.ada()
    exposures = serve_deck(study, voter, 16)
    results = at_once(
        lambda order=order: cast_votes(voter, ballots(order)) for order in [exposures, exposures[::-1]] * 4
    )
    assert sum(one.status == Status.RECORDED for batch in results for one in batch) == 16
    assert votes_in_pairs() == {"dope": 16, "nope": 0}


def test_voters_who_answer_the_same_pairs_lose_no_count(study: Study) -> None:
    voters = [cast.ada() for _ in range(8)]
    decks = [(voter, serve_deck(study, voter, 16)) for voter in voters]
    at_once(lambda voter=voter, deck=deck: cast_votes(voter, ballots(deck)) for voter, deck in decks)
    assert set(Pair.objects.filter(slot__isnull=False).values_list("dope", flat=True)) == {8}


def test_decks_asked_for_at_once_show_no_pair_twice(study: Study) -> None:
    voter = cast.ada()
    decks = at_once(lambda: serve_deck(study, voter, 4) for _ in range(6))
    pairs = [exposure.pair_id for deck in decks for exposure in deck]
    assert len(pairs) == len(set(pairs)) == Exposure.objects.count() == 16


def test_a_lease_that_ran_out_is_given_to_one_of_two_decks(study: Study) -> None:
    voter = cast.ada()
    serve_deck(study, voter, 4)
    cast.let_leases_run_out(voter)
    decks = at_once(lambda: serve_deck(study, voter, 4) for _ in range(2))
    tokens = [exposure.token for deck in decks for exposure in deck]
    assert len(tokens) == len(set(tokens)) == 8


def test_two_undos_take_back_two_answers(study: Study) -> None:
    voter = cast.ada()
    cast_votes(voter, ballots(serve_deck(study, voter, 5)))
    undone = at_once(lambda: undo_votes(voter, 1) for _ in range(2))
    assert len({one.exposure.pk for batch in undone for one in batch}) == 2
    assert votes_in_pairs() == {"dope": 3, "nope": 0}


def test_undo_and_casting_at_once_leave_the_counts_true(study: Study) -> None:
    voter = cast.ada()
    deck = serve_deck(study, voter, 12)
    cast_votes(voter, ballots(deck[:6]))
    jobs: list[Callable[[], object]] = [
        lambda: undo_votes(voter, 6),
        lambda: cast_votes(voter, ballots(deck, "nope")),
    ]
    at_once(jobs * 2)
    standing = Vote.objects.filter(counted=True)
    assert votes_in_pairs() == {verdict: standing.filter(verdict=verdict).count() for verdict in ("dope", "nope")}
    assert Exposure.objects.filter(answered_at__isnull=False).count() == standing.count()


def test_first_decks_of_many_new_visitors_do_not_disturb_each_other(study: Study) -> None:
    at_once(lambda: cast.deck(cast.browser_of(), study, 16) for _ in range(8))
    assert Voter.objects.count() == 8
    assert Exposure.objects.count() == 8 * 16


def test_decks_are_dealt_while_answers_are_taken_back(study: Study) -> None:
    """To the same person in another tab, and to others, of the same pairs."""
    ada, bo = cast.ada(), cast.bo()
    cast_votes(ada, ballots(serve_deck(study, ada, 8)))
    with transaction.atomic():
        assert len(undo_votes(ada, 8)) == 8
        assert len(without_waiting(lambda: serve_deck(study, ada, 4))) == 4
        assert len(without_waiting(lambda: serve_deck(study, bo, 16))) == 16


def test_decks_are_dealt_while_known_answers_are_made(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which takes as long as it takes to draw some hundred pictures."""
    Study.objects.update(gold_share=0.2)
    study.refresh_from_db()
    dealt: list[Exposure] = []

    def draw(*_: object) -> Image:
        if not dealt:
            dealt.extend(without_waiting(lambda: serve_deck(study, cast.ada(), 4)))
        raise OSError

    monkeypatch.setattr(gold_pairs, "image_of", draw)
    prepare_golds(study)
    assert len(dealt) == 4


def test_designs_published_at_once_get_a_version_each(study: Study) -> None:
    pairs = np.array(study.pairs.filter(slot__isnull=False).values_list("pk", flat=True))
    chances = np.full(len(pairs), 1 / len(pairs))
    designs = at_once(lambda: publish_design(study, pairs, chances, method="test") for _ in range(4))
    assert sorted(design.version for design in designs) == [1, 2, 3, 4]


def test_known_answers_asked_for_at_once_are_made_once(study: Study) -> None:
    Study.objects.update(gold_share=0.2)
    study.refresh_from_db()
    made = at_once(lambda: prepare_golds(study) for _ in range(3))
    assert Gold.objects.exists()
    assert made == [Gold.objects.count()] * 3


def test_a_deck_passes_over_what_is_being_answered_at_this_moment(study: Study) -> None:
    ada = cast.ada()
    first, second = serve_deck(study, ada, 2)
    cast.let_leases_run_out(ada)
    with transaction.atomic():
        cast_votes(ada, ballots([first]))
        again = without_waiting(lambda: serve_deck(study, ada, 1))
    assert [one.pk for one in again] == [second.pk]


def test_whoever_waits_to_count_a_pair_holds_no_later_one(study: Study) -> None:
    """Else two who count the same pairs in opposite orders would wait for each other for ever."""
    low, high = study.pairs.order_by("pk").values_list("pk", flat=True)[:2]
    waiting = threading.Thread(target=_count, args=({(high, "dope"): 1, (low, "nope"): 1},))
    with transaction.atomic():
        Pair.objects.select_for_update().get(pk=low)
        waiting.start()
        _until_somebody_waits()
        Pair.objects.select_for_update(nowait=True).get(pk=high)
    waiting.join(timeout=30)
    assert votes_in_pairs() == {"dope": 1, "nope": 1}


def _count(changes: dict[tuple[int, str], int]) -> None:
    with transaction.atomic():
        change_counts(changes)
    connection.close()


def _until_somebody_waits() -> None:
    deadline = time.monotonic() + 30
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.02)
    raise AssertionError("nobody waits")
