"""Catalogues in the admin: for reading, and as cheap for many rows as for few."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from evalapp.catalog.models import Catalogue, Item
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

LISTS = ("catalogue", "item", "picture")


@pytest.fixture
def browser() -> Client:
    olga = User.objects.create_superuser("olga", password="secret")
    browser = Client()
    browser.force_login(olga)
    return browser


@pytest.mark.parametrize("name", LISTS)
def test_lists_cost_as_many_statements_for_many_rows_as_for_few(browser: Client, name: str) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert browser.get(f"/admin/catalog/{name}/").status_code == 200
        return len(caught)

    cast.wardrobe("few", items=2)
    statements()
    few = statements()
    cast.wardrobe("many", items=40)
    assert statements() == few


def test_items_are_found_by_key_and_shown_with_their_picture(browser: Client) -> None:
    cast.wardrobe(items=4)
    page = browser.get("/admin/catalog/item/", {"q": "item-0003"}).content.decode()
    assert "item-0003" in page
    assert "item-0001" not in page
    assert f"/pictures/{Item.objects.get(key='item-0003').picture.public_id}.webp" in page


def test_items_can_be_read_but_neither_made_nor_changed_nor_deleted(browser: Client) -> None:
    cast.wardrobe(items=2)
    item = Item.objects.get(key="item-0001")
    address = f"/admin/catalog/item/{item.pk}/change/"
    assert browser.get(address).status_code == 200
    assert browser.post(address, {"category": "gown"}).status_code == 403
    assert browser.post(f"/admin/catalog/item/{item.pk}/delete/", {"post": "yes"}).status_code == 403
    assert browser.get("/admin/catalog/item/add/").status_code == 403


def test_a_catalogue_may_be_renamed_and_nothing_else(browser: Client) -> None:
    shop = cast.wardrobe("shop", items=2)
    address = f"/admin/catalog/catalogue/{shop.pk}/change/"
    assert browser.post(address, {"name": "New", "slug": "other", "version": "99"}).status_code == 302
    found = Catalogue.objects.get()
    assert (found.name, found.slug, found.version) == ("New", "shop", 1)
    assert browser.post(f"/admin/catalog/catalogue/{shop.pk}/delete/", {"post": "yes"}).status_code == 403
