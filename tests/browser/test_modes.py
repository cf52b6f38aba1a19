"""The other two ways of asking: which of two is closer, and which of several match."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from evalapp.studies.models import Study
from evalapp.voting.models import Exposure, Vote
from tests import cast
from tests.browser.audit import faults_of, sideways
from tests.browser.game import Game, standing_votes

pytestmark = [pytest.mark.browser, pytest.mark.database]


def game_of(page: Page, live_server: LiveServer, study: Study, mode: str, **more: object) -> Game:
    Study.objects.filter(pk=study.pk).update(mode=mode, gold_share=0, repeat_share=0, **more)
    game = Game(page, f"{live_server.url}/play/{study.slug}/")
    game.start()
    return game


def verdicts(game: Game) -> list[str]:
    """What stands, in the order in which the candidates were shown."""
    game.expect_sent()
    said = standing_votes()
    return [said[token] for token in sorted(said, key=lambda token: Exposure.objects.get(token=token.split(":")[0]).pk)]


def said_to(game: Game, addresses: list[str]) -> list[str]:
    """What stands about the candidates with these pictures, of the round that was answered last."""
    game.expect_sent()
    last = (
        Vote.objects.exclude(void_reason="undone").select_related("exposure__pair__candidate__picture").order_by("-pk")
    )
    by_picture: dict[str, str] = {}
    for vote in last:
        by_picture.setdefault(vote.exposure.pair.candidate.picture.public_id, vote.verdict)
    return [by_picture[cast.picture_at(address)] for address in addresses]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("ArrowLeft", ["dope", "nope"]),
        ("ArrowRight", ["nope", "dope"]),
        ("=", ["tie", "tie"]),
        ("ArrowUp", ["skip", "skip"]),
    ],
)
def test_keys_say_which_of_two_is_closer(
    page: Page, live_server: LiveServer, study: Study, key: str, said: list[str]
) -> None:
    game = game_of(page, live_server, study, "two")
    game.key(key)
    assert verdicts(game) == said
    # One round, whatever was said of how many.
    game.expect_count(1)


def test_the_closer_one_is_tapped_and_can_be_taken_back(page: Page, live_server: LiveServer, study: Study) -> None:
    game = game_of(page, live_server, study, "two")
    first = game.token
    game.card.get_by_role("button", name="Picture 2", exact=True).click()
    game.await_other_than(first)
    game.undo(first)
    game.expect_count(0)
    game.card.get_by_role("button", name="Picture 1", exact=True).click()
    game.await_other_than(first)
    assert verdicts(game) == ["dope", "nope"]
    game.undo(first)
    game.expect_count(0)
    assert standing_votes() == {}


def test_all_that_match_are_tapped_in_a_grid_and_come_back_with_their_round(
    page: Page, live_server: LiveServer, study: Study
) -> None:
    game = game_of(page, live_server, study, "grid")
    while game.card.locator("[data-choice]").count() < 2:
        game.press("Skip")
    first = game.token
    expect(page.get_by_role("button", name="None matches")).to_be_visible()
    page.keyboard.press("2")
    chosen = game.card.locator('[data-choice="1"]')
    expect(chosen).to_have_attribute("aria-pressed", "true")
    pictures = game.card.locator(".card__mat:has([data-choice]) img")
    shown = [str(picture.get_attribute("src")) for picture in pictures.all()]
    page.get_by_role("button", name="1 matches").click()
    game.await_other_than(first)
    assert said_to(game, shown) == ["nope", "dope", *["nope"] * (len(shown) - 2)]
    game.undo(first)
    expect(game.card.locator('[data-choice="1"]')).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    game.await_other_than(first)
    assert said_to(game, shown) == ["nope"] * len(shown)


@pytest.mark.parametrize("mode", ["two", "grid"])
def test_every_mode_is_sound_and_fits(page: Page, live_server: LiveServer, study: Study, mode: str) -> None:
    game = game_of(page, live_server, study, mode)
    for width, height in [(320, 568), (844, 390), (3840, 2160)]:
        page.set_viewport_size({"width": width, "height": height})
        assert sideways(page) == 0
        assert faults_of(page) == []
        for picture in game.card.locator("img").all():
            box = picture.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) > 48
            assert box["y"] + box["height"] <= height


def test_where_chance_puts_the_query_right_it_stands_right(page: Page, live_server: LiveServer, study: Study) -> None:
    game = game_of(page, live_server, study, "swipe", random_sides=True)
    sides = []
    for _ in range(6):
        exposure = Exposure.objects.get(token=game.token.split(":")[0])
        first, second = game.card.locator(".card__mat").all()
        asked, other = (first, second) if exposure.side == "left" else (second, first)
        for mat, item in ((asked, exposure.pair.query.item), (other, exposure.pair.candidate)):
            assert cast.picture_at(str(mat.locator("img").get_attribute("src"))) == item.picture.public_id
        sides.append(exposure.side)
        game.key("ArrowRight")
    assert Exposure.objects.filter(side="right").exists()


def test_a_picture_is_looked_at_closer_by_tap_by_button_and_by_key(game: Game) -> None:
    page, dialog = game.page, game.page.get_by_role("dialog", name="Look closer")
    token = game.token
    game.card.locator(".card__mat").first.click(position={"x": 90, "y": 90})
    expect(dialog.get_by_role("img", name="First picture")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("img", name="Second picture")).to_be_visible()
    page.keyboard.press("Enter")
    expect(dialog.locator("[data-stage][data-close]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("x")
    expect(dialog.get_by_role("img", name="First picture")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    game.card.get_by_role("button", name="Look closer: Second picture").click()
    expect(dialog.get_by_role("img", name="Second picture")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert game.token == token
    game.expect_count(0)
    assert standing_votes() == {}
