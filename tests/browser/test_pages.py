"""The pages to read, and the game in each of its states: sound for everybody, on every screen, in any light."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from evalapp.leaderboard.services import refresh_report, take_snapshot, update_sums
from evalapp.studies.models import BoardVisibility, Study, StudyState
from evalapp.studies.services import close_study
from tests import cast
from tests.browser.audit import faults_of, sideways
from tests.browser.game import Game
from tests.leaderboard.crowds import let_vote

pytestmark = [pytest.mark.browser, pytest.mark.database]

SCREENS = [(320, 640), (390, 844), (1440, 900), (3840, 2160)]


@pytest.fixture
def operator(page: Page, live_server: LiveServer, transactional_db: None) -> Page:
    """A tab in which Olga, an operator, is signed in."""
    olga = User.objects.create_superuser("olga", password="secret")
    client = Client()
    client.force_login(olga)
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    return page


@pytest.fixture(params=["light", "dark"])
def lit_page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab in the light of the day, and one in that of the night."""
    context = chromium.new_context(color_scheme=request.param, reduced_motion="reduce")
    yield context.new_page()
    context.close()


def check_on_every_screen(page: Page) -> None:
    for width, height in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        assert sideways(page) == 0, f"at {width} pixels"
        assert faults_of(page) == [], f"at {width} pixels"


def test_the_game_is_sound_in_each_of_its_states(lit_page: Page, live_server: LiveServer, study: Study) -> None:
    game = Game(lit_page, f"{live_server.url}/play/{study.slug}/")
    game.start()
    check_on_every_screen(lit_page)
    lit_page.context.set_offline(True)
    game.key("ArrowRight")
    expect(lit_page.locator("[data-notice]")).to_contain_text("offline")
    check_on_every_screen(lit_page)
    lit_page.context.set_offline(False)
    while game.root.get_attribute("data-state") != "done":
        if game.card.count():
            token = game.token
            lit_page.keyboard.press("ArrowLeft")
            game.await_other_than(token)
    check_on_every_screen(lit_page)
    lit_page.get_by_role("button", name="How to play").click()
    check_on_every_screen(lit_page)


def test_the_board_is_sound_with_and_without_votes(lit_page: Page, live_server: LiveServer, study: Study) -> None:
    address = f"{live_server.url}/leaderboard/{study.slug}/"
    lit_page.goto(address)
    expect(lit_page.get_by_text("Nothing is published yet.")).to_be_visible()
    check_on_every_screen(lit_page)
    cast.cleo(study)
    update_sums(study)
    close_study(study)
    lit_page.goto(address)
    check_on_every_screen(lit_page)


def test_the_board_shows_numbers_and_the_same_numbers_as_a_plot(
    operator: Page, live_server: LiveServer, study: Study
) -> None:
    page = operator
    cast.cleo(study)
    update_sums(study)
    page.goto(f"{live_server.url}/leaderboard/{study.slug}/")
    lines = page.request.get(f"{live_server.url}/api/v1/studies/{study.slug}/leaderboard/").json()["standings"]
    rows = page.locator("#standings tbody tr").all()
    assert len(rows) == len(lines) == 3
    for row, line in zip(rows, lines, strict=True):
        text = row.inner_text()
        for number in (f"{line['approval']:.1%}", f"{line['low']:.1%}", f"{line['high']:.1%}", str(line["votes"])):
            assert number in text
        assert row.get_by_role("rowheader").inner_text() == line["contender"]
        whisker, dot = row.locator(".whisker__line"), row.locator(".whisker__dot")
        assert whisker.get_attribute("x1") == f"{line['low']:.2%}"
        assert whisker.get_attribute("x2") == f"{line['high']:.2%}"
        assert dot.get_attribute("cx") == f"{line['approval']:.2%}"
    (control,) = [line for line in lines if line["control"]]
    floor = page.locator(".whisker__floor").first
    assert floor.get_attribute("width") == f"{control['approval']:.2%}"
    expect(page.get_by_text("Still collecting: no winner yet.")).to_be_visible()


def test_a_private_board_tells_operators_that_it_is_private(
    operator: Page, live_server: LiveServer, study: Study
) -> None:
    Study.objects.update(board=BoardVisibility.PRIVATE)
    operator.goto(f"{live_server.url}/leaderboard/{study.slug}/")
    expect(operator.get_by_text("Only operators see this page")).to_be_visible()


def test_home_lists_open_questions_and_a_click_starts_the_game(
    lit_page: Page, live_server: LiveServer, study: Study
) -> None:
    lit_page.goto(live_server.url)
    check_on_every_screen(lit_page)
    lit_page.get_by_role("link", name="Play: Do these two match?").click()
    expect(lit_page.locator(".card[data-place=top]")).to_be_visible()


def test_home_without_questions_tells_operators_what_to_type(
    lit_page: Page, live_server: LiveServer, transactional_db: None
) -> None:
    lit_page.goto(live_server.url)
    expect(lit_page.get_by_text("python manage.py create_study")).to_be_visible()
    check_on_every_screen(lit_page)


def test_a_closed_study_says_thank_you(lit_page: Page, live_server: LiveServer, study: Study) -> None:
    Study.objects.update(state=StudyState.CLOSED)
    lit_page.goto(f"{live_server.url}/play/{study.slug}/")
    expect(lit_page.get_by_role("heading", name="is closed")).to_be_visible()
    check_on_every_screen(lit_page)


def test_an_unknown_address_leads_back_home(page: Page, live_server: LiveServer, transactional_db: None) -> None:
    answer = page.goto(f"{live_server.url}/play/nothing-here/")
    assert answer is not None
    assert answer.status == 404
    assert faults_of(page) == []
    page.get_by_role("link", name="To the open questions").click()
    assert page.url == f"{live_server.url}/"


def test_the_lab_shows_what_there_is(operator: Page, live_server: LiveServer, study: Study) -> None:
    operator.goto(f"{live_server.url}/lab/")
    expect(operator.get_by_role("rowheader", name=f"{study.title} {study.slug}", exact=True)).to_be_visible()
    check_on_every_screen(operator)
    for part, name in (("Catalogues", study.catalogue.slug), ("Models", "net")):
        operator.get_by_role("navigation", name="Lab").get_by_role("link", name=part).click()
        expect(operator.get_by_role("rowheader", name=name).first).to_be_visible()
        check_on_every_screen(operator)


def test_the_board_keeps_itself_up_to_date_and_offers_plots_as_pictures(
    operator: Page, live_server: LiveServer, study: Study
) -> None:
    page = operator
    cast.play(cast.browser_of(), study, 3)
    update_sums(study)
    page.add_init_script("Math.random = () => 0")
    page.goto(f"{live_server.url}/leaderboard/{study.slug}/")
    counts = page.locator("[data-live=decision] .counts dd").first
    expect(counts).to_have_text("3")
    page.locator("#all > summary").click()
    page.locator("#with-without summary").click()
    with page.expect_download() as download:
        page.locator("#standings [data-png]").click()
    assert download.value.suggested_filename == "match-standings.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
    page.locator("h1").click()
    cast.play(cast.browser_of(), study, 4)
    update_sums(study)
    expect(counts).to_have_text("7", timeout=20_000)
    expect(page.locator("#with-without")).to_have_attribute("open", "")


def test_the_board_with_all_its_evidence_is_sound(lit_page: Page, live_server: LiveServer, study: Study) -> None:
    let_vote(study, 60, 12)
    take_snapshot(study)
    let_vote(study, 60, 12, seed=2)
    take_snapshot(study)
    close_study(study)
    refresh_report(study)
    lit_page.goto(f"{live_server.url}/leaderboard/{study.slug}/")
    check_on_every_screen(lit_page)
    for path in ("history/", "plan/"):
        lit_page.goto(f"{live_server.url}/leaderboard/{study.slug}/{path}")
        check_on_every_screen(lit_page)
    lit_page.goto(f"{live_server.url}/method/")
    check_on_every_screen(lit_page)


def test_studies_are_made_and_led_on_pages_that_are_sound(
    operator: Page, live_server: LiveServer, study: Study
) -> None:
    for path in ("new/", f"{study.slug}/"):
        operator.goto(f"{live_server.url}/lab/studies/{path}")
        check_on_every_screen(operator)


def test_on_a_phone_one_sees_which_part_of_the_lab_one_is_in(operator: Page, live_server: LiveServer) -> None:
    operator.set_viewport_size({"width": 390, "height": 844})
    operator.goto(f"{live_server.url}/lab/installation/")
    expect(operator.get_by_role("navigation", name="Lab").get_by_role("link", name="Installation")).to_be_in_viewport()
