"""The list of voters on an operator's desk."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from evalapp.studies.models import Study
from evalapp.voting.models import Exposure, Vote, Voter
from evalapp.voting.pages import voters
from evalapp.voting.queries.voter_lists import VoterList, listed_voters
from tests import cast
from tests.browser.audit import sideways
from tests.browser.axe import violations_of

pytestmark = [pytest.mark.browser, pytest.mark.database]


@pytest.fixture
def busy(study: Study, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A voter whose numbers are as long as they get, in every state."""
    cast.cleo(study)
    (line,) = listed_voters(study).lines
    long = replace(
        line, answers=12345, counted=12345, gold=612, gold_agreement=1.0, repeats=247, self_agreement=1.0,
        dope_share=1.0, honesty=1.0, median_ms=12480, longest_run=117, straight_lining=1.0, neighbours=123,
    )  # fmt: skip
    blocked = replace(long, blocked_at=datetime.now(UTC), block_reason="too_fast")
    lines = [long, blocked, replace(long, trusted=True), replace(long, is_simulated=True)]
    monkeypatch.setattr(voters, "listed_voters", lambda *_, **__: VoterList(lines, 4, 4))
    return study


@pytest.fixture
def operator(page: Page, context: BrowserContext, live_server: LiveServer, transactional_db: None) -> Page:
    """A tab in which Olga, an operator, is signed in."""
    client = Client()
    client.force_login(User.objects.create_user("olga", password="secret", is_staff=True))
    session = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    return page


@pytest.mark.parametrize("width", [1280, 1440])
def test_every_column_is_seen_without_scrolling(
    operator: Page, live_server: LiveServer, busy: Study, width: int
) -> None:
    page = operator
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{live_server.url}/lab/studies/{busy.slug}/voters/")
    frame = page.locator(".table-frame")
    assert frame.locator("tbody tr").count() == 4
    assert frame.evaluate("frame => frame.scrollWidth - frame.clientWidth") <= 0


def test_voters_are_filtered_and_put_in_order(
    operator: Page, live_server: LiveServer, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = {"a": "", "b": "school", "c": "school"}
    for number, (letter, address) in enumerate(addresses.items()):
        voter = Voter.objects.create(pk=UUID(int=(number + 10) << 120), address=address)
        cast.play(cast.browser_of(voter), study, 4 - number)
        Vote.objects.filter(voter=voter).update(response_ms=300 - 50 * number)
        Exposure.objects.filter(voter=voter).update(expected="nope" if letter == "b" else "dope")
    Voter.objects.filter(pk=UUID(int=12 << 120)).update(blocked_at=datetime.now(UTC), block_reason="too_fast")
    Vote.objects.update(verdict="dope")
    operator.set_viewport_size({"width": 320, "height": 640})
    operator.goto(f"{live_server.url}/lab/studies/{study.slug}/voters/")
    names = operator.locator("tbody th")
    expect(names).to_have_text([re.compile("^0c"), re.compile("^0a"), re.compile("^0b")])
    for order, first in (("least honest", "bca"), ("quickest", "cba"), ("most of one address", "cba")):
        operator.get_by_label("First", exact=True).select_option(order)
        operator.get_by_role("button", name="Show them").click()
        expect(names).to_have_text([re.compile(f"^0{letter}") for letter in first])
    operator.get_by_label("Show", exact=True).select_option("who counts")
    operator.get_by_role("button", name="Show them").click()
    # The order stays.
    expect(names).to_have_text([re.compile("^0b"), re.compile("^0a")])
    expect(operator.get_by_role("status").filter(has_text="2 of 3")).to_be_visible()
    assert (sideways(operator), violations_of(operator)) == (0, [])
    # Page by page, in the same order.
    monkeypatch.setattr(voters, "USUAL", 1)
    operator.reload()
    expect(names).to_have_text([re.compile("^0b")])
    operator.get_by_role("link", name="Next").click()
    expect(names).to_have_text([re.compile("^0a")])
    expect(operator.get_by_text("Page 2 of 2")).to_be_visible()
    expect(operator.get_by_label("First", exact=True)).to_have_value("address")
    expect(operator.get_by_role("link", name="Next")).to_have_count(0)
    monkeypatch.undo()
    operator.goto(f"{live_server.url}/lab/studies/{study.slug}/voters/")
    operator.get_by_label("Show", exact=True).select_option("the trusted")
    operator.get_by_role("button", name="Show them").click()
    expect(operator.get_by_text("There is nobody like that.")).to_be_visible()
    operator.goto(f"{live_server.url}/lab/studies/{study.slug}/voters/?state=nonsense&order=nonsense&page=-3")
    expect(names).to_have_count(3)
