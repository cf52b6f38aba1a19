"""Every way to answer a pair."""

from __future__ import annotations

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from evalapp.studies.models import Study
from evalapp.voting.models import Vote
from tests.browser.game import Game, standing_votes

pytestmark = [pytest.mark.browser, pytest.mark.database]


@pytest.mark.parametrize(("distance", "verdict"), [(400, "dope"), (-400, "nope")])
def test_a_card_dragged_far_enough_is_answered(game: Game, distance: int, verdict: str) -> None:
    token = game.token
    game.drag(distance)
    game.await_other_than(token)
    game.expect_sent()
    assert standing_votes() == {token: verdict}


def test_a_quick_flick_is_enough(game: Game) -> None:
    token = game.token
    # Short of where a card at rest counts, so that it is the speed that tells, however slow the machine.
    game.drag(140, rest=False)
    game.await_other_than(token)
    game.expect_sent()
    assert standing_votes() == {token: "dope"}


@pytest.mark.parametrize(("distance", "back"), [(60, 0), (300, -295)])
def test_a_card_let_go_near_its_place_springs_back(game: Game, distance: int, back: int) -> None:
    token = game.token
    game.drag(distance, back=back)
    expect(game.card).to_have_css("transform", "none")
    assert game.token == token
    game.expect_count(0)
    assert Vote.objects.count() == 0


def test_the_stamp_shows_before_letting_go_what_it_would_mean(game: Game) -> None:
    game.page.mouse.move(640, 300)
    game.page.mouse.down()
    game.page.mouse.move(940, 300, steps=6)
    expect(game.card.locator(".stamp--dope")).to_have_css("opacity", "1")
    expect(game.card.locator(".stamp--nope")).to_have_css("opacity", "0")
    game.page.mouse.move(340, 300, steps=6)
    expect(game.card.locator(".stamp--dope")).to_have_css("opacity", "0")
    expect(game.card.locator(".stamp--nope")).to_have_css("opacity", "1")
    game.page.mouse.up()


@pytest.mark.parametrize(
    ("button", "verdict"), [("Dope", "dope"), ("Nope", "nope"), ("Skip", "skip"), ("Report", "report")]
)
def test_buttons_answer(game: Game, button: str, verdict: str) -> None:
    token = game.token
    game.press(button)
    game.expect_sent()
    assert standing_votes() == {token: verdict}
    assert Vote.objects.get().response_ms is not None


def test_arrow_keys_answer(game: Game) -> None:
    said: dict[str, str] = {}
    for key, verdict in (("ArrowRight", "dope"), ("ArrowLeft", "nope"), ("ArrowUp", "skip")):
        said[game.token] = verdict
        game.key(key)
    game.expect_sent()
    game.expect_count(3)
    assert standing_votes() == said


def test_a_key_held_down_answers_once(game: Game) -> None:
    game.page.keyboard.down("ArrowRight")
    game.page.keyboard.down("ArrowRight")
    game.page.keyboard.down("ArrowRight")
    game.page.keyboard.up("ArrowRight")
    game.expect_count(1)


def test_the_browsers_own_shortcuts_are_left_alone(game: Game) -> None:
    game.page.keyboard.press("Control+ArrowRight")
    game.page.keyboard.press("Shift+ArrowRight")
    game.expect_count(0)


def test_quick_answers_in_a_row_are_all_kept(game: Game) -> None:
    # Who is faster than their line finds no card to answer.
    game.page.wait_for_load_state("networkidle")
    for number in range(5):
        game.page.keyboard.press("ArrowRight" if number % 2 else "ArrowLeft")
    game.expect_count(5)
    game.expect_sent()
    assert sorted(standing_votes().values()) == ["dope", "dope", "nope", "nope", "nope"]


def test_a_finger_swipes(chromium: Browser, live_server: LiveServer, study: Study) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    game = Game(context.new_page(), f"{live_server.url}/play/{study.slug}/")
    game.start()
    token = game.token
    swipe(game.page, (195, 350), (-170, 20))
    game.await_other_than(token)
    game.expect_sent()
    assert standing_votes() == {token: "nope"}
    context.close()


def swipe(page: Page, start: tuple[int, int], way: tuple[int, int], steps: int = 8) -> None:
    """A finger as the browser sees one."""
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    touch("touchStart", start)
    for step in range(1, steps + 1):
        touch("touchMove", (start[0] + way[0] * step / steps, start[1] + way[1] * step / steps))
        page.wait_for_timeout(16)
    touch("touchEnd")


def test_nothing_the_page_received_names_a_contender(page: Page, live_server: LiveServer, study: Study) -> None:
    received: list[str] = []
    page.on("response", lambda answer: received.append(answer.url + str(answer.headers)))
    game = Game(page, f"{live_server.url}/play/{study.slug}/")
    game.start()
    received.append(page.content())
    names = [contender.name for contender in study.contenders.all() if not contender.is_control]
    assert settings.STATIC_URL in "".join(received)
    assert [name for name in names if name in "".join(received)] == []


def test_a_swipe_holds_the_next_card_up_with_nothing_that_can_wait(game: Game) -> None:
    """It asks for one frame, whatever waits for it, and leaves the style of what flies off alone."""
    game.page.evaluate("""() => {
      const ask = window.requestAnimationFrame.bind(window);
      let isHeldUp = false;
      window.asked = 0;
      addEventListener("pointerup", () => { isHeldUp = true; ask(() => { isHeldUp = false; }); }, true);
      window.requestAnimationFrame = (work) => { window.asked += isHeldUp; return ask(work); };
      const thrown = document.querySelector(".card[data-place=top]");
      window.changed = [];
      new MutationObserver((all) => window.changed.push(...all.map((one) => one.attributeName)))
        .observe(thrown, { attributes: true, attributeFilter: ["data-held", "class", "data-arrangement"] });
    }""")
    token = game.token
    game.drag(400)
    game.await_other_than(token)
    # Of the finger's coming, none of its going.
    assert (game.page.evaluate("window.asked"), game.page.evaluate("window.changed")) == (1, ["data-held"])


def test_what_fails_after_a_frame_takes_nothing_along(
    context: BrowserContext, live_server: LiveServer, study: Study
) -> None:
    page = context.new_page()
    told: list[str] = []
    page.on("pageerror", lambda error: told.append(str(error)))
    Game(page, f"{live_server.url}/play/{study.slug}/").start()
    done = page.evaluate("""async () => {
      const { afterFrame } = await import("lib/after_frame");
      const done = [];
      afterFrame(() => done.push(1));
      afterFrame(() => { throw new Error("broken"); });
      await new Promise((resolve) => afterFrame(() => { done.push(2); afterFrame(() => resolve(done.push(3))); }));
      return done;
    }""")
    assert (done, told) == ([1, 2, 3], ["broken"])
