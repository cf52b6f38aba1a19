"""What the game tells of itself: the way to the next milestone, moments, slips, the crowd's share, and its end."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from evalapp.studies.models import Pair, Study
from tests import cast
from tests.browser.conftest import draw_pictures
from tests.browser.game import Game

pytestmark = [pytest.mark.browser, pytest.mark.database]

OUTSIDE = """() => [...document.querySelectorAll("button:not(dialog *), h1, .card")].filter((one) => {
  const { left, right, top, bottom, width } = one.getBoundingClientRect();
  return width && (left < 0 || top < 0 || right > innerWidth || bottom > innerHeight);
}).map((one) => one.textContent.trim())"""
OVERLAPPING = """() => {
  const parts = [...document.querySelectorAll(".card[data-place=top], .controls button, .play__question")];
  const boxes = parts.map((one) => one.getBoundingClientRect());
  return parts.flatMap((one, i) => parts.slice(i + 1).filter((_, j) => {
    const [a, b] = [boxes[i], boxes[i + 1 + j]];
    return a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  }).map((other) => `${one.textContent.trim()} / ${other.textContent.trim()}`));
}"""


def bar_of(page: Page) -> tuple[float, float]:
    """How far it is, and how far the way."""
    value, most = page.locator("[data-progress] progress").evaluate("(bar) => [bar.value, bar.max]")
    return value, most


def test_the_bar_leads_to_the_next_milestone_which_is_celebrated(game: Game) -> None:
    assert bar_of(game.page) == (0, 10)
    for _ in range(9):
        game.key("ArrowRight")
    game.expect_count(9)
    assert bar_of(game.page) == (9, 10)
    moment = game.page.locator("[data-moment]")
    expect(moment).to_be_hidden()
    game.key("ArrowUp")
    expect(moment).to_be_visible()
    expect(moment).to_have_text("10")
    expect(game.page.locator("[data-notice]")).to_have_text("10 answered. Thank you, keep going!")
    assert bar_of(game.page) == (0, 15)
    expect(moment).to_be_hidden()


def test_a_report_that_was_a_slip_is_taken_back_where_it_is_told(game: Game) -> None:
    before = game.token
    game.press("Report")
    expect(game.page.locator("[data-notice]")).to_have_text("Reported as broken or out of place.")
    game.page.get_by_role("button", name="That was a slip").click()
    expect(game.card).to_have_attribute("data-token", before)
    expect(game.page.locator("[data-notice]")).to_have_text("Taken back. Have another look.")
    expect(game.page.get_by_role("button", name="That was a slip")).to_be_hidden()
    game.expect_count(0)


def test_the_end_is_said_and_leads_on(game: Game) -> None:
    for _ in range(16):
        game.key("ArrowUp")
    expect(game.root).to_have_attribute("data-state", "done")
    expect(game.page.locator("[data-live]")).to_have_text("Skipped. You have seen them all!")
    for name in ("See the leaderboard", "What is learnt of you", "Other questions"):
        expect(game.page.get_by_role("link", name=name).first).to_be_visible()


def test_what_is_shown_together_counts_once(page: Page, live_server: LiveServer, study: Study) -> None:
    Study.objects.update(mode="two")
    game = Game(page, f"{live_server.url}/play/{study.slug}/")
    game.start()
    for answered in (1, 2):
        game.key("ArrowLeft")
        game.expect_count(answered)
    game.expect_sent()
    page.reload()
    expect(game.card).to_be_visible()
    game.expect_count(2)


def test_the_crowds_share_is_shown_once_after_twenty_answers(
    page: Page, live_server: LiveServer, transactional_db: None
) -> None:
    study = cast.open_study(queries=24)
    draw_pictures()
    Pair.objects.update(dope=9, nope=1)
    game = Game(page, f"{live_server.url}/play/{study.slug}/")
    game.start()
    dialog = page.get_by_role("dialog", name="Your answers")
    for _ in range(20):
        game.key("ArrowRight")
    expect(dialog).to_contain_text("You agree with the crowd 100% of the time.")
    expect(dialog.get_by_role("button", name="A picture to share")).to_be_visible()
    with page.expect_download() as saved:
        dialog.get_by_role("button", name="A picture to share").click()
    assert saved.value.suggested_filename == "dope-or-nope.png"
    assert Path(saved.value.path()).stat().st_size > 10_000
    dialog.get_by_role("button", name="Play on").click()
    game.key("ArrowRight")
    page.wait_for_timeout(500)
    expect(dialog).to_be_hidden()


@pytest.mark.parametrize("locale", ["en", "de"])
@pytest.mark.parametrize("mode", ["swipe", "two", "grid"])
def test_a_small_phone_on_its_side_shows_all_of_the_game(
    chromium: Browser, live_server: LiveServer, study: Study, mode: str, locale: str
) -> None:
    Study.objects.update(mode=mode)
    context = chromium.new_context(
        viewport={"width": 568, "height": 320}, locale=locale, has_touch=True, service_workers="block"
    )
    game = Game(context.new_page(), f"{live_server.url}/play/{study.slug}/")
    game.start()
    assert game.page.evaluate(OUTSIDE) == []
    assert game.page.evaluate(OVERLAPPING) == []
    context.close()


def test_keys_are_told_to_those_who_have_some(chromium: Browser, live_server: LiveServer, study: Study) -> None:
    for is_touch in (True, False):
        context = chromium.new_context(has_touch=is_touch, is_mobile=is_touch, service_workers="block")
        game = Game(context.new_page(), f"{live_server.url}/play/{study.slug}/")
        game.start()
        game.page.get_by_role("button", name="How to play").click()
        assert game.page.locator(".dialog__keys").is_visible() is not is_touch
        assert game.page.locator(".dialog__touch").is_visible() is is_touch
        context.close()
