"""The list of voters on an operator's desk."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from evalapp.studies.models import Study
from evalapp.voting import crowd, lab_pages
from tests import cast

pytestmark = [pytest.mark.browser, pytest.mark.database]


@pytest.fixture
def busy(study: Study, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A voter whose numbers are as long as they get, in every state."""
    cast.cleo(study)
    (line, *_) = crowd.voters_of(study)
    long = replace(
        line, answers=12345, counted=12345, gold=612, gold_agreement=1.0, repeats=247, self_agreement=1.0,
        dope_share=1.0, honesty=1.0, median_ms=12480, longest_run=117, straight_lining=1.0, neighbours=123,
    )  # fmt: skip
    blocked = replace(long, blocked_at=datetime.now(UTC), block_reason="too_fast")
    lines = [long, blocked, replace(long, trusted=True), replace(long, is_simulated=True)]
    monkeypatch.setattr(lab_pages, "voters_of", lambda *_: lines)
    return study


@pytest.mark.parametrize("width", [1280, 1440])
def test_every_column_is_seen_without_scrolling(
    page: Page, context: BrowserContext, live_server: LiveServer, busy: Study, width: int
) -> None:
    operator = Client()
    operator.force_login(User.objects.create_user("olga", password="secret", is_staff=True))
    session = operator.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{live_server.url}/lab/studies/{busy.slug}/voters/")
    frame = page.locator(".table-frame")
    assert frame.locator("tbody tr").count() == 4
    assert frame.evaluate("frame => frame.scrollWidth - frame.clientWidth") <= 0
