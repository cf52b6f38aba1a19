"""Catalogues over HTTP, for operators."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from evalapp.catalog import tasks
from evalapp.catalog.api import catalogues
from evalapp.catalog.models import Catalogue, Item
from evalapp.catalog.queries import catalogue_named
from evalapp.catalog.services.items import remove_items
from tests import cast
from tests.catalog.drawing import BLUE, RED, picture, turned

pytestmark = [pytest.mark.django_db, pytest.mark.database]

ITEMS = "/api/v1/catalogues/shop/items/"


@pytest.fixture
def operator() -> APIClient:
    client = APIClient()
    client.force_authenticate(User.objects.create_user("olga", is_staff=True))
    return client


@pytest.fixture
def shop() -> Catalogue:
    return cast.wardrobe("shop", items=7)


def upload(operator: APIClient, data: bytes = picture(RED), **words: Any) -> Any:
    file = SimpleUploadedFile("whatever.png", data)
    return operator.post(ITEMS, {"picture": file, "key": "dress", **words}, format="multipart")


@pytest.mark.parametrize("address", ["", "shop/", "shop/items/"])
def test_visitors_may_not_look(client: Client, shop: Catalogue, address: str) -> None:
    answer = client.get(f"/api/v1/catalogues/{address}")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "not_authenticated"


def test_people_who_are_no_operators_may_not_change_anything(shop: Catalogue) -> None:
    bo = APIClient()
    bo.force_authenticate(User.objects.create_user("bo"))
    assert upload(bo).status_code == 403
    assert bo.delete(ITEMS, {"keys": ["item-0000"]}).status_code == 403
    assert Item.objects.filter(removed=False).count() == 7


def test_catalogues_are_listed_with_the_number_of_their_items(operator: APIClient, shop: Catalogue) -> None:
    remove_items("shop", ["item-0000"])
    [found] = operator.get("/api/v1/catalogues/").json()
    assert (found["slug"], found["items"], found["version"]) == ("shop", 6, 2)


def test_a_catalogue_is_shown_with_its_categories(operator: APIClient, shop: Catalogue) -> None:
    found = operator.get("/api/v1/catalogues/shop/").json()
    assert found["categories"] == [{"category": "dress", "items": 4}, {"category": "shirt", "items": 3}]


def test_items_come_in_pages_that_meet(operator: APIClient, shop: Catalogue) -> None:
    keys, after = [], ""
    while after is not None:
        page = operator.get(ITEMS, {"after": after, "limit": 3}).json()
        keys += [item["key"] for item in page["items"]]
        after = page["after"]
    assert keys == [f"item-{number:04d}" for number in range(7)]


def test_an_item_is_shown_with_its_picture(operator: APIClient, shop: Catalogue) -> None:
    Item.objects.filter(key="item-0000").update(x1=1, y1=2, x2=3, y2=4)
    first, second = operator.get(ITEMS, {"limit": 2}).json()["items"]
    assert (first["box"], second["box"]) == ([1, 2, 3, 4], None)
    assert (first["width"], first["height"], first["attributes"]) == (96, 128, {"colour": "blue"})
    assert first["url"] == f"/pictures/{Item.objects.get(key='item-0000').picture.public_id}.webp"


@pytest.mark.parametrize("words", [{"limit": 0}, {"limit": 1001}, {"limit": "many"}, {"after": "x" * 501}])
def test_pages_that_cannot_be_meant_are_refused_with_the_field(
    operator: APIClient, shop: Catalogue, words: dict[str, Any]
) -> None:
    answer = operator.get(ITEMS, words)
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == list(words)


def test_unknown_catalogues_are_not_found(operator: APIClient) -> None:
    for answer in (
        operator.get("/api/v1/catalogues/shop/"),
        operator.get(ITEMS),
        upload(operator),
        operator.delete(ITEMS, {"keys": ["a"]}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert not Catalogue.objects.exists()


def test_a_picture_is_uploaded_changed_and_left_alone(operator: APIClient, shop: Catalogue) -> None:
    words = {"category": "dress", "attributes": json.dumps({"colour": "red"}), "x1": 1, "y1": 2, "x2": 99, "y2": 9.5}
    first = upload(operator, **words)
    assert (first.status_code, first.json()["change"], first.json()["version"]) == (201, "new", 2)
    item = Item.objects.get(key="dress")
    assert (item.category, item.attributes, item.box, item.version) == ("dress", {"colour": "red"}, (1, 2, 24, 10), 2)
    again = upload(operator, **words)
    assert (again.status_code, again.json()["change"], again.json()["version"]) == (200, "unchanged", 2)
    changed = upload(operator, picture(BLUE), **words)
    assert (changed.status_code, changed.json()["change"], changed.json()["version"]) == (200, "updated", 3)
    assert changed.json()["item"]["sha256"] != first.json()["item"]["sha256"]


def test_words_for_nothing_are_no_labels_and_are_told(operator: APIClient, shop: Catalogue) -> None:
    words = {
        "category": "NaN",
        "product": "N/A",
        "domain": "shop",
        "attributes": json.dumps({"size": "null", "a": "b"}),
    }
    answer = upload(operator, **words).json()
    item = Item.objects.get(key="dress")
    assert (item.category, item.product, item.domain, item.attributes) == ("", "", "shop", {"a": "b"})
    assert answer["remarks"] == [
        "The category 'NaN' was taken for none.",
        "The product 'N/A' was taken for none.",
        "The attribute 'size' has no value: 'null' was taken for none.",
    ]
    assert upload(operator, category="dress").json()["remarks"] == []


def test_a_picture_that_comes_in_is_drawn_ahead(
    operator: APIClient, shop: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    monkeypatch.setattr(tasks.draw_renditions, "apply_async", lambda words, **_: told.append(words))
    tasks._asked.clear()
    upload(operator)
    assert told == [([Item.objects.get(key="dress").picture_id], [])]


def test_a_turned_picture_is_measured_as_it_is_displayed(operator: APIClient, shop: Catalogue) -> None:
    item = upload(operator, turned((40, 20), orientation=8)).json()["item"]
    assert (item["width"], item["height"]) == (20, 40)


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"picture": SimpleUploadedFile("a.jpg", b"Dear Sir or Madam")}, "picture"),
        ({"picture": SimpleUploadedFile("a.jpg", picture(kind="JPEG", size=(99, 99))[:300])}, "picture"),
        ({"picture": SimpleUploadedFile("a.jpg", b"")}, "picture"),
        ({"picture": "not a file"}, "picture"),
        ({"key": ""}, "key"),
        ({"key": "x" * 501}, "key"),
        ({"key": "a\0b"}, "key"),
        ({"attributes": "not json"}, "attributes"),
        ({"attributes": '["a"]'}, "attributes"),
        ({"attributes": '{"a": 1}'}, "attributes"),
        ({"attributes": '{"a": "\\u0000"}'}, "attributes"),
        ({"attributes": '{"a": "\\ud800"}'}, "attributes"),
        ({"x1": "1"}, "non_field_errors"),
        ({"x1": 90, "y1": 90, "x2": 95, "y2": 95}, "x1"),
        ({"x1": 9, "y1": 0, "x2": 2, "y2": 5}, "x1"),
        ({"x1": "nan", "y1": 0, "x2": 2, "y2": 5}, "x1"),
    ],
    ids=str,
)
def test_uploads_that_cannot_be_taken_are_refused_with_the_field(
    operator: APIClient, shop: Catalogue, words: dict[str, Any], field: str
) -> None:
    answer = upload(operator, **words)
    assert answer.status_code == 400, answer.json()
    assert list(answer.json()["error"]["fields"]) == [field]
    assert catalogue_named("shop").version == 1


def test_a_file_too_large_is_refused(operator: APIClient, shop: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogues, "_MOST_BYTES", 10)
    assert "picture" in upload(operator).json()["error"]["fields"]


def test_items_are_removed_by_key(operator: APIClient, shop: Catalogue) -> None:
    answer = operator.delete(ITEMS, {"keys": ["item-0001", "item-0002", "never there"]})
    assert (answer.status_code, answer.json()) == (200, {"removed": 2, "version": 2})
    assert Item.objects.filter(removed=False).count() == 5


@pytest.mark.parametrize("words", [{}, {"keys": []}, {"keys": "item-0001"}, {"keys": [{"a": 1}]}])
def test_a_removal_without_keys_is_refused(operator: APIClient, shop: Catalogue, words: dict[str, Any]) -> None:
    assert operator.delete(ITEMS, words).status_code == 400
    assert Item.objects.filter(removed=False).count() == 7


def test_a_key_that_is_not_utf8_is_refused_and_replaces_nothing(operator: APIClient, shop: Catalogue) -> None:
    for name in (b"caf\xe9", b"caf\xe8"):
        body = b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\n' + name
        body += b'\r\n--x\r\nContent-Disposition: form-data; name="picture"; filename="x.png"\r\n\r\n' + picture(RED)
        answer = operator.generic("POST", ITEMS, body + b"\r\n--x--\r\n", "multipart/form-data; boundary=x")
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "not_utf8"
    assert not Item.objects.filter(key__startswith="caf").exists()


def test_a_box_in_shares_of_the_picture_is_refused(operator: APIClient, shop: Catalogue) -> None:
    answer = upload(operator, x1=0.1, y1=0.2, x2=0.9, y2=0.8)
    assert answer.status_code == 400
    assert "shares of the picture" in answer.json()["error"]["message"]
