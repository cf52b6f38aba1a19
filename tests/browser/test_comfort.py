"""The play page works for everybody: by keyboard, by ear, in any light, on any screen, without things jumping about."""

from __future__ import annotations

import gzip

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Response, Route, expect
from pytest_django.live_server_helper import LiveServer

from evalapp.studies.models import Study
from tests.browser.game import Game, standing_votes

pytestmark = [pytest.mark.browser, pytest.mark.database]

SCREENS = [(320, 640), (390, 844), (844, 390), (1440, 900), (3840, 2160)]

SHIFTS = """() => {
  window.shifts = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.shifts += entry.value;
  }).observe({type: 'layout-shift', buffered: true});
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_everything_fits_on_the_screen(
    chromium: Browser, live_server: LiveServer, study: Study, width: int, height: int, scheme: str
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    game = Game(context.new_page(), f"{live_server.url}/play/{study.slug}/")
    game.start()
    document = game.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert document == [width, height]
    for thing in [game.card.locator("img").nth(0), game.card.locator("img").nth(1), *buttons(game)]:
        box = thing.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height
    for button in buttons(game):
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
    context.close()


def buttons(game: Game) -> list[Locator]:
    """The five buttons."""
    names = ("Nope", "Dope", "Undo", "Skip", "Report")
    return [game.page.get_by_role("button", name=name) for name in names]


def test_a_person_without_a_pointer_can_play_and_undo(game: Game) -> None:
    page = game.page
    first = game.token
    dope = page.get_by_role("button", name="Dope")
    for _ in range(12):
        page.keyboard.press("Tab")
        if dope.evaluate("(button) => button === document.activeElement"):
            break
    expect(dope).to_be_focused()
    assert dope.evaluate("(button) => getComputedStyle(button).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    game.await_other_than(first)
    expect(dope).to_be_focused()
    game.undo(first)
    page.keyboard.press("ArrowLeft")
    game.await_other_than(first)
    game.expect_sent()
    assert standing_votes() == {first: "nope"}


def test_a_person_who_does_not_see_is_told_what_happens(game: Game) -> None:
    live = game.page.get_by_role("status")
    game.await_loaded()
    game.key("ArrowRight")
    expect(live).to_have_text("Dope. Pair 2: two pictures. Dope or nope?")
    game.page.keyboard.press("z")
    expect(live).to_have_text("Taken back. Have another look. Pair 1: two pictures. Dope or nope?")


def test_a_pair_that_was_waited_for_says_that_it_has_come(page: Page, live_server: LiveServer, study: Study) -> None:
    held: list[Route] = []
    asked: list[str] = []
    free = False

    def hold_all_but_the_first_pair(route: Route) -> None:
        asked.append(route.request.url)
        if free or len(asked) <= 2:
            route.continue_()
        else:
            held.append(route)

    page.route("**/pictures/**", hold_all_but_the_first_pair)
    game = Game(page, f"{live_server.url}/play/{study.slug}/")
    game.start()
    live = page.get_by_role("status")
    expect(live).to_have_text("Pair 1: two pictures. Dope or nope?")
    page.keyboard.press("ArrowRight")
    expect(live).to_have_text("Dope.")
    expect(game.root).to_have_attribute("data-state", "loading")
    free = True
    for route in held:
        route.continue_()
    expect(live).to_have_text("Pair 2: two pictures. Dope or nope?")


def test_only_the_shown_pair_can_be_reached(game: Game) -> None:
    heard = game.page.context.new_cdp_session(game.page).send("Accessibility.getFullAXTree")["nodes"]
    assert [node["name"]["value"] for node in heard if node.get("role", {}).get("value") == "article"] == [
        "Pair of pictures"
    ]
    assert [picture.get_attribute("alt") for picture in game.card.get_by_role("img").all()] == [
        "First picture",
        "Second picture",
    ]


def test_the_help_opens_with_the_keyboard_and_keeps_keys_to_itself(game: Game) -> None:
    game.page.get_by_role("button", name="How to play").press("Enter")
    dialog = game.page.get_by_role("dialog", name="How to play")
    expect(dialog).to_be_visible()
    game.page.keyboard.press("ArrowRight")
    game.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(game.page.get_by_role("button", name="How to play")).to_be_focused()
    game.expect_count(0)


def test_the_end_takes_the_focus_from_the_button_that_led_there(game: Game) -> None:
    dope = game.page.get_by_role("button", name="Dope")
    while game.root.get_attribute("data-state") != "done":
        if dope.is_enabled():
            dope.press("Enter")
    expect(game.page.get_by_role("heading", name="You have seen them all!")).to_be_focused()


def test_newcomers_get_one_hint_that_leaves_for_good(game: Game) -> None:
    hint = game.page.locator("[data-notice]").get_by_text("Drag right if")
    expect(hint).to_be_visible()
    for _ in range(3):
        game.key("ArrowRight")
    expect(hint).to_be_hidden()
    game.start()
    expect(hint).to_be_hidden()


def test_nothing_jumps_while_pairs_come_and_go(context: BrowserContext, live_server: LiveServer, study: Study) -> None:
    context.add_init_script(f"({SHIFTS})()")
    game = Game(context.new_page(), f"{live_server.url}/play/{study.slug}/")
    game.page.set_viewport_size({"width": 320, "height": 640})
    game.start()
    for _ in range(4):
        # Layout shifts within half a second of a key are held to be wanted: wait that out.
        game.page.wait_for_timeout(600)
        game.key("ArrowRight")
    game.page.wait_for_timeout(600)
    game.lose_network()
    expect(game.page.locator("[data-notice]")).to_contain_text("offline")
    game.page.wait_for_timeout(100)
    assert game.page.evaluate("window.shifts") == 0


def test_who_asked_for_calm_gets_no_flying_cards(chromium: Browser, live_server: LiveServer, study: Study) -> None:
    context = chromium.new_context(reduced_motion="reduce")
    game = Game(context.new_page(), f"{live_server.url}/play/{study.slug}/")
    game.start()
    moving = """() => document.getAnimations().filter((one) => one.playState === 'running').flatMap(
      (one) => one.effect.getKeyframes().map((frame) => frame.transform ?? frame.translate ?? frame.scale)
    ).filter((move) => move && move !== 'none')"""
    game.page.keyboard.press("ArrowRight")
    assert game.page.evaluate(moving) == []
    game.page.keyboard.press("z")
    assert game.page.evaluate(moving) == []
    context.close()


def test_the_first_paint_weighs_less_than_a_small_picture(page: Page, live_server: LiveServer, study: Study) -> None:
    weights: dict[str, int] = {}

    def weigh(answer: Response) -> None:
        # Files are served compressed (see `HashedFiles`), which the server of this test does not.
        if "/static/" in answer.url:
            weights[answer.url] = len(gzip.compress(answer.body()))
        elif "/pictures/" not in answer.url:
            weights[answer.url] = len(answer.body())

    page.on("response", weigh)
    Game(page, f"{live_server.url}/play/{study.slug}/").start()
    page.wait_for_load_state("networkidle")
    assert len(weights) > 20
    assert sum(weights.values()) < 100_000


def test_nothing_moves_unseen_while_a_pair_is_looked_at(game: Game) -> None:
    """What moves where nobody sees it has the page computed anew for every frame, and holds up the next card."""
    game.key("ArrowRight")
    game.page.wait_for_function("() => document.getAnimations().length === 0", timeout=3000)
