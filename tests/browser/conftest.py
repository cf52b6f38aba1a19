"""A real Chromium in front of a live server, and a study whose pictures can be seen."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from django.conf import LazySettings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError
from django.db import connection
from django.test import TransactionTestCase
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from evalapp.catalog import tasks
from evalapp.catalog.models import Picture
from evalapp.catalog.services.renditions import rendition_name
from evalapp.core.pipeline.chunk_work import work_on
from evalapp.leaderboard.services import refresh_report, take_snapshot
from evalapp.search.domain.circuit_breaker import CircuitBreaker
from evalapp.search.queries import service_client
from evalapp.search.services.search_indexes import request_build
from evalapp.studies.models import Study
from evalapp.studies.services import close_study, store_evaluation
from tests import cast
from tests.browser.game import Game
from tests.leaderboard.crowds import let_vote, voted_study
from tests.search.shop import ServiceHere, shop_index


@pytest.fixture(scope="session", autouse=True)
def _connections_end_with_their_request(django_db_setup: None) -> None:
    """The threads of the live server keep no connection, which would be in the way when the database is removed."""
    connection.settings_dict["CONN_MAX_AGE"] = 0


@pytest.fixture(scope="session", autouse=True)
def _tables_are_emptied_with_patience() -> Iterator[None]:
    """A closed page still sends what it has; where that meets the emptying of its tables, one of the two must wait."""
    empty = TransactionTestCase._fixture_teardown

    def patiently(case: TransactionTestCase) -> None:
        for _ in range(10):
            with suppress(CommandError):
                return empty(case)
            time.sleep(0.5)
        return empty(case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", patiently)
        yield


@pytest.fixture(autouse=True)
def _a_worker_that_draws_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.draw_renditions, "apply_async", lambda words, **_: tasks.draw_renditions(*words))


@pytest.fixture
def study(transactional_db: None) -> Study:
    """An open study of 16 pairs with drawn pictures, tall, wide and square."""
    study = cast.open_study(queries=8)
    draw_pictures()
    return study


def draw_pictures() -> None:
    """Give every picture of the database a rendition of its own colour."""
    for number, picture in enumerate(Picture.objects.order_by("pk")):
        width, height = ((90, 120), (120, 90), (100, 100))[number % 3]
        image = Image.new("RGB", (width, height), f"hsl({number * 47 % 360}, 70%, 60%)")
        ImageDraw.Draw(image).ellipse((20, 20, width - 20, height - 20), fill="white")
        data = io.BytesIO()
        image.save(data, "WEBP")
        default_storage.save(rendition_name(picture.public_id), ContentFile(data.getvalue()))
        Picture.objects.filter(pk=picture.pk).update(width=width, height=height)


@pytest.fixture
def board(transactional_db: None) -> Study:
    """With everything that the page can draw."""
    study = voted_study(400, voters=40)
    take_snapshot(study)
    let_vote(study, 100, 10, seed=2)
    take_snapshot(study)
    scores = {"product_recall_at_1": 0.1, "product_recall_low": 0.0, "product_recall_high": 0.2}
    lines = [
        {"contender": name, "category_match": value, "low": value - 0.1, "high": value + 0.1, **scores}
        for name, value in ((cast.FC6, 0.9), (cast.FC7, 0.5))
    ]
    store_evaluation(study, {"contenders": lines})
    close_study(study)
    refresh_report(study)
    return study


@pytest.fixture
def service(
    transactional_db: None, settings: LazySettings, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> ServiceHere:
    """A public index of twelve pictures and the service that answers from it."""
    settings.INDEXES_DIR = tmp_path / "indexes"  # type: ignore[operator]
    settings.ADDRESS_SEARCHES_PER_MINUTE = 10**6
    index = shop_index()
    work_on(request_build(index).pk)
    here = ServiceHere()
    here.served.look_at_rows()
    monkeypatch.setattr(service_client, "_post_message", here.post)
    monkeypatch.setattr(service_client, "breaker", CircuitBreaker())
    return here


@pytest.fixture
def context(chromium: Browser, live_server: LiveServer, transactional_db: None) -> Iterator[BrowserContext]:
    """A browser profile that nobody has used. It is gone before the database is emptied."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, service_workers="block")
    context.set_default_timeout(60_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab; the test fails if the page complained of anything, a breach of the content policy included."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield page
    # A request that a test cuts off is reported by the browser itself.
    assert [words for words in complaints if "Failed to load resource" not in words] == []


@pytest.fixture
def game(page: Page, live_server: LiveServer, study: Study) -> Game:
    """The play page with the first pair on the table."""
    game = Game(page, f"{live_server.url}/play/{study.slug}/")
    game.start()
    return game
