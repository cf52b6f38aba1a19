"""`POST votes/`: every answer is recorded once, however often and however broken it is sent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.test import Client

from evalapp.studies.models import Pair, Study, StudyState
from evalapp.voting.models import Exposure, Vote, Voter
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    return cast.open_study()


@pytest.fixture
def voter() -> Voter:
    return cast.ada()


@pytest.fixture
def browser(voter: Voter) -> Client:
    return cast.browser_of(voter)


@pytest.mark.parametrize("verdict", ["dope", "nope", "skip"])
def test_a_vote_is_recorded_and_its_pair_counts_it(study: Study, browser: Client, verdict: str) -> None:
    shown = cast.deck(browser, study, 1)[0]
    ballot = {"token": shown["token"], "verdict": verdict, "response_ms": 812, "client_id": "a-1"}
    assert cast.send(browser, ballot) == [{"token": shown["token"], "status": "recorded", "verdict": verdict}]
    vote = Vote.objects.select_related("exposure", "pair").get()
    assert (vote.verdict, vote.response_ms, vote.client_id, vote.counted) == (verdict, 812, "a-1", True)
    assert not vote.simulated
    assert vote.exposure.answered_at == vote.voted_at
    counts = {"dope": vote.pair.dope, "nope": vote.pair.nope, "skip": vote.pair.skip}
    assert counts == {"dope": 0, "nope": 0, "skip": 0, verdict: 1}


def test_a_report_is_kept_but_no_count(study: Study, browser: Client) -> None:
    shown = cast.deck(browser, study, 1)[0]
    assert cast.send(browser, {"token": shown["token"], "verdict": "report"})[0]["status"] == "recorded"
    pair = Vote.objects.get().pair
    assert (pair.dope, pair.nope, pair.skip) == (0, 0, 0)


def test_sending_again_changes_nothing_and_tells_what_stands(study: Study, browser: Client) -> None:
    shown = cast.deck(browser, study, 1)[0]
    cast.send(browser, {"token": shown["token"], "verdict": "dope"})
    for verdict in ("dope", "nope", "skip"):
        again = cast.send(browser, {"token": shown["token"], "verdict": verdict})
        assert again == [{"token": shown["token"], "status": "already_recorded", "verdict": "dope"}]
    assert Vote.objects.count() == 1
    assert Pair.objects.get(votes__isnull=False).dope == 1


def test_the_same_token_twice_in_one_batch_is_one_vote(study: Study, browser: Client) -> None:
    shown = cast.deck(browser, study, 1)[0]
    results = cast.send(
        browser, {"token": shown["token"], "verdict": "nope"}, {"token": shown["token"], "verdict": "dope"}
    )
    assert [one["status"] for one in results] == ["recorded", "already_recorded"]
    assert [one["verdict"] for one in results] == ["nope", "nope"]
    assert Vote.objects.count() == 1


def test_answers_come_back_in_the_order_sent(study: Study, browser: Client) -> None:
    tokens = [one["token"] for one in cast.deck(browser, study, 8)]
    order = [*reversed(tokens), "nonsense", *tokens]
    results = cast.send(browser, *({"token": token, "verdict": "dope"} for token in order))
    assert [one["token"] for one in results] == order
    assert [one["status"] for one in results] == ["recorded"] * 8 + ["unknown"] + ["already_recorded"] * 8


@pytest.mark.parametrize("token", ["nonsense", "0" * 32, f"{'0' * 32}:forged", ":", "a" * 200])
def test_a_forged_token_is_unknown(study: Study, browser: Client, token: str) -> None:
    assert cast.send(browser, {"token": token, "verdict": "dope"}) == [{"token": token, "status": "unknown"}]


def test_another_voters_exposure_is_unknown(study: Study, browser: Client) -> None:
    shown = cast.deck(browser, study, 1)[0]
    ballot = {"token": shown["token"], "verdict": "dope"}
    for thief in (cast.browser_of(cast.bo()), Client()):
        assert cast.send(thief, ballot)[0]["status"] == "unknown"
    assert cast.send(browser, ballot)[0]["status"] == "recorded"


def test_a_voter_whose_cookie_is_forged_is_nobody(study: Study, voter: Voter, browser: Client) -> None:
    shown = cast.deck(browser, study, 1)[0]
    forger = Client()
    forger.cookies["voter"] = voter.pk.hex
    assert cast.send(forger, {"token": shown["token"], "verdict": "dope"})[0]["status"] == "unknown"


def test_votes_of_a_closed_study_are_told_so_but_what_stands_stands(study: Study, browser: Client) -> None:
    early, late = cast.deck(browser, study, 2)
    cast.send(browser, {"token": early["token"], "verdict": "dope"})
    Study.objects.update(state=StudyState.CLOSED)
    results = cast.send(browser, *({"token": one["token"], "verdict": "nope"} for one in (early, late)))
    assert [one["status"] for one in results] == ["already_recorded", "closed"]
    assert Vote.objects.count() == 1


def test_a_vote_that_comes_within_the_age_counts_and_one_that_comes_later_is_expired(
    study: Study, voter: Voter, browser: Client, settings: LazySettings
) -> None:
    fresh, stale = cast.deck(browser, study, 2)
    limit = settings.EXPOSURE_MAX_AGE - settings.EXPOSURE_LEASE
    for shown, spare in ((fresh, timedelta(minutes=1)), (stale, timedelta(minutes=-1))):
        exposure = cast.exposure_of(shown)
        exposure.leased_until -= limit + settings.EXPOSURE_LEASE - spare
        exposure.save()
    results = cast.send(browser, *({"token": one["token"], "verdict": "dope"} for one in (fresh, stale)))
    assert [one["status"] for one in results] == ["recorded", "expired"]


def test_a_phone_that_was_offline_for_a_lease_loses_nothing(study: Study, voter: Voter, browser: Client) -> None:
    shown = cast.deck(browser, study, 1)[0]
    cast.let_leases_run_out(voter)
    assert cast.send(browser, {"token": shown["token"], "verdict": "dope"})[0]["status"] == "recorded"


@pytest.mark.parametrize(
    "spoilt",
    [
        {"verdict": "love"},
        {"verdict": None},
        {"response_ms": -1},
        {"response_ms": 2**31},
        {"response_ms": "soon"},
        {"client_id": "x" * 65},
        {"client_id": "\x00"},
        {"token": None},
        {"token": "a" * 201},
        {"token": {}},
    ],
)
def test_one_entry_that_is_off_spoils_no_other(study: Study, browser: Client, spoilt: dict[str, object]) -> None:
    first, second = (one["token"] for one in cast.deck(browser, study, 2))
    bad = {"token": first, "verdict": "dope", **spoilt}
    results = cast.send(browser, bad, {"token": second, "verdict": "dope"})
    assert results[0]["status"] == "invalid"
    assert next(iter(spoilt)) in results[0]["message"]
    assert results[1]["status"] == "recorded"
    assert Vote.objects.count() == 1


@pytest.mark.parametrize("entry", ["text", 7, None, [], {}])
def test_an_entry_that_is_no_vote_at_all_is_invalid(study: Study, browser: Client, entry: object) -> None:
    shown = cast.deck(browser, study, 1)[0]
    body = {"votes": [entry, {"token": shown["token"], "verdict": "dope"}]}
    answer = browser.post("/api/v1/votes/", body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    assert [one["status"] for one in answer.json()["results"]] == ["invalid", "recorded"]


@pytest.mark.parametrize("body", [{}, {"votes": []}, {"votes": "all"}, {"votes": [{}] * 101}, [], 7])
def test_a_body_that_is_no_batch_is_refused(browser: Client, body: object) -> None:
    answer = browser.post("/api/v1/votes/", body, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")


def test_a_body_that_is_no_json_is_malformed(browser: Client) -> None:
    answer = browser.post("/api/v1/votes/", "{votes", content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed")


def test_forms_of_other_sites_are_not_read(browser: Client) -> None:
    """A form can be sent across sites without asking; JSON cannot."""
    assert browser.post("/api/v1/votes/", {"votes": "1"}).status_code == 415


def test_a_pair_counts_the_votes_of_everybody(study: Study) -> None:
    for voter in (cast.ada(), cast.bo(), cast.ada()):
        browser = cast.browser_of(voter)
        while cast.play(browser, study, 7):
            pass
    alike = Pair.objects.filter(slot__isnull=False).select_related("query__item", "candidate")
    assert {(pair.dope, pair.nope) for pair in alike if cast.likes_matches(pair) == "dope"} == {(3, 0)}
    assert {(pair.dope, pair.nope) for pair in alike if cast.likes_matches(pair) == "nope"} == {(0, 3)}
    assert Exposure.objects.filter(answered_at__isnull=True).count() == 0
