"""`GET studies/{slug}/leaderboard/` and the command: who may see the board, and the same numbers everywhere."""

from __future__ import annotations

import io
import json

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.authtoken.models import Token

from evalapp.leaderboard.services import update_sums
from evalapp.studies.models import BoardVisibility, Study
from evalapp.studies.services import close_study
from tests import cast
from tests.leaderboard.crowds import let_score

pytestmark = [pytest.mark.django_db, pytest.mark.database]

ADDRESS = "/api/v1/studies/match/leaderboard/"


@pytest.fixture
def study() -> Study:
    return cast.open_study(board=BoardVisibility.PRIVATE)


def operator() -> User:
    return User.objects.create_user("olga", password="secret", is_staff=True)


@pytest.mark.parametrize("board", [BoardVisibility.UNLISTED, BoardVisibility.PUBLIC])
def test_anyone_sees_a_board_that_is_not_private(study: Study, board: BoardVisibility) -> None:
    Study.objects.update(board=board)
    cast.play(cast.browser_of(), study, 5)
    board_now = cast.board(study)
    expected = board_now.as_json() | {"advice": board_now.advice(is_open=False), "offline": []}
    answer = Client().get(ADDRESS)
    assert answer.status_code == 200
    # While people vote, what was published: nothing yet.
    assert answer.json()["votes"] == 0
    close_study(study)
    assert Client().get(ADDRESS).json() == expected
    assert Client().get(ADDRESS).json()["votes"] == 5


def test_a_private_board_does_not_exist_for_visitors(study: Study) -> None:
    missing = Client().get("/api/v1/studies/nothing/leaderboard/")
    User.objects.create_user("vera", password="secret")
    visitor = Client()
    visitor.login(username="vera", password="secret")
    for browser in (Client(), visitor, cast.browser_of(cast.ada())):
        answer = browser.get(ADDRESS)
        assert answer.status_code == missing.status_code == 404
        assert answer.json()["error"]["code"] == missing.json()["error"]["code"] == "not_found"


def test_what_was_not_opened_does_not_exist_for_visitors(client: Client, admin_client: Client) -> None:
    """Nor can the answers of its addresses be told from those of names that nobody has used."""
    draft = cast.ready_study("draft")
    Study.objects.update(board=BoardVisibility.PUBLIC)
    for slug in ("draft", "none"):
        got = [f"/leaderboard/{slug}/", *(f"/api/v1/studies/{slug}/{what}" for what in ("", "leaderboard/", "yours/"))]
        assert [client.get(address).status_code for address in got] == [404] * 4
        sent = {f"studies/{slug}/deck/": {"n": 1}, "votes/undo/": {"study": slug}}
        said = [client.post(f"/api/v1/{where}", what, content_type="application/json") for where, what in sent.items()]
        assert [answer.status_code for answer in said] == [404] * 2
    assert admin_client.get(f"/leaderboard/{draft}/").status_code == 200


def test_an_operator_sees_a_private_board_by_session_and_by_token(study: Study) -> None:
    olga = operator()
    browser = Client()
    browser.force_login(olga)
    cast.play(cast.browser_of(), study, 5)
    update_sums(study)
    assert browser.get(ADDRESS).json()["votes"] == 5
    token = Token.objects.create(user=olga)
    assert Client(headers={"authorization": f"Token {token.key}"}).get(ADDRESS).status_code == 200


def test_the_command_prints_one_json_document(study: Study) -> None:
    cast.play(cast.browser_of(), study, 6)
    out = io.StringIO()
    call_command("leaderboard", "match", "--json", stdout=out)
    board = cast.board(study)
    assert json.loads(out.getvalue()) == board.as_json() | {"advice": board.advice(is_open=True), "offline": []}


def test_automatic_scores_are_ranked_beside_what_people_say(study: Study) -> None:
    Study.objects.update(board=BoardVisibility.PUBLIC)
    cast.cleo(study)
    let_score(study)
    update_sums(study)
    close_study(study)
    match = Client().get(ADDRESS).json()["offline"][0]
    assert match["key"] == "category_match"
    assert [(one["rank"], one["contender"]) for one in match["points"]] == [(1, cast.FC6), (2, cast.FC7)]
    assert match["correlation"]["things"] == 2
    out = io.StringIO()
    call_command("leaderboard", "match", stdout=out)
    assert "Category match: 1. net.fc6:l2 90.0%, 2. net.fc7:hamming 50.0% (" in out.getvalue()


def test_the_command_prints_an_aligned_table(study: Study) -> None:
    cast.cleo(study)
    out = io.StringIO()
    call_command("leaderboard", "match", stdout=out)
    lines = out.getvalue().splitlines()
    assert lines[0] == "match: 16 votes of 1 voter"
    table = lines[2:6]
    assert len({len(row) for row in table}) == 1
    assert [row.split()[1] for row in table] == ["contender", *(one.contender for one in cast.board(study).standings)]
    assert lines[-1] == "Not decided yet: 19 more people have to vote."


def test_the_command_names_the_study_that_is_not_there() -> None:
    with pytest.raises(CommandError, match="There is no study nothing") as caught:
        call_command("leaderboard", "nothing")
    assert caught.value.returncode == 1
