"""A small shop whose pictures are really embedded, an index of it, and the search service in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from evalapp.core.pipeline.chunk_work import work_on
from evalapp.search.domain.circuit_breaker import CircuitBreaker
from evalapp.search.models import SearchIndex
from evalapp.search.queries import service_client
from evalapp.search.services.search_indexes import request_build
from tests.search.shop import ServiceHere, shop_index


@pytest.fixture(autouse=True)
def _private_indexes(settings: LazySettings, tmp_path: object) -> None:
    settings.INDEXES_DIR = tmp_path / "indexes"  # type: ignore[operator]
    settings.ADDRESS_SEARCHES_PER_MINUTE = 10**6


@pytest.fixture
def index(db: None) -> SearchIndex:
    """A public index of twelve pictures, built."""
    made = shop_index()
    work_on(request_build(made).pk)
    made.refresh_from_db()
    assert made.serving is not None
    return made


@pytest.fixture
def service(index: SearchIndex, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceHere]:
    """The search service, asked without a network; it looks at the rows when it is told to."""
    here = ServiceHere()
    monkeypatch.setattr(service_client, "_post_message", here.post)
    monkeypatch.setattr(service_client, "breaker", CircuitBreaker())
    here.served.look_at_rows()
    return here


@pytest.fixture
def operator(db: None) -> APIClient:
    client = APIClient()
    client.force_authenticate(User.objects.create_user("olga", is_staff=True))
    return client
