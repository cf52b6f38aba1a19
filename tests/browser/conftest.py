"""A real Chromium in front of a live server, and a study whose pictures can be seen."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError
from django.db import connection
from django.test import TransactionTestCase
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from evalapp.catalog.models import Picture
from evalapp.catalog.renditions import rendition_name
from evalapp.studies.models import Study
from tests import cast
from tests.browser.game import Game


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
def context(chromium: Browser, live_server: LiveServer, transactional_db: None) -> Iterator[BrowserContext]:
    """A browser profile that nobody has used. It is gone before the database is emptied."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, service_workers="block")
    context.set_default_timeout(10_000)
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
