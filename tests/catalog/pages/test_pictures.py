"""`/pictures/<public id>.webp`: a picture, and nothing else about it."""

from __future__ import annotations

import re

import pytest
from django.core.files.storage import default_storage
from django.test import Client

from evalapp.catalog.models import Item, Picture
from evalapp.catalog.originals import store_original
from evalapp.catalog.renditions import make_rendition, picture_url, rendition_name
from evalapp.catalog.services import ItemDraft, upsert_items
from tests.catalog.drawing import BLUE, RED, picture

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def dress() -> Picture:
    data = picture(RED)
    upsert_items("shop", [ItemDraft("the-key", "dress/the-path.png", store_original(data), category="dress")])
    return Item.objects.get().picture


def test_a_picture_is_made_when_it_is_first_asked_for(client: Client, dress: Picture) -> None:
    assert not default_storage.exists(rendition_name(dress.public_id))
    first = client.get(picture_url(dress.public_id))
    assert first.status_code == 200
    assert first.content == make_rendition(dress)
    assert default_storage.exists(rendition_name(dress.public_id))
    assert client.get(picture_url(dress.public_id)).content == first.content


def test_it_may_be_kept_for_ever(client: Client, dress: Picture) -> None:
    answer = client.get(picture_url(dress.public_id))
    assert answer["Content-Type"] == "image/webp"
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"


def test_neither_address_nor_headers_tell_anything_else(client: Client, dress: Picture) -> None:
    answer = client.get(picture_url(dress.public_id))
    assert re.fullmatch(r"/pictures/[A-Za-z0-9_-]{22}\.webp", picture_url(dress.public_id))
    assert not {"ETag", "Last-Modified", "Content-Disposition", "Set-Cookie", "Vary"} & set(answer.headers)
    told = picture_url(dress.public_id) + repr(sorted(answer.headers.items())) + repr(answer.content)
    for secret in (dress.sha256, dress.sha256[:8], "the-key", "the-path", "dress", "png"):
        assert secret not in told


def test_two_pictures_are_answered_with_the_same_headers_save_for_the_length(client: Client, dress: Picture) -> None:
    upsert_items("shop", [ItemDraft("hat", "hat.png", store_original(picture(BLUE, (300, 200))))])
    hat = Item.objects.get(key="hat").picture

    def headers(shown: Picture) -> dict[str, str]:
        found = dict(client.get(picture_url(shown.public_id)).headers)
        assert int(found.pop("Content-Length")) > 0
        return found

    assert headers(hat) == headers(dress)


def test_names_follow_no_order() -> None:
    upsert_items("shop", [ItemDraft(f"{n}", f"{n}", store_original(picture((n, 0, 0)))) for n in range(30)])
    names = list(Picture.objects.order_by("pk").values_list("public_id", flat=True))
    assert len(set(names)) == 30
    assert names not in (sorted(names), sorted(names, reverse=True))


def test_head_is_answered_without_a_body(client: Client, dress: Picture) -> None:
    answer = client.head(picture_url(dress.public_id))
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_it_only_allows_looking(client: Client, dress: Picture, method: str) -> None:
    assert getattr(client, method)(picture_url(dress.public_id)).status_code == 405


def test_unknown_names_are_not_found(client: Client, dress: Picture) -> None:
    assert client.get(picture_url("A" * 22)).status_code == 404
    assert client.get(f"/pictures/{dress.sha256}.webp").status_code == 404
    assert client.get(f"/pictures/{dress.pk}.webp").status_code == 404
    assert client.get("/pictures/..%2f..%2fetc%2fpasswd.webp").status_code == 404


def test_a_picture_whose_original_is_lost_is_not_found(client: Client, dress: Picture) -> None:
    default_storage.delete(dress.file)
    assert client.get(picture_url(dress.public_id)).status_code == 404
