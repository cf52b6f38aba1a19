"""`/leaderboard/{slug}/`: the same numbers as everywhere, for whom the study says."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from evalapp.studies.models import BoardVisibility
from evalapp.studies.services import close_study
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_it_shows_every_contender_with_its_numbers() -> None:
    study = cast.open_study()
    cast.cleo(study)
    expected = cast.board(study)
    close_study(study)
    answer = Client().get("/leaderboard/match/")
    assert answer.status_code == 200
    assert answer.context["board"] == expected
    # A long name may be broken between its parts.
    text = answer.content.decode().replace("<wbr>", "")
    for name in (cast.FC6, cast.FC7, cast.CONTROL):
        assert name in text


def test_it_shows_a_study_without_votes() -> None:
    cast.open_study()
    assert Client().get("/leaderboard/match/").status_code == 200


def test_a_private_board_is_for_operators() -> None:
    cast.open_study(board=BoardVisibility.PRIVATE)
    assert Client().get("/leaderboard/match/").status_code == 404
    assert Client().get("/leaderboard/nothing/").status_code == 404
    operator = Client()
    operator.force_login(User.objects.create_user("olga", password="secret", is_staff=True))
    answer = operator.get("/leaderboard/match/")
    assert answer.status_code == 200
    assert answer.context["is_operator"] is True


def test_an_operator_who_left_sees_no_more_than_others() -> None:
    cast.open_study(board=BoardVisibility.PRIVATE)
    gone = User.objects.create_user("gone", password="secret", is_staff=True)
    browser = Client()
    browser.force_login(gone)
    User.objects.update(is_active=False)
    assert browser.get("/leaderboard/match/").status_code == 404
