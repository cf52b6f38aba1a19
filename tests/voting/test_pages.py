"""`/play/{slug}/`: the door through which voters come."""

from __future__ import annotations

import pytest
from django.conf import LazySettings
from django.test import Client

from evalapp.studies.models import BoardVisibility, Study, StudyState
from evalapp.voting.models import Exposure, Voter
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    return cast.open_study()


def test_a_new_visitor_becomes_a_voter_with_a_cookie_that_scripts_cannot_read(study: Study) -> None:
    browser = Client()
    answer = browser.get("/play/match/")
    assert answer.status_code == 200
    cookie = answer.cookies["voter"]
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", "")
    assert cookie["max-age"] == 365 * 24 * 3600
    cast.deck(browser, study, 1)
    assert cookie.value.startswith(Voter.objects.get().pk.hex)


def test_the_cookie_is_secure_where_the_site_is(study: Study, settings: LazySettings) -> None:
    settings.HTTPS = True
    assert Client().get("/play/match/", secure=True).cookies["voter"]["secure"] is True


def test_a_voter_who_comes_back_stays_who_they_are(study: Study) -> None:
    browser = Client()
    browser.get("/play/match/")
    assert "voter" not in browser.get("/play/match/").cookies
    cast.deck(browser, study, 2)
    assert Voter.objects.count() == 1


@pytest.mark.parametrize("value", ["", "nonsense", "0" * 32, f"{'0' * 32}:1tABCD:forged"])
def test_a_forged_cookie_is_replaced(study: Study, value: str) -> None:
    browser = Client()
    browser.cookies["voter"] = value
    assert browser.get("/play/match/").cookies["voter"].value != value
    assert not Voter.objects.exists()


def test_a_voter_of_an_older_database_may_go_on(study: Study) -> None:
    voter = cast.ada()
    browser = cast.browser_of(voter)
    Voter.objects.all().delete()
    assert len(cast.deck(browser, study, 3)) == 3
    assert Voter.objects.get().pk == voter.pk


def test_it_tells_the_question_and_how_far_one_is(study: Study) -> None:
    browser = cast.browser_of(cast.ada())
    cast.play(browser, study, 5)
    answer = browser.get("/play/match/")
    assert study.question in answer.content.decode()
    assert answer.context["answered"] == 5
    assert answer.context["api"] == {
        "deck": "/api/v1/studies/match/deck/",
        "votes": "/api/v1/votes/",
        "undo": "/api/v1/votes/undo/",
        "yours": "/api/v1/studies/match/yours/",
    }


def test_opening_the_page_draws_nothing_yet(study: Study) -> None:
    Client().get("/play/match/")
    assert not Exposure.objects.exists()


def test_a_closed_study_says_so_and_makes_no_voter(study: Study) -> None:
    Study.objects.update(state=StudyState.CLOSED)
    answer = Client().get("/play/match/")
    assert answer.status_code == 200
    assert "closed" in answer.content.decode()
    assert not Voter.objects.exists()


@pytest.mark.parametrize("state", [StudyState.DRAFT, StudyState.READY])
def test_a_study_that_was_not_opened_does_not_exist_for_visitors(study: Study, state: StudyState) -> None:
    Study.objects.update(state=state)
    assert Client().get("/play/match/").status_code == 404
    assert Client().get("/play/nothing/").status_code == 404


@pytest.mark.parametrize(
    ("board", "linked"), [(BoardVisibility.PRIVATE, False), (BoardVisibility.UNLISTED, True), ("public", True)]
)
def test_the_board_is_linked_where_visitors_may_see_it(study: Study, board: str, linked: bool) -> None:
    Study.objects.update(board=board)
    assert ("/leaderboard/match/" in Client().get("/play/match/").content.decode()) is linked


def test_it_is_only_read(study: Study) -> None:
    assert Client().post("/play/match/").status_code == 405


def test_it_is_not_kept_by_caches(study: Study) -> None:
    assert "no-store" in Client().get("/play/match/").headers["cache-control"]


def test_inside_another_page_the_game_leads_nowhere_else(study: Study) -> None:
    alone = Client().get("/play/match/").content.decode()
    framed = Client().get("/play/match/", headers={"sec-fetch-dest": "iframe"}).content.decode()
    assert 'href="/"' in alone
    assert 'href="/"' not in framed
    assert "data-action" in framed


def test_forgetting_empties_what_the_browser_keeps(study: Study) -> None:
    assert Client().post("/privacy/forget/").headers["clear-site-data"] == '"storage"'
