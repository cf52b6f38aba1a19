"""Operators see who votes and set them aside over HTTP, as with the lab's buttons."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.authtoken.models import Token

from evalapp.core.models import Deed
from evalapp.studies.models import Study
from evalapp.voting.models import Vote, Voter
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    return cast.open_study()


@pytest.fixture
def olga() -> Client:
    token = Token.objects.create(user=User.objects.create_user("olga", is_staff=True))
    return Client(headers={"authorization": f"Token {token.key}"})


def press(browser: Client, voter: Voter, button: str, **words: object) -> Any:
    address = f"/api/v1/studies/match/voters/{voter.pk}/{button}/"
    return browser.post(address, words, content_type="application/json")


def test_the_list_says_what_the_page_says(study: Study, olga: Client) -> None:
    bo = cast.bo()
    cast.play(cast.browser_of(bo), study, 4)
    (line,) = olga.get("/api/v1/studies/match/voters/").json()
    assert (line["voter"], line["answers"], line["counted"], line["blocked_at"]) == (str(bo.pk), 4, 4, None)


def test_voters_are_chosen_and_put_in_order(study: Study, olga: Client) -> None:
    ada, bo = cast.ada(), cast.bo()
    for voter, votes in ((ada, 2), (bo, 5)):
        cast.play(cast.browser_of(voter), study, votes)
    press(olga, ada, "block")
    for words, wanted in (
        ("", [ada, bo]),
        ("?order=answers", [bo, ada]),
        ("?order=answers&limit=1&offset=1", [ada]),
        ("?state=blocked", [ada]),
        ("?state=counts&order=fast", [bo]),
        ("?state=&order=&offset=9", []),
    ):
        lines = olga.get(f"/api/v1/studies/match/voters/{words}").json()
        assert [line["voter"] for line in lines] == [str(one.pk) for one in wanted], words
    for words, field in (("?state=asleep", "state"), ("?order=nonsense", "order"), ("?offset=-1", "offset")):
        refused = olga.get(f"/api/v1/studies/match/voters/{words}")
        assert (refused.status_code, list(refused.json()["error"]["fields"])) == (400, [field])


def test_a_voter_is_set_aside_and_taken_back_with_a_reason(study: Study, olga: Client) -> None:
    bo = cast.bo()
    cast.play(cast.browser_of(bo), study, 4)
    assert press(olga, bo, "block", reason="all dope").json() == {"votes": 4}
    assert press(olga, bo, "unblock").json() == {"votes": 4}
    assert Vote.objects.filter(counted=True).count() == 4
    told = Deed.objects.order_by("pk").values_list("who", "door", "what", "target", "detail")
    assert list(told) == [
        ("olga", "API", "set aside", f"voter {bo.pk}", "blocked all dope"),
        ("olga", "API", "took back", f"voter {bo.pk}", ""),
    ]


def test_all_of_an_address_are_set_aside_at_once(study: Study, olga: Client) -> None:
    ada, bo = cast.ada(), cast.bo()
    Voter.objects.filter(pk__in=[ada.pk, bo.pk]).update(address="hall")
    for voter in (ada, bo):
        cast.play(cast.browser_of(voter), study, 3)
    assert press(olga, bo, "block", address=True).json() == {"votes": 6}
    assert press(olga, ada, "unblock", address=True).json() == {"votes": 6}


def test_reasons_are_nothing_that_visitors_read(study: Study, olga: Client) -> None:
    bo = cast.bo()
    cast.play(cast.browser_of(bo), study, 4)
    press(olga, bo, "block", reason="a secret suspicion")
    for address in ("/leaderboard/match/", "/api/v1/studies/match/leaderboard/", "/api/v1/studies/match/yours/"):
        assert "suspicion" not in cast.browser_of(bo).get(address).content.decode()


def test_nobody_and_nothing_are_told_apart_from_people(study: Study, olga: Client) -> None:
    assert press(olga, Voter(), "block").status_code == 404
    assert press(olga, cast.bo(), "block", reason="x" * 201).status_code == 400
    assert olga.get("/api/v1/studies/none/voters/").status_code == 404


def test_it_is_for_operators(study: Study) -> None:
    bo = cast.bo()
    for browser in (Client(), cast.browser_of(bo)):
        assert browser.get("/api/v1/studies/match/voters/").status_code in (401, 403)
        assert press(browser, bo, "block").status_code in (401, 403)
    assert Voter.objects.get(pk=bo.pk).blocked_at is None
