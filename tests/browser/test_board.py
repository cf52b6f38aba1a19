"""The board in every language: nothing is wider than the page, and no word of a plot leaves its sheet."""

from __future__ import annotations

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from evalapp.leaderboard.services import refresh_report, take_snapshot
from evalapp.studies.models import Study
from evalapp.studies.services import store_evaluation
from tests import cast
from tests.browser.audit import sideways
from tests.leaderboard.crowds import let_vote, voted_study

pytestmark = [pytest.mark.browser, pytest.mark.database]

OUTSIDE = """() => [...document.querySelectorAll("svg.plot text")].filter((word) => {
  const [inside, sheet] = [word.getBoundingClientRect(), word.ownerSVGElement.getBoundingClientRect()];
  return inside.width && (inside.left < sheet.left - 1 || inside.right > sheet.right + 1);
}).map((word) => word.textContent)"""
BACKWARDS = """() => [...document.querySelectorAll("svg.plot, .board__plot svg")]
  .filter((plot) => getComputedStyle(plot).direction !== "ltr").length"""


@pytest.fixture
def board(transactional_db: None) -> Study:
    """With everything that the page can draw."""
    study = voted_study(400, voters=40)
    take_snapshot(study)
    let_vote(study, 100, 10, seed=2)
    take_snapshot(study)
    scores = {"product_recall_at_1": 0.1, "product_recall_low": 0.0, "product_recall_high": 0.2}
    lines = [
        {"contender": name, "category_match": value, "low": value - 0.1, "high": value + 0.1, **scores}
        for name, value in ((cast.FC6, 0.9), (cast.FC7, 0.5))
    ]
    store_evaluation(study, {"contenders": lines})
    refresh_report(study)
    return study


def unfolded(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator("#trust")).to_be_visible()
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")


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
