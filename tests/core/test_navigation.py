"""The lab's navigation: every part is one click away, and one knows where one is."""

from __future__ import annotations

import pytest
from django.test import Client

from evalapp.core.domain.navigation import lab_links
from tests import cast

PARTS = ("Studies", "Catalogues", "Models", "Jobs")


def here(path: str) -> list[str]:
    return [link.label for link in lab_links(path) if link.here]


def test_parts_come_in_their_order() -> None:
    labels = [link.label for link in lab_links("/lab/")]
    assert [label for label in labels if label in PARTS] == list(PARTS)


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("/lab/", "Studies"),
        ("/lab/studies/match/", "Studies"),
        ("/lab/jobs/", "Jobs"),
        ("/lab/jobs/7/", "Jobs"),
        ("/lab/storage/", "Models"),
        ("/lab/health/", "Installation"),
        ("/lab/search-new/", "Search"),
    ],
)
def test_the_part_a_page_belongs_to_is_marked(path: str, part: str) -> None:
    assert here(path) == [part]


def test_outside_the_lab_nothing_is_marked() -> None:
    assert here("/play/match/") == []


@pytest.mark.django_db
@pytest.mark.database
def test_every_link_leads_to_a_page_for_operators_only(admin_client: Client, client: Client) -> None:
    cast.open_study()
    for link in lab_links("/lab/"):
        assert admin_client.get(link.url).status_code == 200, link
        assert client.get(link.url).headers["Location"].startswith("/admin/login/"), link
