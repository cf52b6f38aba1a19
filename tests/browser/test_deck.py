"""The deck: always a few pairs ahead, alive over a reload, honest at its end."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from evalapp.studies.models import Study
from evalapp.voting.models import Exposure
from tests.browser.game import Game, standing_votes

pytestmark = [pytest.mark.browser, pytest.mark.database]

NEXT_IS_DECODED = """() => {
  const pictures = [...document.querySelectorAll('.card[data-place=next] img')];
  return pictures.length === 2 && pictures.every((one) => one.complete && one.naturalWidth > 0);
}"""


def test_the_next_pair_lies_ready_under_the_one_shown(game: Game) -> None:
    for _ in range(5):
        game.page.wait_for_function(NEXT_IS_DECODED)
        following = game.page.locator(".card[data-place=next]").get_attribute("data-token")
        game.key("ArrowRight")
        assert game.token == following


def test_the_pictures_of_at_least_five_pairs_are_loaded_ahead(game: Game) -> None:
    game.page.wait_for_load_state("networkidle")
    game.page.route("**/pictures/**", lambda route: route.abort())
    for _ in range(5):
        game.key("ArrowRight")
        expect(game.card).to_be_visible()


def test_the_first_pair_shares_the_line_with_no_other(page: Page, live_server: LiveServer, study: Study) -> None:
    asked: list[Route] = []

    def hold(route: Route) -> None:
        asked.append(route)
        if len(asked) > 2:
            route.continue_()

    page.route("**/pictures/**", hold)
    game = Game(page, f"{live_server.url}/play/{study.slug}/")
    with page.expect_response("**/deck/"):
        page.goto(game.address)
    page.wait_for_timeout(500)
    assert len(asked) == 2
    with page.expect_request("**/pictures/**"):
        for route in asked[:2]:
            route.continue_()
    expect(game.card).to_be_visible()


def test_the_first_deck_is_asked_for_while_scripts_are_on_their_way(
    page: Page, live_server: LiveServer, study: Study
) -> None:
    decks: list[str] = []
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.on("request", lambda request: decks.append(request.url) if request.url.endswith("/deck/") else None)
    page.route("**/js/pages/play*", hold)
    game = Game(page, f"{live_server.url}/play/{study.slug}/")
    with page.expect_response("**/deck/"):
        page.goto(game.address, wait_until="commit")
    while not held:
        page.wait_for_timeout(50)
    held[0].continue_()
    expect(game.card).to_be_visible()
    game.expect_count(0)
    issued = Exposure.objects.count()
    assert (len(decks), issued) == (1, 10)


def test_a_reload_keeps_the_deck(game: Game) -> None:
    game.key("ArrowRight")
    game.expect_sent()
    shown, issued = game.token, Exposure.objects.count()
    game.start()
    assert game.token == shown
    assert Exposure.objects.count() == issued


def test_no_pair_comes_twice_and_the_end_is_friendly(game: Game) -> None:
    seen: list[str] = []
    while game.root.get_attribute("data-state") != "done":
        if game.card.count():
            seen.append(game.token)
            game.page.keyboard.press("ArrowLeft")
            game.await_other_than(seen[-1])
    expect(game.page.get_by_role("heading", name="You have seen them all!")).to_be_visible()
    expect(game.page.get_by_role("link", name="See the leaderboard")).to_be_visible()
    expect(game.page.get_by_role("button", name="Dope")).to_be_disabled()
    game.expect_sent()
    game.expect_count(16)
    assert len(seen) == len(set(seen)) == 16
    assert set(standing_votes()) == set(seen)


def test_offline_the_loaded_pairs_can_be_answered_and_then_the_page_says_what_is_missing(game: Game) -> None:
    game.page.wait_for_function(NEXT_IS_DECODED)
    game.page.wait_for_load_state("networkidle")
    game.page.context.set_offline(True)
    answered = 0
    while game.root.get_attribute("data-state") == "playing":
        token = game.token
        game.page.keyboard.press("ArrowRight")
        game.await_other_than(token)
        answered += 1
    assert answered >= 6
    expect(game.page.get_by_role("heading", name="No connection")).to_be_visible()
    game.page.context.set_offline(False)
    expect(game.card).to_be_visible()
    game.expect_sent()
    assert len(standing_votes()) == answered


def test_a_pair_whose_picture_cannot_be_shown_is_passed_over(page: Page, live_server: LiveServer, study: Study) -> None:
    refused: list[str] = []

    def refuse_the_first(route: Route) -> None:
        if not refused:
            refused.append(route.request.url)
        if route.request.url in refused:
            route.fulfill(status=404)
        else:
            route.continue_()

    page.route("**/pictures/**", refuse_the_first)
    game = Game(page, f"{live_server.url}/play/{study.slug}/")
    game.start()
    for _ in range(4):
        assert refused[0] not in [picture.get_attribute("src") for picture in game.card.locator("img").all()]
        game.key("ArrowRight")


def test_a_new_tab_goes_on_with_the_deck_of_a_closed_one(game: Game) -> None:
    game.key("ArrowRight")
    game.expect_sent()
    shown, issued = game.token, Exposure.objects.count()
    context = game.page.context
    game.page.close(run_before_unload=True)
    game.page.wait_for_event("close")
    later = Game(context.new_page(), game.address)
    later.start()
    assert later.token == shown
    assert Exposure.objects.count() == issued
