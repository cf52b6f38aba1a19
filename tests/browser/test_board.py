"""The board in every language: nothing is wider than the page, and no word of a plot leaves its sheet."""

from __future__ import annotations

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from evalapp.studies.models import Study
from tests.browser.audit import faults_of, sideways
from tests.browser.axe import violations_of

pytestmark = [pytest.mark.browser, pytest.mark.database]

OUTSIDE = """() => [...document.querySelectorAll("svg.plot text")].filter((word) => {
  const [inside, sheet] = [word.getBoundingClientRect(), word.ownerSVGElement.getBoundingClientRect()];
  return inside.width && (inside.left < sheet.left - 1 || inside.right > sheet.right + 1);
}).map((word) => word.textContent)"""
BACKWARDS = """() => [...document.querySelectorAll("svg.plot, .board__plot svg")]
  .filter((plot) => getComputedStyle(plot).direction !== "ltr").length"""


def unfolded(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator("#standings")).to_be_visible()
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    expect(page.locator("#trust")).to_be_visible()


@pytest.mark.parametrize("width", [320, 1440])
def test_in_no_language_anything_is_wider_than_its_place(
    chromium: Browser, live_server: LiveServer, board: Study, width: int
) -> None:
    for code, _ in settings.LANGUAGES:
        context = chromium.new_context(locale=code, viewport={"width": width, "height": 844}, service_workers="block")
        page = context.new_page()
        unfolded(page, f"{live_server.url}/leaderboard/{board.slug}/")
        expect(page.locator("html")).to_have_attribute("lang", code)
        assert (code, sideways(page), page.evaluate(OUTSIDE)) == (code, 0, [])
        context.close()


@pytest.mark.parametrize("width", [320, 1440])
def test_from_right_to_left_words_turn_and_numbers_do_not(
    page: Page, live_server: LiveServer, board: Study, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    unfolded(page, f"{live_server.url}/leaderboard/{board.slug}/")
    page.evaluate("document.documentElement.dir = 'rtl'")
    assert (sideways(page), page.evaluate(OUTSIDE), page.evaluate(BACKWARDS)) == (0, [], 0)
    name, approval = (page.locator(f".board tbody tr:first-child .board__{part}") for part in ("name", "approval"))
    right, left = name.bounding_box(), approval.bounding_box()
    assert right
    assert left
    assert left["x"] < right["x"]


def test_snapshots_are_read_on_a_small_phone_without_a_table_to_push_aside(
    page: Page, live_server: LiveServer, board: Study
) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{live_server.url}/leaderboard/{board.slug}/history/")
    frame = page.locator(".matrix-frame")
    assert frame.locator("tbody tr").count() >= 2
    assert frame.evaluate("(frame) => frame.scrollWidth - frame.clientWidth") <= 0
    assert (sideways(page), faults_of(page), violations_of(page)) == (0, [], [])
