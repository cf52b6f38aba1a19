"""Votes in the admin: for reading, and as cheap for many rows as for few."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from evalapp.voting.models import Vote
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

LISTS = ("voter", "exposure", "vote")


@pytest.fixture
def browser() -> Client:
    olga = User.objects.create_superuser("olga", password="secret")
    browser = Client()
    browser.force_login(olga)
    return browser


@pytest.mark.parametrize("name", LISTS)
def test_lists_cost_as_many_statements_for_many_rows_as_for_few(browser: Client, name: str) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert browser.get(f"/admin/voting/{name}/").status_code == 200
        return len(caught)

    study = cast.open_study()
    cast.answered_exposure(study, cast.ada())
    statements()
    few = statements()
    cast.cleo(study)
    cast.cleo(study)
    assert statements() == few


def test_a_vote_can_be_read_but_neither_made_nor_changed_nor_deleted(browser: Client) -> None:
    cast.answered_exposure(cast.open_study(), cast.ada())
    vote = Vote.objects.get()
    address = f"/admin/voting/vote/{vote.pk}/change/"
    assert browser.get(address).status_code == 200
    assert browser.post(address, {"verdict": "nope"}).status_code == 403
    assert browser.post(f"/admin/voting/vote/{vote.pk}/delete/", {"post": "yes"}).status_code == 403
    assert browser.get("/admin/voting/vote/add/").status_code == 403
    assert Vote.objects.get().verdict == "dope"
