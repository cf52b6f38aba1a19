"""The game in the visitor's language, and in scripts that run from right to left."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from evalapp.studies.models import Study
from tests.browser.audit import sideways
from tests.browser.game import Game

pytestmark = [pytest.mark.browser, pytest.mark.database]


def test_the_game_speaks_the_browsers_language_and_changes_it(
    chromium: Browser, live_server: LiveServer, study: Study
) -> None:
    context = chromium.new_context(locale="de-DE", viewport={"width": 320, "height": 568})
    game = Game(context.new_page(), f"{live_server.url}/play/{study.slug}/")
    game.start()
    page = game.page
    expect(page.get_by_role("heading", name="Passen diese zwei zusammen?")).to_be_visible()
    game.await_loaded()
    game.key("ArrowRight")
    expect(page.get_by_role("status")).to_have_text("Dope. Paar 2: zwei Bilder. Dope oder nope?")
    assert game.card.locator("img").first.get_attribute("alt") == "Erstes Bild"
    game.expect_sent()
    game.lose_network()
    game.key("ArrowRight")
    expect(page.locator("[data-notice]")).to_have_text(
        "Du bist offline. 1 Antwort bleibt hier und wird später gesendet."
    )
    page.context.set_offline(False)
    game.expect_sent()
    page.get_by_role("button", name="So geht’s").click()
    page.get_by_role("button", name="日本語").click()
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    expect(page.get_by_role("heading", name="この2枚は合っていますか？")).to_be_visible()
    context.close()


_LINES = """() => [...document.querySelectorAll("[data-controls] .button")].map((button) => {
  const words = [...button.childNodes].find((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  const range = document.createRange();
  range.selectNodeContents(words);
  return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size;
})"""


@pytest.mark.parametrize("language", ["de-DE", "es-ES", "fr-FR", "ja-JP"])
def test_the_words_of_a_button_stand_on_one_line(
    chromium: Browser, live_server: LiveServer, study: Study, language: str
) -> None:
    context = chromium.new_context(locale=language)
    page = context.new_page()
    page.goto(f"{live_server.url}/play/{study.slug}/")
    for width in (320, 390, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(_LINES) == [1] * 5, width
        assert sideways(page) == 0
    context.close()


@pytest.mark.parametrize("width", [320, 1440])
def test_from_right_to_left_the_page_turns_and_the_hand_does_not(
    page: Page, live_server: LiveServer, study: Study, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    game = Game(page, f"{live_server.url}/play/{study.slug}/")
    game.start()
    page.evaluate("document.documentElement.dir = 'rtl'")
    assert sideways(page) == 0
    nope, dope = (page.get_by_role("button", name=name).bounding_box() for name in ("Nope", "Dope"))
    home, helps = page.locator(".bar__home").bounding_box(), page.locator("[data-help]").bounding_box()
    assert nope
    assert dope
    assert home
    assert helps
    assert nope["x"] < dope["x"]
    assert helps["x"] < home["x"]
    token = game.token
    game.drag(min(400, width))
    game.await_other_than(token)
    expect(page.get_by_role("status")).to_contain_text("Dope.")
