"""What people read where an address has nothing for them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from evalapp.core.pages.error_pages import page_above
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_an_address_of_a_form_leads_back_to_its_page(client: Client, admin_user: User) -> None:
    cast.open_study()
    client.force_login(admin_user)
    answer = client.get("/lab/studies/match/change/")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert 'href="/lab/studies/match/"' in answer.content.decode()
    assert "send the form once more" in answer.content.decode()


def test_programs_get_their_document_and_no_page(client: Client) -> None:
    assert client.get("/privacy/forget/").status_code == 405
    assert client.delete("/privacy/forget/").content == b""
    answer = client.put("/api/v1/studies/match/deck/")
    assert answer["Content-Type"].startswith("application/json")


@pytest.mark.parametrize(
    ("form", "page"),
    [
        ("/lab/catalogues/wardrobe/change/", "/lab/catalogues/wardrobe/"),
        # No page at …/voters/ID/: the list of voters is the next one up.
        ("/lab/studies/match/voters/00000000-0000-0000-0000-000000000000/block/", "/lab/studies/match/voters/"),
        ("/privacy/forget/", "/privacy/"),
        ("/language/", "/"),
    ],
)
def test_the_page_above_is_the_nearest_that_leads_somewhere(form: str, page: str) -> None:
    assert page_above(form) == page
