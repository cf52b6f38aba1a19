"""Answers survive whatever the network does: none is lost, none is counted twice."""

from __future__ import annotations

from contextlib import suppress

import pytest
from playwright.sync_api import BrowserContext, Error, Route, expect
from pytest_django.live_server_helper import LiveServer

from evalapp.studies.models import Study, StudyState
from evalapp.voting.models import Exposure, Vote
from evalapp.voting.services.vote_casting import Ballot, Status, cast_votes
from tests.browser.game import Game, standing_votes

pytestmark = [pytest.mark.browser, pytest.mark.database]

VOTES = "**/api/v1/votes/"


def answer(game: Game, times: int) -> dict[str, str]:
    """Answer by turns; what was said to which pair."""
    said = {}
    for number in range(times):
        key, verdict = (("ArrowRight", "dope"), ("ArrowLeft", "nope"))[number % 2]
        said[game.token] = verdict
        game.key(key)
    return said


def test_answers_given_offline_arrive_once_the_network_is_back(game: Game) -> None:
    game.lose_network()
    said = answer(game, 4)
    notice = game.page.locator("[data-notice]")
    expect(notice).to_have_text("You are offline. 4 answers are kept here and sent later.")
    assert Vote.objects.count() == 0
    game.page.context.set_offline(False)
    game.expect_sent()
    expect(notice).not_to_contain_text("offline")
    assert standing_votes() == said


def test_answers_survive_a_server_in_trouble(game: Game) -> None:
    game.page.route(VOTES, lambda route: route.fulfill(status=503, body="Try later"))
    said = answer(game, 3)
    expect(game.page.locator("[data-notice]")).to_contain_text("The server cannot be reached.")
    game.page.unroute(VOTES)
    game.expect_sent()
    assert standing_votes() == said


def test_an_answer_whose_receipt_was_lost_is_counted_once(game: Game) -> None:
    lost: list[int] = []

    def lose_first_receipt(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().status)
        route.abort("connectionreset")

    game.page.route(VOTES, lose_first_receipt)
    said = answer(game, 2)
    game.expect_sent()
    assert lost == [200]
    assert standing_votes() == said
    assert Vote.objects.count() == 2
    game.expect_count(2)


def test_unsent_answers_survive_closing_the_tab(game: Game) -> None:
    game.page.route(VOTES, lambda route: route.abort("connectionreset"))
    said = answer(game, 3)
    context = game.page.context
    game.page.close()
    assert Vote.objects.count() == 0
    later = Game(context.new_page(), game.address)
    later.start()
    later.expect_sent()
    assert standing_votes() == said
    later.expect_count(3)
    assert later.token not in said


@pytest.mark.parametrize("before", [True, False], ids=["before the page was made", "since"])
def test_what_a_closed_tab_had_sent_after_all_is_counted_once(game: Game, *, before: bool) -> None:
    """The page cannot know whether its count has them: the server says so."""
    game.page.route(VOTES, lambda route: route.abort("connectionreset"))
    said = answer(game, 3)
    context, sent = game.page.context, list[int]()
    game.page.close()
    later = Game(context.new_page(), game.address)
    if before:
        record_as_if_they_had_arrived(said)

    def record_first(route: Route) -> None:
        if not sent:
            sent.append(route.fetch().status)
        route.continue_()

    later.page.route(VOTES, record_first)
    later.start()
    later.expect_sent()
    later.expect_count(3)
    later.key("ArrowRight")
    later.expect_count(4)
    later.expect_sent()
    assert Vote.objects.count() == 4


def record_as_if_they_had_arrived(said: dict[str, str]) -> None:
    """The votes of these tokens, cast by whoever was shown them; what a closed tab sends may be there already."""
    ballots = [Ballot(token, verdict) for token, verdict in said.items()]
    voter = Exposure.objects.select_related("voter").order_by("pk")[0].voter
    told = {receipt.status for receipt in cast_votes(voter, ballots)}
    assert told <= {Status.RECORDED, Status.ALREADY_RECORDED}, told


def test_a_tab_closed_right_after_an_answer_still_sends_it(game: Game) -> None:
    said = answer(game, 1)
    game.page.goto("about:blank")
    for _ in range(50):
        if Vote.objects.count():
            break
        game.page.wait_for_timeout(100)
    assert standing_votes() == said


def test_a_tab_left_with_a_request_on_its_way_does_not_hold_up_the_next(game: Game) -> None:
    """The lease on what it carried ends with it."""
    game.page.route(VOTES, lambda _route: None)
    with game.page.expect_request(VOTES):
        said = answer(game, 2)
    game.page.goto("about:blank")
    game.page.unroute(VOTES)
    game.start()
    # What was on its way may arrive before the next page is made, or after.
    game.expect_sent()
    assert standing_votes() == said
    assert Vote.objects.count() == 2


@pytest.mark.parametrize("sent", [False, True])
def test_answers_survive_a_tab_that_crashes(game: Game, *, sent: bool) -> None:
    """Right after the last card has left, or after the server has recorded what the tab never hears of."""
    context = game.page.context
    recorded: list[int] = []

    def record_and_be_silent(route: Route) -> None:
        recorded.append(route.fetch().status)

    game.page.route(VOTES, record_and_be_silent)
    said = answer(game, 3)
    while sent and not recorded:
        game.page.wait_for_timeout(50)
    with suppress(Error):
        game.page.goto("chrome://crash")
    assert Vote.objects.count() == (3 if sent else 0)
    later = Game(context.new_page(), game.address)
    # The crashed tab took its deck with it: there may be no card left to show.
    later.page.goto(later.address)
    later.expect_count(3)
    later.expect_sent()
    assert standing_votes() == said
    assert Vote.objects.count() == 3


def test_two_tabs_keep_their_answers_apart(game: Game) -> None:
    other = Game(game.page.context.new_page(), game.address)
    other.start()
    game.lose_network()
    said = {**answer(game, 2), **answer(other, 2)}
    game.page.context.set_offline(False)
    game.expect_sent()
    other.expect_sent()
    assert standing_votes() == said
    assert len(said) == 4


def test_a_study_closed_meanwhile_says_so(game: Game) -> None:
    study = Study.objects.get()
    study.state = StudyState.CLOSED
    study.save(update_fields=["state"])
    game.page.keyboard.press("ArrowRight")
    expect(game.root).to_have_attribute("data-state", "closed")
    expect(game.page.get_by_role("heading", name="This question is closed")).to_be_visible()
    game.expect_sent()
    game.expect_count(0)


def test_an_answer_that_the_server_cannot_read_does_not_hold_up_the_others(game: Game) -> None:
    def complain_of_batches_with_the_first(route: Route) -> None:
        if first in (route.request.post_data or ""):
            route.fulfill(status=400, json={"error": {"code": "invalid", "message": "No.", "fields": {}}})
        else:
            route.continue_()

    first = game.token
    game.page.route(VOTES, complain_of_batches_with_the_first)
    said = answer(game, 3)
    game.expect_sent()
    said.pop(first)
    assert standing_votes() == said


KEPT = """() => new Promise((resolve) => {
  const opening = indexedDB.open("dopeornope");
  opening.onsuccess = () => {
    const reading = opening.result.transaction("outbox").objectStore("outbox").getAll();
    reading.onsuccess = () => resolve(reading.result.map(({ token }) => token));
  };
})"""


LYING = "Object.keys(localStorage).filter((key) => key.startsWith('dopeornope.outbox.'))"


def test_an_answer_is_kept_before_its_card_flies_away(game: Game) -> None:
    """In the very moment in which the card leaves it lies in local storage, and then in the database alone."""
    token = game.token
    game.page.route(VOTES, lambda route: route.abort("connectionreset"))
    game.page.evaluate(
        f"""(token) => {{
          new MutationObserver(() => {{
            const gone = document.querySelector(`.card[data-token="${{token}}"][data-place=gone]`);
            if (gone) window.kept ??= {LYING}.map((key) => JSON.parse(localStorage.getItem(key)).token);
          }}).observe(document.querySelector("[data-table]"), {{ subtree: true, attributes: true }});
        }}""",
        token,
    )
    game.key("ArrowRight")
    # A busy machine lets the card go later; what lay there in that moment was noted.
    game.page.wait_for_function("() => window.kept")
    assert game.page.evaluate("window.kept") == [token]
    game.page.wait_for_function(f"() => {LYING}.length === 0")
    assert game.page.evaluate(KEPT) == [token]


def test_what_an_earlier_version_kept_in_local_storage_is_brought_over(game: Game) -> None:
    entry = {"client_id": "old", "token": game.token, "verdict": "nope", "response_ms": 900, "at": 1, "attempts": 1}
    game.page.evaluate(
        "([study, entry]) => localStorage.setItem('dopeornope.outbox.old', JSON.stringify({ ...entry, study }))",
        [Study.objects.get().slug, entry],
    )
    game.start()
    game.expect_count(1)
    game.expect_sent()
    assert standing_votes() == {entry["token"]: "nope"}
    assert game.page.evaluate("Object.keys(localStorage).filter((key) => key.includes('outbox'))") == []
    assert game.page.evaluate(KEPT) == []


def test_two_tabs_that_both_know_an_answer_send_it_once(game: Game) -> None:
    context = game.page.context
    arrived: list[str] = []
    # Only what the server answered counts: tries that the routes below cut off have reached nobody.
    context.on("response", lambda one: arrived.append(one.request.post_data or "") if "/votes/" in one.url else None)
    game.page.route(VOTES, lambda route: route.abort("connectionreset"))
    said = answer(game, 3)
    other = Game(context.new_page(), game.address)
    other.page.route(VOTES, lambda route: route.abort("connectionreset"))
    # All pairs lie in the first tab's deck: none is left for this one to show.
    other.page.goto(other.address)
    expect(other.root).to_have_attribute("data-unsent", "3")
    game.page.unroute(VOTES)
    other.page.unroute(VOTES)
    game.expect_sent()
    other.expect_sent()
    other.expect_count(3)
    game.expect_count(3)
    assert standing_votes() == said
    assert [sum(token in body for body in arrived) for token in said] == [1, 1, 1]


def test_a_machine_without_any_network_plays_against_its_own_server(
    context: BrowserContext, live_server: LiveServer, study: Study
) -> None:
    context.add_init_script("Object.defineProperty(Navigator.prototype, 'onLine', { get: () => false })")
    game = Game(context.new_page(), f"{live_server.url}/play/{study.slug}/")
    game.start()
    game.key("ArrowRight")
    game.expect_sent()
    expect(game.page.locator("[data-notice]")).not_to_contain_text("offline")
    assert len(standing_votes()) == 1
