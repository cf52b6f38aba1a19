"""`GET studies/{slug}/leaderboard/` and the command: who may see the board, and the same numbers everywhere."""

from __future__ import annotations

import io
import json

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.authtoken.models import Token

from evalapp.leaderboard.services import board_of
from evalapp.studies.models import BoardVisibility, Study
from tests import cast

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
    answer = Client().get(ADDRESS)
    assert answer.status_code == 200
    assert answer.json() == board_of(study).as_json()
    assert answer.json()["votes"] == 5


def test_a_private_board_does_not_exist_for_visitors(study: Study) -> None:
    missing = Client().get("/api/v1/studies/nothing/leaderboard/")
    User.objects.create_user("vera", password="secret")
    visitor = Client()
    visitor.login(username="vera", password="secret")
    for browser in (Client(), visitor, cast.browser_of(cast.ada())):
        answer = browser.get(ADDRESS)
        assert answer.status_code == missing.status_code == 404
        assert answer.json()["error"]["code"] == missing.json()["error"]["code"] == "not_found"


def test_an_operator_sees_a_private_board_by_session_and_by_token(study: Study) -> None:
    olga = operator()
    browser = Client()
    browser.force_login(olga)
    assert browser.get(ADDRESS).status_code == 200
    token = Token.objects.create(user=olga)
    assert Client(headers={"authorization": f"Token {token.key}"}).get(ADDRESS).status_code == 200


def test_the_command_prints_one_json_document(study: Study) -> None:
    cast.play(cast.browser_of(), study, 6)
    out = io.StringIO()
    call_command("leaderboard", "match", "--json", stdout=out)
    assert json.loads(out.getvalue()) == board_of(study).as_json()


def test_the_command_prints_an_aligned_table(study: Study) -> None:
    cast.cleo(study)
    out = io.StringIO()
    call_command("leaderboard", "match", stdout=out)
    lines = out.getvalue().splitlines()
    assert lines[0] == "match: 16 votes of 1 voter"
    table = lines[2:6]
    assert len({len(row) for row in table}) == 1
    assert [row.split()[1] for row in table] == ["contender", *(one.contender for one in board_of(study).standings)]
    assert lines[-1] == "Not decided yet: more votes are needed."


def test_the_command_names_the_study_that_is_not_there() -> None:
    with pytest.raises(CommandError, match="There is no study nothing") as caught:
        call_command("leaderboard", "nothing")
    assert caught.value.returncode == 1
