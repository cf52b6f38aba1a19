"""`POST votes/undo/`: answers taken back, nothing deleted."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from evalapp.studies.models import Pair, Study, StudyState
from evalapp.voting.models import Correction, Exposure, Vote
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    return cast.open_study()


@pytest.fixture
def browser() -> Client:
    return cast.browser_of(cast.ada())


def undo(browser: Client, **words: Any) -> list[dict[str, Any]]:
    answer = browser.post("/api/v1/votes/undo/", words, content_type="application/json")
    assert answer.status_code == 200, answer.content
    exposures: list[dict[str, Any]] = answer.json()["exposures"]
    return exposures


def sums() -> tuple[int, int, int]:
    counts = Pair.objects.values_list("dope", "nope", "skip")
    dope, nope, skip = (sum(column) for column in zip(*counts, strict=True))
    return dope, nope, skip


def test_the_last_answer_comes_back_as_it_was_shown(study: Study, browser: Client) -> None:
    shown = cast.deck(browser, study, 2)
    for one, verdict in zip(shown, ("dope", "nope"), strict=True):
        cast.send(browser, {"token": one["token"], "verdict": verdict})
    assert undo(browser) == [{**shown[1], "verdict": "nope"}]
    assert sums() == (1, 0, 0)


def test_answers_come_back_newest_first(study: Study, browser: Client) -> None:
    tokens = [one["token"] for one in cast.deck(browser, study, 4)]
    cast.send(browser, *({"token": token, "verdict": "dope"} for token in tokens[:2]))
    cast.send(browser, *({"token": token, "verdict": "skip"} for token in tokens[2:]))
    assert [one["token"] for one in undo(browser, n=3)] == [tokens[3], tokens[2], tokens[1]]
    assert sums() == (1, 0, 0)
    assert [one["token"] for one in undo(browser, n=10)] == [tokens[0]]
    assert undo(browser) == []


def test_a_vote_taken_back_stays_with_its_reason(study: Study, browser: Client) -> None:
    cast.play(browser, study, 1)
    undo(browser)
    vote = Vote.objects.get()
    assert (vote.counted, vote.void_reason) == (False, "undone")
    assert [*Correction.objects.values_list("vote", "counted", "reason")] == [(vote.pk, False, "undone")]


def test_the_board_counts_no_vote_that_was_taken_back(study: Study, browser: Client) -> None:
    cast.play(browser, study, 5)
    assert cast.board(study).votes == 5
    undo(browser, n=2)
    assert cast.board(study).votes == 3


def test_what_was_taken_back_can_be_answered_again(study: Study, browser: Client) -> None:
    token = cast.deck(browser, study, 1)[0]["token"]
    for verdict in ("dope", "nope", "dope"):
        assert cast.send(browser, {"token": token, "verdict": verdict})[0]["status"] == "recorded"
        undo(browser)
    cast.send(browser, {"token": token, "verdict": "skip"})
    assert sums() == (0, 0, 1)
    assert Vote.objects.count() == 4
    assert Vote.objects.filter(counted=True).get().verdict == "skip"


def test_what_was_taken_back_is_not_dealt_before_its_lease_has_run_out(study: Study, browser: Client) -> None:
    token = cast.deck(browser, study, 1)[0]["token"]
    cast.send(browser, {"token": token, "verdict": "dope"})
    undo(browser)
    assert token not in [one["token"] for one in cast.deck(browser, study, 50)]
    cast.let_leases_run_out(Exposure.objects.earliest("pk").voter)
    assert token in [one["token"] for one in cast.deck(browser, study, 50)]


def test_an_outbox_that_sends_late_does_not_bring_back_what_was_taken_back(study: Study, browser: Client) -> None:
    token = cast.deck(browser, study, 1)[0]["token"]
    first = {"token": token, "verdict": "dope", "client_id": "tap-1"}
    cast.send(browser, first)
    undo(browser)
    assert cast.send(browser, first)[0]["status"] == "already_recorded"
    assert sums() == (0, 0, 0)
    assert cast.send(browser, {**first, "client_id": "tap-2"})[0]["status"] == "recorded"


def test_bo_cannot_take_back_what_ada_said(study: Study, browser: Client) -> None:
    cast.play(browser, study, 3)
    assert undo(cast.browser_of(cast.bo())) == []
    assert undo(Client()) == []
    assert Vote.objects.filter(counted=True).count() == 3


def test_votes_of_a_closed_study_stand(study: Study, browser: Client) -> None:
    cast.play(browser, study, 3)
    Study.objects.update(state=StudyState.CLOSED)
    assert undo(browser) == []
    assert Vote.objects.filter(counted=True).count() == 3


def test_undo_can_keep_to_one_study(study: Study, browser: Client) -> None:
    other = cast.open_study("other")
    cast.play(browser, study, 1)
    cast.play(browser, other, 1)
    (back,) = undo(browser, study="match")
    assert cast.exposure_of(back).study_id == study.pk
    assert Vote.objects.get(counted=True).study_id == other.pk


@pytest.mark.parametrize("words", [{"n": 0}, {"n": 11}, {"study": "!"}])
def test_words_that_are_off_are_refused(browser: Client, words: dict[str, Any]) -> None:
    answer = browser.post("/api/v1/votes/undo/", words, content_type="application/json")
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, list(words))


def test_however_often_it_is_pressed_only_the_last_ten_come_back(study: Study, browser: Client) -> None:
    tokens = [one["token"] for one in cast.deck(browser, study, 14)]
    cast.send(browser, *({"token": token, "verdict": "dope"} for token in tokens))
    taken = [undo(browser)[0]["token"] for _ in range(10)]
    assert taken == tokens[:3:-1]
    assert undo(browser) == []
    cast.send(browser, {"token": taken[-1], "verdict": "nope"})
    assert [one["token"] for one in undo(browser, n=10)] == [taken[-1]]
    assert undo(browser) == []
    assert sums() == (4, 0, 0)
