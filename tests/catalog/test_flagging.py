"""A flagged item is out of training data and decks until somebody lifts the flag."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from evalapp.catalog.models import Catalogue, Flag, FlagSource, Item
from evalapp.catalog.queries import active_flags, active_items, unflagged
from evalapp.catalog.services.item_flags import flag_items, lift_flags
from evalapp.core.domain.errors import InvalidInput, NotFound
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

FLAGS = "/api/v1/catalogues/shop/flags/"


@pytest.fixture
def shop() -> Catalogue:
    return cast.wardrobe("shop", items=4)


@pytest.fixture
def operator() -> APIClient:
    client = APIClient()
    client.force_authenticate(User.objects.create_user("olga", is_staff=True))
    return client


def usable(shop: Catalogue) -> list[str]:
    return [item.key for item in unflagged(active_items(shop))]


def test_a_flagged_item_leaves_and_comes_back_when_the_flag_is_lifted(shop: Catalogue) -> None:
    assert flag_items("shop", ["item-0001", "item-0002"], "back view", note="seen from behind") == 2
    assert usable(shop) == ["item-0000", "item-0003"]
    assert {flag.note for flag in active_flags(shop)} == {"seen from behind"}
    assert lift_flags("shop", ["item-0001"]) == 1
    assert usable(shop) == ["item-0000", "item-0001", "item-0003"]
    shop.refresh_from_db()
    assert shop.version == 1


def test_flagging_twice_says_that_nothing_changed(shop: Catalogue) -> None:
    assert flag_items("shop", ["item-0001"], "bad box") == 1
    assert flag_items("shop", ["item-0001", "item-0002"], "bad box") == 1
    assert Flag.objects.count() == 2


def test_an_item_with_two_reasons_stays_out_until_both_are_lifted(shop: Catalogue) -> None:
    flag_items("shop", ["item-0001"], "bad box")
    flag_items("shop", ["item-0001"], "close-up")
    lift_flags("shop", ["item-0001"], "bad box")
    assert "item-0001" not in usable(shop)
    lift_flags("shop", ["item-0001"])
    assert "item-0001" in usable(shop)


def test_an_import_does_not_bring_back_what_an_operator_has_lifted(shop: Catalogue) -> None:
    flag_items("shop", ["item-0001"], "back view", source=FlagSource.IMPORT)
    lift_flags("shop", ["item-0001"])
    assert flag_items("shop", ["item-0001"], "back view", source=FlagSource.IMPORT) == 0
    assert "item-0001" in usable(shop)
    assert flag_items("shop", ["item-0001"], "back view") == 1


def test_unknown_words_flag_nothing(shop: Catalogue) -> None:
    with pytest.raises(InvalidInput, match="wrong label, back view"):
        flag_items("shop", ["item-0001"], "ugly")
    with pytest.raises(NotFound, match="no item 'gone'"):
        flag_items("shop", ["item-0001", "gone"], "bad box")
    with pytest.raises(NotFound, match="no catalogue"):
        flag_items("attic", ["item-0001"], "bad box")
    assert not Flag.objects.exists()


def test_flags_are_set_read_and_lifted_over_http(operator: APIClient, shop: Catalogue) -> None:
    words: dict[str, Any] = {"keys": ["item-0001"], "reason": "too generic", "note": "a logo"}
    assert operator.post(FLAGS, words).json() == {"changed": 1}
    [flag] = operator.get(FLAGS).json()
    assert (flag["key"], flag["reason"], flag["note"], flag["raised_by"]) == (
        "item-0001",
        "too generic",
        "a logo",
        "operator",
    )
    assert operator.delete(FLAGS, {"keys": ["item-0001"]}).json() == {"changed": 1}
    assert operator.get(FLAGS).json() == []
    assert [flag["state"] for flag in operator.get(FLAGS, {"state": "lifted"}).json()] == ["lifted"]


@pytest.mark.parametrize("words", [{}, {"keys": [], "reason": "other"}, {"keys": ["item-0001"], "reason": "ugly"}])
def test_calls_that_cannot_be_meant_are_refused(operator: APIClient, shop: Catalogue, words: dict[str, Any]) -> None:
    assert operator.post(FLAGS, words).status_code == 400


def test_visitors_may_not_flag(client: Client, shop: Catalogue) -> None:
    assert client.get(FLAGS).status_code == 401
    assert client.post(FLAGS, {"keys": ["item-0001"], "reason": "other"}).status_code == 401


def test_the_admin_sets_confirms_and_lifts_flags(client: Client, shop: Catalogue) -> None:
    client.force_login(User.objects.create_superuser("olga", password="secret"))
    item = Item.objects.get(key="item-0001")
    words = {"item": item.pk, "reason": "other", "note": "", "state": "active"}
    assert client.post("/admin/catalog/flag/add/", words).status_code == 302
    flag = Flag.objects.get()
    assert flag.settled_at is not None
    client.post("/admin/catalog/flag/", {"action": "lift", "_selected_action": [flag.pk]})
    assert "item-0001" in usable(shop)
    client.post("/admin/catalog/flag/", {"action": "confirm", "_selected_action": [flag.pk]})
    assert "item-0001" not in usable(shop)
    assert client.post(f"/admin/catalog/flag/{flag.pk}/delete/", {"post": "yes"}).status_code == 403
