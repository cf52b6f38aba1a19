"""axe-core finds nothing to complain of: on no page, in no state of the game, in no light."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urldefrag, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from evalapp.studies.models import Study, StudyState
from tests import cast
from tests.browser.axe import violations_of
from tests.browser.game import Game

pytestmark = [pytest.mark.browser, pytest.mark.database]

FOREIGN = ("/admin/", "/api/", "/play/", "/static/", "/metrics", "/pictures/", "/language/")
"""Django's own pages, the API's browser, what is no page, and the game, which has a test of its own."""
MOST_PAGES = 60


@pytest.fixture(params=["light", "dark"])
def lit(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A phone by day and by night, without movement: what fades in has no contrast yet."""
    context = chromium.new_context(
        color_scheme=request.param,
        reduced_motion="reduce",
        viewport={"width": 390, "height": 844},
        service_workers="block",
    )
    yield context.new_page()
    context.close()


def test_it_sees_what_is_wrong(lit: Page) -> None:
    lit.set_content("<html lang='en'><title>x</title><main><h1>x</h1><img src='data:,'><button></button></main>")
    assert {line.split(":")[0] for line in violations_of(lit)} == {"image-alt", "button-name"}


@pytest.mark.parametrize(
    ("lit", "mode"), [("light", "swipe"), ("dark", "swipe"), ("light", "two"), ("dark", "grid")], indirect=["lit"]
)
def test_the_game_in_each_of_its_states(lit: Page, live_server: LiveServer, study: Study, mode: str) -> None:
    Study.objects.update(mode=mode)
    game = Game(lit, f"{live_server.url}/play/{study.slug}/")
    game.start()
    assert violations_of(lit) == []
    for opener in ("How to play", "Your answers"):
        lit.get_by_role("button", name=opener).click()
        expect(lit.get_by_role("dialog", name=opener)).to_be_visible()
        assert violations_of(lit) == [], opener
        lit.keyboard.press("Escape")
    lit.keyboard.press("x")
    expect(lit.get_by_role("dialog", name="Look closer")).to_be_visible()
    assert violations_of(lit) == []
    lit.keyboard.press("Escape")
    while game.root.get_attribute("data-state") == "playing":
        if game.card.count():
            lit.keyboard.press("ArrowUp")
            lit.wait_for_timeout(60)
    assert violations_of(lit) == []


def test_pages_that_say_sorry_or_thank_you(lit: Page, live_server: LiveServer, study: Study) -> None:
    lit.goto(f"{live_server.url}/nothing-here/")
    assert violations_of(lit) == []
    Study.objects.update(state=StudyState.CLOSED)
    lit.goto(f"{live_server.url}/play/{study.slug}/")
    assert violations_of(lit) == []
    lit.goto(live_server.url)
    assert violations_of(lit) == []


def test_every_page_that_links_lead_to(lit: Page, live_server: LiveServer, study: Study) -> None:
    """From the front door and the lab: whatever page anybody adds is found by its link."""
    cast.cleo(study)
    client = Client()
    client.force_login(User.objects.create_superuser("olga", password="secret"))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    lit.context.add_cookies([cookie])
    waiting, seen, found = ["/", "/lab/"], set(), {}
    while waiting and len(seen) < MOST_PAGES:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        answer = lit.goto(live_server.url + path)
        if answer is None or "text/html" not in answer.headers.get("content-type", ""):
            continue
        assert answer.status == 200, path
        if problems := violations_of(lit):
            found[path] = problems
        waiting += [one for one in links_of(lit, live_server.url) if one not in seen]
    assert found == {}
    assert {"/", "/lab/", f"/leaderboard/{study.slug}/", "/lab/jobs/", "/lab/catalogues/"} <= seen


def links_of(page: Page, origin: str) -> list[str]:
    """Where the page's links lead on this site, pages of others left out."""
    addresses: list[str] = page.eval_on_selector_all("a[href]:not([download])", "(links) => links.map((a) => a.href)")
    own = {urldefrag(one)[0] for one in addresses if one.startswith(origin)}
    paths = {urlsplit(one)._replace(scheme="", netloc="").geturl() or "/" for one in own}
    return sorted(path for path in paths if not path.startswith(FOREIGN))
