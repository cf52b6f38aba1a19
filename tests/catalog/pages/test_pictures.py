"""`/pictures/<public id>.webp`: a picture, and nothing else about it."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.test import Client
from kombu.exceptions import OperationalError

from evalapp.catalog import tasks
from evalapp.catalog.domain.originals import store_original
from evalapp.catalog.models import Item, Picture
from evalapp.catalog.services import renditions
from evalapp.catalog.services.items import ItemDraft, upsert_items
from evalapp.catalog.services.renditions import (
    ensure_rendition,
    ensure_renditions,
    make_rendition,
    picture_url,
    rendition_name,
)
from tests.catalog.drawing import BLUE, RED, picture

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def dress() -> Picture:
    data = picture(RED)
    upsert_items("shop", [ItemDraft("the-key", "dress/the-path.png", store_original(data), category="dress")])
    return Item.objects.get().picture


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[int], list[int]]]:
    """What workers are told to draw."""
    told: list[tuple[list[int], list[int]]] = []
    monkeypatch.setattr(tasks.draw_renditions, "apply_async", lambda words, **_: told.append(words))
    tasks._asked.clear()
    return told


class TestMissing:
    """No visitor's request makes what was not made."""

    @pytest.mark.parametrize(("kind", "scale"), [("webp", 1), ("webp", 2), ("jpg", 1)])
    def test_a_visitor_does_not_have_it_made_but_a_worker_hears_of_it_once(
        self,
        client: Client,
        dress: Picture,
        asked: list[object],
        kind: str,
        scale: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(renditions, "make_rendition", lambda *_: pytest.fail("it was made"))
        for _ in range(3):
            assert client.get(picture_url(dress.public_id, kind, scale)).status_code == 404
        assert asked == [([dress.pk], [])]

    def test_it_is_there_once_the_worker_has_drawn_it(
        self, client: Client, dress: Picture, asked: list[tuple[list[int], list[int]]]
    ) -> None:
        client.get(picture_url(dress.public_id))
        tasks.draw_renditions(*asked[0])
        answer = client.get(picture_url(dress.public_id))
        assert (answer.status_code, answer.content) == (200, make_rendition(dress))

    def test_the_smaller_one_stands_in_and_is_not_kept(self, client: Client, asked: list[object]) -> None:
        data = picture(RED, size=(1000, 900))
        upsert_items("shop", [ItemDraft("large", "large.png", store_original(data))])
        large = Item.objects.get().picture
        ensure_rendition(large)
        answer = client.get(picture_url(large.public_id, scale=2))
        assert (answer.status_code, answer.content) == (200, make_rendition(large))
        assert answer["Cache-Control"] == "no-store"
        assert asked == [([large.pk], [])]

    def test_somebody_without_a_broker_is_answered_all_the_same(
        self, client: Client, dress: Picture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unreachable(*_words: object, **_options: object) -> None:
            raise OperationalError

        tasks._asked.clear()
        monkeypatch.setattr(tasks.draw_renditions, "apply_async", unreachable)
        assert client.get(picture_url(dress.public_id)).status_code == 404

    def test_whoever_asks_for_many_does_not_fill_the_queue(
        self, client: Client, asked: list[object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tasks, "_MOST_WAITING", 5)
        upsert_items("shop", [ItemDraft(f"{n}", f"{n}", store_original(picture((n, 0, 0)))) for n in range(9)])
        for row in Picture.objects.all():
            client.get(picture_url(row.public_id))
        assert len(asked) == 5

    def test_an_operator_who_looks_has_it_made(self, admin_client: Client, dress: Picture, asked: list[object]) -> None:
        answer = admin_client.get(picture_url(dress.public_id))
        assert (answer.status_code, answer.content) == (200, make_rendition(dress))
        assert default_storage.exists(rendition_name(dress.public_id))
        assert asked == []

    def test_somebody_signed_in_who_is_no_operator_is_a_visitor(
        self, client: Client, dress: Picture, asked: list[object]
    ) -> None:
        client.force_login(User.objects.create_user("vera"))
        assert client.get(picture_url(dress.public_id)).status_code == 404


@pytest.fixture
def drawn(dress: Picture) -> Picture:
    """As imports and precomputing leave it."""
    assert ensure_renditions([dress.pk]) == []
    return dress


def test_it_may_be_kept_for_ever(client: Client, drawn: Picture) -> None:
    answer = client.get(picture_url(drawn.public_id))
    assert answer["Content-Type"] == "image/webp"
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"


def test_neither_address_nor_headers_tell_anything_else(client: Client, drawn: Picture) -> None:
    answer = client.get(picture_url(drawn.public_id))
    assert re.fullmatch(r"/pictures/[A-Za-z0-9_-]{22}\.webp", picture_url(drawn.public_id))
    assert not {"ETag", "Last-Modified", "Content-Disposition", "Set-Cookie", "Vary"} & set(answer.headers)
    told = picture_url(drawn.public_id) + repr(sorted(answer.headers.items())) + repr(answer.content)
    for secret in (drawn.sha256, drawn.sha256[:8], "the-key", "the-path", "dress", "png"):
        assert secret not in told


def test_two_pictures_are_answered_with_the_same_headers_save_for_the_length(client: Client, drawn: Picture) -> None:
    upsert_items("shop", [ItemDraft("hat", "hat.png", store_original(picture(BLUE, (300, 200))))])
    hat = Item.objects.get(key="hat").picture
    ensure_renditions([hat.pk])

    def headers(shown: Picture) -> dict[str, str]:
        found = dict(client.get(picture_url(shown.public_id)).headers)
        assert int(found.pop("Content-Length")) > 0
        # Another one for every answer, whatever is shown.
        assert found.pop("X-Request-ID")
        return found

    assert headers(hat) == headers(drawn)


def test_names_follow_no_order() -> None:
    upsert_items("shop", [ItemDraft(f"{n}", f"{n}", store_original(picture((n, 0, 0)))) for n in range(30)])
    names = list(Picture.objects.order_by("pk").values_list("public_id", flat=True))
    assert len(set(names)) == 30
    assert names not in (sorted(names), sorted(names, reverse=True))


def test_head_is_answered_without_a_body(client: Client, drawn: Picture) -> None:
    answer = client.head(picture_url(drawn.public_id))
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_it_only_allows_looking(client: Client, dress: Picture, method: str) -> None:
    assert getattr(client, method)(picture_url(dress.public_id)).status_code == 405


def test_unknown_names_are_not_found(client: Client, dress: Picture) -> None:
    assert client.get(picture_url("A" * 22)).status_code == 404
    assert client.get(f"/pictures/{dress.sha256}.webp").status_code == 404
    assert client.get(f"/pictures/{dress.pk}.webp").status_code == 404
    assert client.get("/pictures/..%2f..%2fetc%2fpasswd.webp").status_code == 404


def test_a_picture_whose_original_is_lost_is_not_found(admin_client: Client, dress: Picture) -> None:
    default_storage.delete(dress.file)
    assert admin_client.get(picture_url(dress.public_id)).status_code == 404
