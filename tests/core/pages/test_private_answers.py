"""No cache keeps what one person is told."""

from __future__ import annotations

import pytest
from django.test import Client

from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.mark.parametrize("address", ["/api/v1/studies/", "/api/v1/studies/match/yours/", "/api/v1/none/"])
def test_answers_of_the_api_are_kept_by_nobody(address: str) -> None:
    cast.open_study()
    answer = cast.browser_of(cast.ada()).get(address)
    assert answer.headers["cache-control"] == "private, no-store"


def test_what_operators_see_is_kept_by_nobody(admin_client: Client) -> None:
    cast.open_study()
    for address in ("/", "/lab/", "/lab/studies/match/"):
        assert admin_client.get(address).headers["cache-control"] == "private, no-store"


def test_what_says_so_itself_is_kept(admin_client: Client) -> None:
    study = cast.open_study()
    assert admin_client.get(f"/leaderboard/{study}/").headers["cache-control"] == "private, no-cache"
    assert "cache-control" not in Client().get("/").headers
