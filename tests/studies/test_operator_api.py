"""Operators make, compute, open and close studies over HTTP, as they would with the commands."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.authtoken.models import Token

from evalapp.catalog.models import Catalogue
from evalapp.core.models import Job
from evalapp.studies.models import Study, StudyState
from evalapp.studies.services import store_evaluation
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def olga() -> Client:
    token = Token.objects.create(user=User.objects.create_user("olga", password="secret", is_staff=True))
    return Client(headers={"authorization": f"Token {token.key}"})


@pytest.fixture(autouse=True)
def messages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Nudges are written down instead of sent."""
    sent: list[int] = []
    monkeypatch.setattr("evalapp.core.tasks.work.apply_async", lambda words, **_: sent.append(words[0]))
    return sent


def post(browser: Client, path: str, body: object = None) -> Any:
    return browser.post(f"/api/v1/studies/{path}", body or {}, content_type="application/json")


def wanted(**changes: object) -> dict[str, object]:
    return {"slug": "new", "catalogue": "cards", "contenders": ["colours:l1", "colours:l2"], **changes}


def test_a_draft_is_made_with_the_words_of_the_command(olga: Client, cards: Catalogue) -> None:
    answer = post(olga, "", wanted(queries=5, seed=3, board="public", title="Shoes", question="Alike?"))
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert (told["slug"], told["state"], told["board"], told["queries"], told["seed"]) == (
        "new",
        "draft",
        "public",
        5,
        3,
    )
    assert (told["title"], told["question"], told["catalogue"]) == ("Shoes", "Alike?", "cards")
    assert [one["name"] for one in told["contenders"]] == ["colours:l1", "colours:l2", "control"]
    assert [one["model"] for one in told["contenders"]] == ["colours", "colours", None]
    assert Study.objects.get(slug="new").queries.count() == 5


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"slug": "Not A Slug"}, "invalid"),
        ({"contenders": []}, "invalid"),
        ({"contenders": ["nothing:l2"]}, "invalid"),
        ({"contenders": ["colours:l1", "colours:l1"]}, "invalid"),
        ({"catalogue": "nothing"}, "not_found"),
        ({"gallery": 1}, "invalid"),
        ({"seed": -1}, "invalid"),
        ({"board": "secret"}, "invalid"),
        ({"slug": "taken"}, "conflict"),
    ],
)
def test_words_that_are_off_make_nothing(olga: Client, cards: Catalogue, changes: dict[str, object], code: str) -> None:
    cast.ready_study("taken")
    answer = post(olga, "", wanted(**changes))
    assert answer.json()["error"]["code"] == code
    assert [study.slug for study in Study.objects.all()] == ["taken"]


def test_it_is_computed_opened_and_closed(olga: Client, messages: list[int]) -> None:
    study = cast.ready_study()
    answer = post(olga, "match/precompute/")
    assert (answer.status_code, answer.json()["target"]) == (202, "match")
    assert messages == [Job.objects.get().pk] == [answer.json()["id"]]
    assert post(olga, "match/open/").json()["state"] == StudyState.OPEN
    assert post(olga, "match/close/").json()["state"] == StudyState.CLOSED
    assert post(olga, "match/close/").json()["error"]["code"] == "conflict"
    study.refresh_from_db()
    assert study.closed_at


def test_a_draft_cannot_be_opened(olga: Client) -> None:
    Study.objects.filter(pk=cast.ready_study().pk).update(state=StudyState.DRAFT)
    assert post(olga, "match/open/").json()["error"]["code"] == "conflict"


def test_the_board_is_shown_to_others_and_the_title_changes(olga: Client) -> None:
    cast.open_study(board="private")  # type: ignore[arg-type]
    answer = olga.patch(
        "/api/v1/studies/match/", {"board": "unlisted", "title": "Socks"}, content_type="application/json"
    )
    assert (answer.json()["board"], answer.json()["title"]) == ("unlisted", "Socks")
    assert Client().get("/api/v1/studies/match/leaderboard/").status_code == 200


def test_the_question_stays_what_people_were_asked(olga: Client) -> None:
    cast.open_study()
    answer = olga.patch("/api/v1/studies/match/", {"question": "Other?"}, content_type="application/json")
    assert answer.json()["error"]["code"] == "conflict"
    assert Study.objects.get().question == "Do these two match?"


def test_a_contender_is_archived_and_returned_and_never_deleted(olga: Client) -> None:
    cast.open_study()
    archived = post(olga, "match/contenders/archive/", {"contender": cast.FC7}).json()
    assert archived["archived_at"]
    assert post(olga, "match/contenders/archive/", {"contender": cast.FC7}).json() == archived
    back = post(olga, "match/contenders/archive/", {"contender": cast.FC7, "archived": False}).json()
    assert back["archived_at"] is None
    assert olga.delete("/api/v1/studies/match/").status_code == 409


def test_automatic_scores_are_read_as_they_were_stored(olga: Client) -> None:
    study = cast.open_study()
    assert olga.get("/api/v1/studies/match/scores/").json()["error"]["code"] == "conflict"
    store_evaluation(study, {"study": "match", "contenders": []})
    store_evaluation(study, {"study": "match", "contenders": [1]})
    assert olga.get("/api/v1/studies/match/scores/").json() == {"study": "match", "contenders": [1]}


@pytest.mark.parametrize("path", ["", "match/precompute/", "match/open/", "match/close/", "match/contenders/archive/"])
def test_visitors_can_do_nothing_of_it(path: str) -> None:
    cast.ready_study()
    for browser in (Client(), cast.browser_of(cast.ada())):
        assert post(browser, path, wanted()).json()["error"]["code"] == "not_authenticated"
    for path_read in ("details", "scores"):
        assert Client().get(f"/api/v1/studies/match/{path_read}/").json()["error"]["code"] == "not_authenticated"
    vera = User.objects.create_user("vera", password="secret")
    token = Token.objects.create(user=vera)
    visitor = Client(headers={"authorization": f"Token {token.key}"})
    assert post(visitor, path, wanted()).json()["error"]["code"] == "forbidden"
