"""An index's page in the lab tells the truth without being loaded again: what is under way asks for itself."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from evalapp.search.models import SearchIndex
from evalapp.search.services.search_indexes import request_build
from tests.search.shop import ServiceHere

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def busy_parts(client: Client) -> dict[str, bool]:
    """The page's live parts, and whether each is under way."""
    page = client.get("/lab/search/shop/").content.decode()
    parts = re.findall(r'<section id="([a-z-]+)"[^>]*?data-live( data-busy)?', page)
    return {name: bool(busy) for name, busy in parts}


def test_it_asks_until_a_search_process_has_the_index_open(index: SearchIndex, admin_client: Client) -> None:
    assert busy_parts(admin_client)["now-live"]


def test_it_asks_while_a_generation_is_built_also_beside_one_that_serves(
    service: ServiceHere, index: SearchIndex, admin_client: Client
) -> None:
    parts = busy_parts(admin_client)
    assert not parts["now-live"]
    assert not parts["generations-live"]
    request_build(index)
    assert busy_parts(admin_client)["generations-live"]
