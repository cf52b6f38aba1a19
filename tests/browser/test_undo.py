"""Taking answers back."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from evalapp.voting.models import Vote
from tests.browser.game import Game, standing_votes

pytestmark = [pytest.mark.browser, pytest.mark.database]


def test_an_answer_taken_back_at_once_never_reaches_the_server(game: Game) -> None:
    first = game.token
    game.key("ArrowRight")
    game.undo(first)
    game.expect_count(0)
    game.key("ArrowLeft")
    game.expect_sent()
    assert standing_votes() == {first: "nope"}
    assert Vote.objects.count() == 1


def test_an_answer_that_arrived_can_be_changed(game: Game) -> None:
    first = game.token
    game.key("ArrowRight")
    game.expect_sent()
    game.undo(first)
    game.key("ArrowLeft")
    game.expect_sent()
    assert standing_votes() == {first: "nope"}
    assert Vote.objects.filter(void_reason="undone", verdict="dope").count() == 1


def test_several_answers_are_taken_back_newest_first(game: Game) -> None:
    tokens = []
    for _ in range(3):
        tokens.append(game.token)
        game.key("ArrowRight")
    game.expect_sent()
    for token in reversed(tokens):
        game.undo(token)
    game.expect_count(0)
    assert standing_votes() == {}


def test_an_answer_of_before_a_reload_can_be_taken_back(game: Game) -> None:
    first = game.token
    game.key("ArrowRight")
    game.expect_sent()
    game.start()
    game.undo(first)
    assert standing_votes() == {}


def test_offline_an_unsent_answer_can_be_taken_back(game: Game) -> None:
    game.lose_network()
    first = game.token
    game.key("ArrowRight")
    game.undo(first)
    game.key("ArrowLeft")
    game.page.context.set_offline(False)
    game.expect_sent()
    assert standing_votes() == {first: "nope"}


def test_offline_an_answer_that_arrived_stays_and_the_page_says_why(game: Game) -> None:
    game.key("ArrowRight")
    game.expect_sent()
    game.lose_network()
    before = game.token
    game.page.keyboard.press("z")
    expect(game.page.locator("[data-live]")).to_contain_text("once you are online again")
    assert game.token == before
    assert list(standing_votes().values()) == ["dope"]


def test_at_the_start_there_is_nothing_to_take_back(game: Game) -> None:
    expect(game.page.get_by_role("button", name="Undo")).to_be_disabled()


def test_the_last_answer_can_be_taken_back_on_the_last_page(game: Game) -> None:
    last = ""
    while game.card.count():
        last = game.token
        game.page.keyboard.press("ArrowRight")
        game.await_other_than(last)
        game.page.wait_for_timeout(50)
    game.expect_sent()
    game.undo(last)
    expect(game.root).to_have_attribute("data-state", "playing")
