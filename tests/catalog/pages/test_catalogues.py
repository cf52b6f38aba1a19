"""A catalogue in the lab: its items page by page, its categories, its flags."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from evalapp.catalog.models import Flag, Item
from evalapp.catalog.pages import catalogues
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

SHOP = "/lab/catalogues/shop/"


def keys(page: str) -> list[str]:
    return re.findall(r'name="key" value="([^"]+)"', page)


def shown(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_all_pictures_can_be_reached_page_by_page(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogues, "_SHOWN", 3)
    cast.wardrobe("shop", items=7)
    seen, address = [], SHOP
    while address:
        page = shown(admin_client, address)
        seen += keys(page)
        more = re.search(r'href="([^"]+after=[^"]+)">More', page)
        address = more[1].replace("&amp;", "&") if more else ""
    assert seen == [f"item-{number:04d}" for number in range(7)]


def test_a_category_is_chosen_and_stays_chosen(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogues, "_SHOWN", 2)
    cast.wardrobe("shop", items=8)
    Item.objects.filter(category="dress").update(category="dress & co")
    page = shown(admin_client, f"{SHOP}?category=dress+%26+co")
    assert keys(page) == ["item-0000", "item-0002"]
    assert "?category=dress+%26+co&amp;after=item-0002" in page
    assert "?category=dress%20%26%20co" in page


def test_pictures_are_flagged_and_let_in_again(admin_client: Client) -> None:
    cast.wardrobe("shop", items=4)
    words = {"key": ["item-0001", "item-0002"], "reason": "bad box", "flag": "", "next": f"{SHOP}?category=dress"}
    answer = admin_client.post(f"{SHOP}flags/", words)
    assert answer["Location"] == f"{SHOP}?category=dress"
    assert keys(shown(admin_client, f"{SHOP}?flags=active")) == ["item-0001", "item-0002"]
    admin_client.post(f"{SHOP}flags/", {"key": ["item-0001"], "lift": ""})
    assert keys(shown(admin_client, f"{SHOP}?flags=active")) == ["item-0002"]
    assert 'data-label="Flagged">1</td>' in shown(admin_client, "/lab/catalogues/")


def test_calls_that_cannot_be_meant_change_nothing(admin_client: Client) -> None:
    cast.wardrobe("shop", items=4)
    for words in ({}, {"key": "gone", "reason": "bad box"}, {"key": "item-0001", "reason": "ugly"}):
        answer = admin_client.post(f"{SHOP}flags/", {**words, "next": "https://elsewhere.example/"})
        assert answer.status_code == 404 or answer["Location"] == SHOP
    assert not Flag.objects.exists()


def test_only_operators_come_in(client: Client) -> None:
    cast.wardrobe("shop", items=4)
    for address in (SHOP, f"{SHOP}review/", "/lab/catalogues/"):
        assert "/admin/login/" in client.get(address)["Location"]
    assert "/admin/login/" in client.post(f"{SHOP}flags/", {"key": "item-0001", "reason": "bad box"})["Location"]


def test_an_unknown_catalogue_is_not_found(admin_client: Client) -> None:
    assert admin_client.get(SHOP).status_code == 404
    assert admin_client.get(f"{SHOP}review/").status_code == 404


def test_the_page_costs_as_many_statements_for_many_pictures_as_for_few(admin_client: Client) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as caught:
            shown(admin_client, SHOP)
        return len(caught)

    cast.wardrobe("shop", items=2)
    statements()
    few = statements()
    for item in cast.wardrobe("more", items=40).items.all():
        item.catalogue = Item.objects.exclude(catalogue=item.catalogue).first().catalogue  # type: ignore[union-attr]
        item.key = f"more-{item.key}"
        item.save()
        Flag.objects.create(item=item, reason="other")
    assert statements() == few


def test_an_empty_catalogue_says_how_to_fill_it(admin_client: Client) -> None:
    cast.wardrobe("shop", items=0)
    assert "import_catalogue shop PATH" in shown(admin_client, SHOP)
