"""With its service worker the play page lives without network, and answers leave a closed page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from pytest_django.live_server_helper import LiveServer

from evalapp.voting.models import Vote
from tests.browser.game import Game, standing_votes

pytestmark = [pytest.mark.browser, pytest.mark.database]

READY = "() => navigator.serviceWorker.ready.then(() => !!navigator.serviceWorker.controller)"
CACHED = """async () => {
  const count = async (prefix) => {
    const names = (await caches.keys()).filter((name) => name.startsWith(prefix));
    const keys = await Promise.all(names.map(async (name) => (await (await caches.open(name)).keys()).length));
    return keys.reduce((sum, one) => sum + one, 0);
  };
  return [await count("shell-"), await count("pages"), await count("pictures")];
}"""


@pytest.fixture
def context(chromium: Browser, transactional_db: None) -> Iterator[BrowserContext]:
    """A profile in which service workers may live."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, service_workers="allow")
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def guarded(game: Game) -> Game:
    """The game once the worker watches over it and has seen the page and the next pictures."""
    game.page.wait_for_function(READY)
    game.start()
    game.page.wait_for_load_state("networkidle")
    return game


def test_already_a_first_visit_can_be_loaded_again_without_network(game: Game) -> None:
    game.page.wait_for_function(READY)
    game.await_loaded(3)
    for _ in range(100):
        if game.page.evaluate(CACHED)[1] == 1:
            break
        game.page.wait_for_timeout(100)
    shown = game.token
    game.lose_network()
    game.page.reload()
    expect(game.card).to_be_visible()
    assert game.token == shown


def test_the_page_and_the_next_pairs_are_there_without_network(guarded: Game, live_server: LiveServer) -> None:
    files, pages, pictures = guarded.page.evaluate(CACHED)
    assert files > 30
    assert pages == 1
    assert pictures >= 6
    shown = guarded.token
    guarded.lose_network()
    guarded.page.reload()
    expect(guarded.card).to_be_visible()
    assert guarded.token == shown
    for _ in range(4):
        guarded.key("ArrowRight")
    assert guarded.card.locator("img").first.evaluate("(picture) => picture.naturalWidth > 0")
    assert Vote.objects.count() == 0
    assert guarded.page.evaluate("fetch('/healthz').then(() => 'there', () => 'cut off')") == "cut off"


def test_answers_of_a_day_without_network_arrive_with_the_next_visit(guarded: Game) -> None:
    context = guarded.page.context
    guarded.lose_network()
    said = {}
    for _ in range(3):
        said[guarded.token] = "nope"
        guarded.key("ArrowLeft")
    guarded.page.reload()
    assert guarded.root.get_attribute("data-unsent") != "0"
    context.set_offline(False)
    guarded.expect_sent()
    assert standing_votes() == said


def test_a_page_left_in_the_moment_the_network_is_back_does_not_hold_up_the_next(guarded: Game) -> None:
    context = guarded.page.context
    guarded.lose_network()
    said = {}
    for _ in range(3):
        said[guarded.token] = "dope"
        guarded.key("ArrowRight")
    context.set_offline(False)
    guarded.start()
    guarded.expect_sent()
    assert standing_votes() == said


def test_a_tab_closed_right_after_an_answer_leaves_it_to_the_worker(guarded: Game) -> None:
    token = guarded.token
    guarded.key("ArrowRight")
    guarded.page.goto("about:blank")
    for _ in range(50):
        if Vote.objects.count():
            break
        guarded.page.wait_for_timeout(100)
    assert standing_votes() == {token: "dope"}
