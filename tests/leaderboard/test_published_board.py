"""What everybody but operators reads while people vote: steps of many votes of many people, rounded, and late."""

from __future__ import annotations

import json
import re
from dataclasses import asdict

import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from evalapp.leaderboard import tasks
from evalapp.leaderboard.domain.coarse_documents import coarse_board, coarse_count, read_board, read_duels
from evalapp.leaderboard.domain.publication_steps import (
    FEWEST_VOTERS,
    FEWEST_VOTES,
    HELD_BACK_VOTES,
    Step,
)
from evalapp.leaderboard.models import PublishedBoard
from evalapp.leaderboard.queries import step_since
from evalapp.leaderboard.services import publish_if_due, refresh_report, update_sums
from evalapp.studies.models import Study
from evalapp.studies.services import close_study, open_study
from evalapp.voting.models import Voter
from evalapp.webhooks.models import Delivery, Webhook
from evalapp.webhooks.services import add_webhook
from tests import cast
from tests.leaderboard.crowds import let_score, let_vote, voted_study

pytestmark = [pytest.mark.django_db, pytest.mark.database]

PAGE, API = "/leaderboard/match/", "/api/v1/studies/match/leaderboard/"
STEP, AFTER = 320, 60
"""Votes that are surely enough for a step, and to publish it."""


def operator() -> Client:
    browser = Client()
    browser.force_login(User.objects.create_user("olga", is_staff=True))
    return browser


def published(votes: int = STEP) -> Study:
    """A study of which one board was published after so many votes."""
    study = voted_study(votes, voters=40)
    let_score(study)
    refresh_report(study)
    assert publish_if_due(study) is None
    let_vote(study, AFTER, 20, seed=3)
    assert publish_if_due(study) is not None
    return study


def test_nothing_is_published_before_enough_people_have_voted(client: Client) -> None:
    study = voted_study(FEWEST_VOTES - 10, voters=40)
    for _ in range(2):
        publish_if_due(study)
        let_vote(study, 5, 5, seed=4)
    assert not PublishedBoard.objects.exists()
    assert client.get(API).json()["votes"] == 0
    assert "Nothing is published yet" in client.get(PAGE).content.decode()
    assert client.get("/api/v1/studies/match/").json()["votes"] == 0
    update_sums(study)
    assert operator().get(API).json()["votes"] == FEWEST_VOTES


def test_a_step_is_published_once_others_have_voted_after_it(client: Client) -> None:
    study = voted_study(STEP, voters=40)
    assert publish_if_due(study) is None
    before = client.get(API).json()
    assert before["votes"] == 0
    let_vote(study, HELD_BACK_VOTES - 1, 20, seed=3)
    assert publish_if_due(study) is None
    let_vote(study, 11, 11, seed=4)
    board = publish_if_due(study)
    assert board is not None
    # The newest sixty are held back.
    assert client.get(API).json()["votes"] == STEP == board.cut_votes
    assert cast.board(study).votes == STEP + HELD_BACK_VOTES + 10


def test_no_single_vote_moves_anything_that_the_public_reads(client: Client) -> None:
    study = published()
    voter = cast.browser_of(cast.ada())
    addresses = [
        API, PAGE, f"{PAGE}plan/", f"{PAGE}history/", "/api/v1/studies/match/", "/api/v1/studies/", "/",
        *(f"{PAGE}tables/{name}.csv" for name in ("standings", "head-to-head", "over-time", "sampling", "set-aside")),
        f"{PAGE}plots/standings.svg",
    ]  # fmt: skip

    def everything() -> list[str]:
        answers = [client.get(address) for address in addresses]
        # The nonce of a page differs each time.
        return [
            re.sub(r'(nonce|csrfmiddlewaretoken" value)="[^"]*"', "", answer.content.decode())
            + str(answer.headers.get("ETag"))
            for answer in answers
        ]

    before = everything()
    cast.play(voter, study, 1)
    tasks.tend_boards()
    assert everything() == before
    voter.post("/api/v1/votes/undo/", {"n": 1}, content_type="application/json")
    tasks.tend_boards()
    assert everything() == before


def test_operators_go_on_reading_the_board_as_of_now() -> None:
    study = published()
    browser = operator()
    board = cast.board(study)
    told = browser.get(API).json()
    assert told.pop("offline")
    assert told.pop("advice") == board.advice(is_open=True)
    assert told == board.as_json()
    assert browser.get(PAGE).context["board"] == board


def test_strangers_hear_of_a_winner_when_it_is_published_and_operators_at_once() -> None:
    live = add_webhook("https://operators.example/", ["winner.decided"], is_live=True)
    other = add_webhook("https://news.example/", ["winner.decided"])

    def heard(webhook: Webhook) -> list[str]:
        return [delivery.payload["winner"] for delivery in Delivery.objects.filter(webhook=webhook)]

    study = voted_study(1500, voters=100)
    assert cast.board(study).decision.winner == cast.FC6
    assert publish_if_due(study) is None
    assert (heard(live), heard(other)) == ([cast.FC6], [])
    for seed in (3, 4):
        let_vote(study, 1500, 100, seed=seed)
        assert publish_if_due(study) is not None
        assert (heard(live), heard(other)) == ([cast.FC6], [cast.FC6]), "once, however many boards name it"
        publish_if_due(study)
    told = Delivery.objects.get(webhook=other).payload
    assert told["votes"] % 10 == 0, "rounded, as all that is published"


def test_few_who_vote_a_lot_are_no_step() -> None:
    study = cast.open_study(queries=40)
    for _ in range(FEWEST_VOTERS - 1):
        cast.play(cast.browser_of(Voter.objects.create()), study, 30)
    assert step_since(study, 0).votes == 30 * (FEWEST_VOTERS - 1)
    assert step_since(study, 0).weighed_votes == 10 * (FEWEST_VOTERS - 1)
    publish_if_due(study)
    assert not PublishedBoard.objects.exists()


def test_one_address_is_few_people_and_a_hall_is_enough_in_the_end() -> None:
    study = voted_study(400, voters=40)
    Voter.objects.update(address="here")
    step = step_since(study, 0)
    assert (step.votes, step.weighed_votes, step.weighed_voters) == (400, 50 + 0.2 * 350, 5 + 0.2 * 35)
    assert not step.may_be_cut(0, 0.0)
    let_vote(study, 900, 90, seed=3)
    Voter.objects.update(address="here")
    assert step_since(study, 0).may_be_cut(0, 0.0)


@given(st.integers(0, 100_000), st.floats(0, 1))
def test_steps_grow_with_what_was_published(before: int, jitter: float) -> None:
    enough = Step(int(1.5 * max(0.2 * before, FEWEST_VOTES)) + 1, 10**6, 10**6)
    assert enough.may_be_cut(before, jitter)
    assert not Step(int(0.2 * before) - 1, 10**6, 10**6).may_be_cut(before, jitter)
    assert not Step(10**6, FEWEST_VOTES - 1, 10**6).may_be_cut(before, jitter)
    assert not Step(10**6, 10**6, FEWEST_VOTERS - 1).may_be_cut(before, jitter)


def test_votes_taken_back_or_set_aside_make_no_step() -> None:
    study = voted_study(STEP, voters=40)
    study.votes.update(counted=False, void_reason="undone")
    publish_if_due(study)
    assert not PublishedBoard.objects.exists()


def test_closing_publishes_everything_and_an_open_study_goes_on_from_there(client: Client) -> None:
    study = published()
    close_study(study)
    tasks.tend_boards()
    assert client.get(API).json()["votes"] == cast.board(study).votes == STEP + AFTER
    open_study(study)
    assert client.get(API).json()["votes"] == coarse_count(STEP + AFTER)
    cast.play(cast.browser_of(), study, 1)
    assert client.get(API).json()["votes"] == coarse_count(STEP + AFTER)


def test_numbers_are_rounded_and_no_reason_is_told(client: Client) -> None:
    published()
    told = client.get(API).json()
    assert told["set_aside"]["reasons"] == {}
    for line in told["standings"]:
        assert line["votes"] % 10 == 0
        assert line["approval"] == round(line["approval"], 3)
    report = PublishedBoard.objects.get().report
    assert not {"categories", "examples", "agreement"} & set(report)
    assert "sampling" in report


@given(st.integers(0, 10**9))
def test_counts_keep_two_digits(count: int) -> None:
    told = coarse_count(count)
    assert (told == 0) == (count == 0)
    assert told % 10 == 0
    assert len(str(told).rstrip("0")) <= 3
    assert abs(told - count) <= max(9, 0.05 * count)


def test_a_document_is_read_back_as_it_was_written() -> None:
    study = voted_study(100)
    board, duels = cast.board(study), cast.duels(study)
    document = coarse_board(board.as_json())
    assert read_board(json.loads(json.dumps(document))).as_json() == document
    assert read_duels(json.loads(json.dumps(asdict(duels)))) == duels


def test_the_lab_says_what_a_public_board_costs() -> None:
    cast.open_study()
    page = operator().get("/lab/studies/match/").content.decode()
    assert f"at least {FEWEST_VOTES} votes of {FEWEST_VOTERS} people" in page
    assert "What that costs" in page
