"""The visitor's journey, the board and the search in Firefox and in WebKit, beside the Chromium of all other tests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.core.servers.basehttp import WSGIRequestHandler
from pytest_django.live_server_helper import LiveServer

from evalapp.search.models import LookupVerdict
from evalapp.studies.models import Study
from evalapp.voting.models import Exposure, Vote
from tests.browser.engines import ENGINES, PATIENCE, Engine
from tests.browser.game import TOP, standing_votes
from tests.search.shop import HUES, ServiceHere, photo

pytestmark = [pytest.mark.browser, pytest.mark.database]

# The window of WebKit's MiniBrowser gets no narrower.
PHONE, DESK = (450, 844), (1280, 900)
CARD = f"document.querySelector('{TOP}')"
GAME = "document.querySelector('[data-play]').dataset"
SAID = "document.querySelector('{}').textContent"
SIDEWAYS = "document.documentElement.scrollWidth - innerWidth"
# Engines round the box of a word in their own ways.
OUTSIDE = """[...document.querySelectorAll("svg.plot text")].filter((word) => {
  const [inside, sheet] = [word.getBoundingClientRect(), word.ownerSVGElement.getBoundingClientRect()];
  return inside.width && (inside.left < sheet.left - 2 || inside.right > sheet.right + 2);
}).map((word) => word.textContent)"""
# Each plot is there for wide and for narrow pages, and one of the two is shown.
PLOTS = """[...document.querySelectorAll("svg.plot")].filter((one) => one.checkVisibility())
  .map((one) => [one.getBBox().width, one.getBBox().height])"""
TABLES = "[...document.querySelectorAll('table')].map((one) => [one.offsetWidth, one.offsetHeight])"


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path, live_server: LiveServer) -> Iterator[Engine]:
    """It is gone before the database is emptied. No page may have complained."""
    folder = tmp_path / "browser"
    folder.mkdir()
    with ENGINES[request.param](folder) as engine:
        yield engine
    # A request that a test cuts off is reported by the browser itself.
    assert [words for words in engine.complaints if "Failed to load" not in words] == []


@contextmanager
def network_lost() -> Iterator[None]:
    """The server hangs up on everybody without a word."""

    def hang_up(handler: WSGIRequestHandler) -> bool:
        handler.close_connection = True
        return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WSGIRequestHandler, "parse_request", hang_up)
        yield


@dataclass(frozen=True, slots=True)
class Visit:
    """The play page on a phone with that engine."""

    engine: Engine
    address: str

    @property
    def token(self) -> str:
        """Of the pair that is shown, once one is."""
        self.engine.until(CARD)
        return str(self.engine.value(f"{CARD}.dataset.token"))

    def answer(self, key: str) -> str:
        """Press a key; the pair that was answered so."""
        token = self.token
        self.engine.key(key)
        self.await_other_than(token)
        return token

    def undo(self, expected: str) -> None:
        """Take the last answer back and see its pair again."""
        self.engine.key("z")
        self.engine.until(f"{CARD}?.dataset.token === '{expected}'")

    def await_other_than(self, token: str) -> None:
        self.engine.until(f"{CARD}?.dataset.token !== '{token}'")

    def expect_count(self, answered: int) -> None:
        self.engine.until(f"{SAID.format('[data-count]')} === '{answered}'")

    def expect_sent(self) -> None:
        self.engine.until(f"{GAME}.unsent === '0'")


@pytest.fixture
def visit(engine: Engine, live_server: LiveServer, study: Study) -> Visit:
    engine.resize(*PHONE)
    visit = Visit(engine, f"{live_server.url}/play/{study.slug}/")
    engine.open(visit.address)
    engine.until(CARD)
    return visit


def test_keys_answer_take_back_and_a_reload_keeps_the_place(visit: Visit) -> None:
    keys = (("ArrowRight", "dope"), ("ArrowLeft", "nope"), ("ArrowUp", "skip"))
    said = {visit.answer(key): verdict for key, verdict in keys}
    visit.expect_sent()
    assert standing_votes() == said
    last = list(said)[-1]
    visit.undo(last)
    visit.expect_count(2)
    said[visit.answer("ArrowRight")] = "dope"
    visit.expect_sent()
    shown = visit.token
    visit.engine.reload()
    assert visit.token == shown
    visit.expect_count(3)
    assert standing_votes() == said
    visit.undo(last)
    visit.expect_count(2)


def test_a_card_is_dragged_away_and_springs_back_if_let_go_near_its_place(visit: Visit) -> None:
    for pointer in visit.engine.pointers:
        before = standing_votes()
        first = visit.token
        visit.engine.drag(TOP, 50, pointer)
        visit.engine.until(f"getComputedStyle({CARD}).transform === 'none'")
        assert visit.token == first
        visit.engine.drag(TOP, 170, pointer)
        visit.await_other_than(first)
        second = visit.token
        visit.engine.drag(TOP, -170, pointer)
        visit.await_other_than(second)
        visit.expect_sent()
        assert standing_votes() == {**before, first: "dope", second: "nope"}


def test_buttons_answer_and_a_card_is_looked_at_closely(visit: Visit) -> None:
    token = visit.token
    visit.engine.click(f"{TOP} [data-lens]")
    visit.engine.until("document.querySelector('dialog[open]')")
    visit.engine.key("Escape")
    visit.engine.until("!document.querySelector('dialog[open]')")
    visit.engine.click("[data-action=nope]")
    visit.await_other_than(token)
    visit.expect_sent()
    assert standing_votes() == {token: "nope"}


def test_without_network_the_game_goes_on_survives_a_reload_and_sends_everything_later(visit: Visit) -> None:
    engine = visit.engine
    engine.until("navigator.serviceWorker.ready.then(() => navigator.serviceWorker.controller)")
    # The worker has seen this page and the pictures of the next six pairs.
    engine.reload()
    engine.until(CARD)
    engine.until("performance.getEntriesByType('resource').filter((one) => one.initiatorType === 'img').length >= 12")
    with network_lost():
        said = {visit.answer("ArrowRight"): "dope", visit.answer("ArrowLeft"): "nope"}
        notice = SAID.format("[data-notice]")
        engine.until(f"{notice}.includes('cannot be reached')")
        shown = visit.token
        engine.reload()
        assert visit.token == shown
        visit.expect_count(2)
        said[visit.answer("ArrowRight")] = "dope"
        engine.until(f"{GAME}.unsent === '3'")
        assert engine.value(f"{CARD}.querySelector('img').naturalWidth") > 0
        assert Vote.objects.count() == 0
    visit.expect_sent()
    assert standing_votes() == said
    visit.expect_count(3)


def test_an_answer_given_just_before_the_page_is_left_arrives(visit: Visit) -> None:
    token = visit.answer("ArrowRight")
    visit.engine.open("about:blank")
    end = time.monotonic() + PATIENCE
    while not Vote.objects.count() and time.monotonic() < end:
        time.sleep(0.1)
    assert standing_votes() == {token: "dope"}


def test_after_the_last_pair_the_page_says_so_and_the_last_answer_can_be_taken_back(visit: Visit) -> None:
    engine, last = visit.engine, ""
    done = f"{GAME}.state === 'done'"
    while not engine.value(done):
        last = visit.answer("ArrowRight")
        engine.until(f"{CARD} || {done}")
    engine.until("document.querySelector('[data-panel=done]').checkVisibility()")
    visit.expect_sent()
    assert len(standing_votes()) == Exposure.objects.filter(answered_at__isnull=False).count() == 16
    visit.undo(last)
    engine.until(f"{GAME}.state === 'playing'")


def test_the_board_is_drawn_unfolded_and_asked(engine: Engine, live_server: LiveServer, board: Study) -> None:
    address = f"{live_server.url}/leaderboard/{board.slug}/"
    for size in (PHONE, DESK):
        engine.resize(*size)
        engine.open(address)
        engine.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        engine.until("document.querySelector('#trust').checkVisibility()")
        assert engine.value(SIDEWAYS) <= 0
        assert engine.value(OUTSIDE) == []
        for parts in (PLOTS, TABLES):
            sizes = engine.value(parts)
            assert len(sizes) >= 3
            assert min(map(min, sizes)) > 40
    # Asked again, the server says that nothing has changed, and the page that was kept has its scripts.
    engine.until("document.querySelector('[data-acceptance]').checkVisibility()")
    points = engine.value(SAID.format("[data-points]"))
    engine.value("document.querySelector('[data-acceptance] input').focus()")
    engine.key("End")
    engine.until(f"{SAID.format('[data-points]')} !== '{points}'")
    engine.value("document.querySelectorAll('details').forEach((one) => { one.open = false; })")
    engine.open(f"{address}#trust")
    engine.until("document.querySelector('#trust').checkVisibility()")
    engine.click(".explain__word")
    engine.until("document.querySelector('.explain__text:popover-open')?.checkVisibility()")


def test_a_photo_is_searched_by(engine: Engine, live_server: LiveServer, service: ServiceHere, tmp_path: Path) -> None:
    engine.resize(*PHONE)
    engine.open(f"{live_server.url}/search/shop/")
    engine.until("document.querySelector('[data-ready]')")
    file = tmp_path / "blue.jpg"
    file.write_bytes(photo(HUES["blue"], size=(480, 640)))
    engine.choose("input[type=file]:not([capture])", file)
    engine.until("document.querySelector('.answer')")
    assert engine.value("document.querySelector('.answer').dataset.key").startswith("blue")
    engine.until("document.querySelector('.answer img').naturalWidth")
    engine.drag("[data-handle=w]", 80)
    engine.until(f"/left (1|2|3)\\d%/.test({SAID.format('[data-box-status]')})")
    engine.click("[data-uncrop]")
    engine.until("document.querySelectorAll('.answer').length === 6")
    engine.click(".answer [data-verdict=dope]")
    engine.until("document.querySelector('.answer [data-verdict=dope]').ariaPressed === 'true'")
    end = time.monotonic() + PATIENCE
    while not LookupVerdict.objects.count() and time.monotonic() < end:
        time.sleep(0.1)
    assert list(LookupVerdict.objects.values_list("verdict", "rank")) == [("dope", 1)]
    assert engine.value(SIDEWAYS) <= 0
