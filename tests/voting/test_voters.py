"""Voters whose votes are set aside, limits that people never meet, and people who want to be forgotten."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db.models import Sum
from django.test import Client
from django.utils import timezone

from evalapp.studies.models import Pair, Study
from evalapp.voting import tasks
from evalapp.voting.domain import rate_limits
from evalapp.voting.domain.void_reasons import REPORTS, TOO_FAST
from evalapp.voting.models import Correction, Exposure, Vote, Voter
from evalapp.voting.services.voter_review import review_voters
from evalapp.voting.services.voters import (
    block_address,
    block_voter,
    end_rehearsal,
    expire_addresses,
    forget_voter,
    unblock_address,
    unblock_voter,
)
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    return cast.open_study(queries=120)


def counts() -> tuple[int, int]:
    sums = Pair.objects.aggregate(dope=Sum("dope"), nope=Sum("nope"))
    return sums["dope"], sums["nope"]


def swipe(study: Study, voter: Voter, n: int, ms: int = 900, away: float = 600.0) -> None:
    """`n` answers that took `ms` each, to cards dealt `away` seconds ago."""
    browser = cast.browser_of(voter)
    shown = [one for _ in range(n // 10) for one in cast.deck(browser, study, 10)]
    Exposure.objects.filter(voter=voter).update(served_at=timezone.now() - timedelta(seconds=away))
    cast.send(browser, *({"token": one["token"], "verdict": "dope", "response_ms": ms} for one in shown))


def test_a_blocked_voters_votes_are_set_aside_and_come_back(study: Study) -> None:
    ada, bo = cast.ada(), cast.bo()
    swipe(study, ada, 20)
    swipe(study, bo, 30)
    assert (counts(), cast.board(study).votes) == ((50, 0), 50)
    assert block_voter(bo) == 30
    assert (counts(), cast.board(study).votes) == ((20, 0), 20)
    assert set(Vote.objects.filter(voter=bo).values_list("counted", "void_reason")) == {(False, "blocked")}
    assert unblock_voter(bo) == 30
    assert (counts(), cast.board(study).votes) == ((50, 0), 50)
    assert Vote.objects.filter(counted=True, void_reason="").count() == 50
    assert list(Correction.objects.order_by("pk").values_list("counted", flat=True)) == [False] * 30 + [True] * 30


def test_blocking_twice_and_unblocking_twice_change_nothing_more(study: Study) -> None:
    bo = cast.bo()
    swipe(study, bo, 10)
    assert [block_voter(bo), block_voter(bo), unblock_voter(bo), unblock_voter(bo)] == [10, 0, 10, 0]
    assert counts() == (10, 0)


def test_what_a_blocked_voter_says_later_does_not_count_and_comes_back_too(study: Study) -> None:
    bo = cast.bo()
    cast.play(cast.browser_of(bo), study, 1)
    block_voter(bo)
    later = cast.play(cast.browser_of(bo), study, 5)
    assert {one["status"] for one in later} == {"recorded"}
    assert sum(counts()) == 0
    assert unblock_voter(bo) == 6
    assert sum(counts()) == 6


def test_who_was_unblocked_is_trusted_and_counts_from_now_on(study: Study) -> None:
    bo = cast.bo()
    swipe(study, bo, 30, ms=100)
    assert review_voters() == [bo.pk]
    unblock_voter(bo)
    assert review_voters() == []
    cast.play(cast.browser_of(bo), study, 5)
    assert sum(counts()) == 35
    bo.refresh_from_db()
    assert (bo.blocked_at, bo.block_reason, bo.trusted) == (None, "", True)


def test_what_was_taken_back_stays_so_when_its_voter_is_unblocked(study: Study) -> None:
    bo = cast.bo()
    cast.play(cast.browser_of(bo), study, 5)
    block_voter(bo)
    cast.browser_of(bo).post("/api/v1/votes/undo/", {"n": 2}, content_type="application/json")
    unblock_voter(bo)
    assert Vote.objects.filter(void_reason="undone").count() == 2
    assert sum(counts()) == 3


@pytest.mark.parametrize(("ms", "away"), [(120, 600.0), (900, 0.5)])
def test_who_votes_faster_than_people_can_is_blocked_by_the_review(study: Study, ms: int, away: float) -> None:
    """By the times they tell, or, whatever they tell, by the time since their cards were dealt."""
    bo = cast.bo()
    swipe(study, cast.ada(), 30)
    swipe(study, bo, 30, ms, away)
    tasks.review_and_weigh()
    assert list(Voter.objects.exclude(blocked_at=None).values_list("pk", "block_reason")) == [(bo.pk, TOO_FAST)]
    assert counts() == (30, 0)


def test_few_fast_votes_a_trusted_voter_and_a_crowd_that_is_simulated_are_left_alone(study: Study) -> None:
    few, trusted, simulated = cast.bo(), cast.bo(), cast.bo()
    swipe(study, few, 10, 100)
    swipe(study, trusted, 30, 100)
    Voter.objects.filter(pk=trusted.pk).update(trusted=True)
    swipe(study, simulated, 30, 100)
    Vote.objects.filter(voter=simulated).update(simulated=True)
    assert review_voters() == []


def test_nobody_needs_twenty_answers_to_be_too_fast(study: Study) -> None:
    """By our own clock; whoever sends eight at once that waited for a connection was dealt them long before."""
    program, outbox = cast.bo(), cast.ada()
    swipe(study, program, 10, 900, away=0.5)
    swipe(study, outbox, 10, 900, away=40)
    assert review_voters() == [program.pk]


def test_all_tiles_of_a_grid_are_one_answer(study: Study) -> None:
    bo = cast.bo()
    swipe(study, bo, 30, 900, away=4)
    hand = uuid.uuid4()
    Exposure.objects.filter(voter=bo).update(group=hand)
    assert review_voters() == []


def test_who_hardly_does_anything_but_report_is_set_aside(study: Study) -> None:
    reporter, critic = cast.bo(), cast.ada()
    for voter, reported in ((reporter, 11), (critic, 9)):
        shown = cast.deck(cast.browser_of(voter), study, 20)
        said = ["report"] * reported + ["nope"] * (20 - reported)
        Exposure.objects.filter(voter=voter).update(served_at=timezone.now() - timedelta(minutes=5))
        cast.send(
            cast.browser_of(voter),
            *({"token": one["token"], "verdict": what} for one, what in zip(shown, said, strict=True)),
        )
    assert review_voters() == [reporter.pk]
    assert Voter.objects.get(pk=reporter.pk).block_reason == REPORTS


def test_all_of_an_address_are_set_aside_and_taken_back_together(study: Study) -> None:
    one, other, trusted, elsewhere = (cast.bo() for _ in range(4))
    Voter.objects.exclude(pk=elsewhere.pk).update(address="here")
    Voter.objects.filter(pk=trusted.pk).update(trusted=True)
    for voter in (one, other, trusted, elsewhere):
        swipe(study, voter, 10)
    assert block_address(one) == 20
    assert set(Voter.objects.filter(blocked_at=None)) == {trusted, elsewhere}
    assert unblock_address(other) == 20
    assert counts() == (40, 0)


def test_a_vote_that_was_under_way_when_its_voter_was_blocked_is_set_aside_by_the_review(study: Study) -> None:
    bo = cast.bo()
    swipe(study, bo, 10)
    Voter.objects.filter(pk=bo.pk).update(blocked_at=timezone.now(), block_reason="blocked")
    review_voters()
    assert counts() == (0, 0)


@pytest.mark.parametrize(("minutes", "left"), [(59, 0), (61, 10)])
def test_after_an_hour_no_vote_is_under_way_any_more(study: Study, minutes: int, left: int) -> None:
    bo = cast.bo()
    swipe(study, bo, 10)
    blocked_at = timezone.now() - timedelta(minutes=minutes)
    Voter.objects.filter(pk=bo.pk).update(blocked_at=blocked_at, block_reason="blocked")
    review_voters()
    assert counts() == (left, 0)


def test_at_the_end_of_a_rehearsal_only_what_people_said_is_left(study: Study) -> None:
    ada, simulated = cast.ada(), cast.bo()
    swipe(study, ada, 10)
    swipe(study, simulated, 20)
    Vote.objects.filter(voter=simulated).update(simulated=True)
    assert [end_rehearsal(study), end_rehearsal(study)] == [20, 0]
    assert counts() == (10, 0)
    assert set(Vote.objects.filter(counted=False).values_list("voter", "void_reason")) == {(simulated.pk, "rehearsal")}
    assert set(Correction.objects.values_list("counted", "reason")) == {(False, "rehearsal")}


def test_a_field_that_people_never_see_is_a_trap(study: Study) -> None:
    browser = Client()
    cast.play(browser, study, 5)
    body = {"n": 5, "website": "https://spam.example"}
    assert browser.post("/api/v1/studies/match/deck/", body, content_type="application/json").status_code == 200
    assert Voter.objects.get().block_reason == "trap"
    assert sum(counts()) == 0


def test_a_fast_honest_swiper_never_meets_the_limit_and_a_program_does(
    study: Study, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VOTER_PAIRS_PER_MINUTE = 60
    now = timezone.now()
    monkeypatch.setattr("evalapp.voting.services.deck_serving.timezone.now", lambda: now)
    browser = Client()
    statuses = [_ask(browser, 10) for _ in range(8)]
    assert statuses == [200] * 6 + [429] * 2
    now += timedelta(seconds=30)
    assert [_ask(browser, 10) for _ in range(4)] == [200] * 3 + [429]


def test_an_address_is_limited_in_pairs_and_in_new_voters(study: Study, settings: LazySettings) -> None:
    settings.ADDRESS_PAIRS_PER_MINUTE = 50
    assert [_ask(Client(), 20, "203.0.113.1") for _ in range(3)] == [200, 200, 429]
    settings.ADDRESS_PAIRS_PER_MINUTE, settings.ADDRESS_VOTERS_PER_MINUTE = 10**6, 2
    assert [_ask(Client(), 1, "203.0.113.2") for _ in range(3)] == [200, 200, 429]
    assert _ask(Client(), 1, "203.0.113.3") == 200


def _ask(browser: Client, n: int, address: str = "203.0.113.9") -> int:
    words = {"content_type": "application/json", "REMOTE_ADDR": address}
    return browser.post("/api/v1/studies/match/deck/", {"n": n}, **words).status_code


def test_buckets_fill_again_and_do_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(rate_limits, "monotonic", lambda: now)
    monkeypatch.setattr(rate_limits, "_MOST", 100)
    buckets = rate_limits.Buckets()
    assert [buckets.take("a", 6, 10) for _ in range(2)] == [True, False]
    now = 30.0
    assert [buckets.take("a", 9, 10) for _ in range(2)] == [True, False]
    for number in range(1000):
        buckets.take(str(number), 1, 10)
    assert len(buckets._left) == 100


def test_addresses_are_hashes_that_differ_from_day_to_day_and_expire(
    study: Study, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _ask(Client(), 1, "203.0.113.9")
    _ask(Client(), 1, "203.0.113.9")
    first, second = Voter.objects.values_list("address", flat=True)
    assert first == second
    assert "203" not in first
    tomorrow = timezone.now() + timedelta(days=1)
    monkeypatch.setattr("evalapp.voting.queries.voter_identity.timezone.now", lambda: tomorrow)
    _ask(Client(), 1, "203.0.113.9")
    assert Voter.objects.exclude(address=first).get().address != ""
    Voter.objects.filter(address=first).update(address_until=timezone.now() - settings.ADDRESS_KEPT)
    assert expire_addresses() == 2
    assert list(Voter.objects.filter(address="").values_list("address_until", flat=True)) == [None, None]


def test_only_proxies_of_ours_are_believed(study: Study, settings: LazySettings) -> None:
    forged = {"HTTP_X_FORWARDED_FOR": "198.51.100.7, 203.0.113.50", "content_type": "application/json"}

    def seen(proxies: int) -> str:
        settings.TRUSTED_PROXIES = proxies
        Voter.objects.all().delete()
        Client().post("/api/v1/studies/match/deck/", {"n": 1}, **forged)
        return Voter.objects.get().address

    direct, behind_one = seen(0), seen(1)
    assert direct != behind_one
    forged["HTTP_X_FORWARDED_FOR"] = "192.0.2.99, 203.0.113.50"
    assert seen(1) == behind_one


def test_who_is_forgotten_leaves_votes_that_count_and_nothing_else(study: Study) -> None:
    browser = Client()
    cast.play(browser, study, 5)
    known = Voter.objects.get()
    pending = cast.deck(browser, study, 1)[0]
    kept = (counts(), cast.board(study).votes)
    answer = browser.post("/api/v1/me/forget/", {}, content_type="application/json")
    assert answer.json() == {"votes": 5}
    assert answer.cookies["voter"].value == ""
    nobody = Voter.objects.get()
    assert (nobody.address, nobody.address_until) == ("", None)
    assert set(Vote.objects.values_list("response_ms", "client_id")) == {(None, "")}
    assert (counts(), cast.board(study).votes) == kept
    old = cast.browser_of(known)
    assert cast.send(old, {"token": pending["token"], "verdict": "dope"})[0]["status"] == "unknown"
    assert old.post("/api/v1/votes/undo/", {}, content_type="application/json").json() == {"exposures": []}
    assert len(cast.deck(old, study, 5)) == 5
    assert old.cookies["voter"].value[:32] != known.pk.hex
    assert Voter.objects.count() == 2
    assert Exposure.objects.filter(voter=known).count() == 6


def test_being_forgotten_brings_no_blocked_vote_back(study: Study) -> None:
    bo = cast.bo()
    cast.play(cast.browser_of(bo), study, 5)
    block_voter(bo)
    assert forget_voter(bo) == 5
    assert forget_voter(bo) == 0
    assert sum(counts()) == 0
    assert Voter.objects.get().block_reason == "blocked"


def test_a_visitor_whom_nobody_knows_can_be_forgotten(study: Study) -> None:
    assert Client().post("/api/v1/me/forget/", {}, content_type="application/json").json() == {"votes": 0}
