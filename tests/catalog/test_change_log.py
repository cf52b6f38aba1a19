"""Every change of a row has a number, so that whoever keeps a copy of a catalogue can read on from the last it saw."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from evalapp.catalog.domain.originals import Original
from evalapp.catalog.models import Catalogue, Flag, FlagState, Item
from evalapp.catalog.services.item_flags import flag_items, lift_flags
from evalapp.catalog.services.items import ItemDraft, remove_items, upsert_items

pytestmark = [pytest.mark.django_db, pytest.mark.database]

RED = Original("a" * 64, 30, 40, 1000)
BLUE = Original("b" * 64, 50, 60, 2000)
DRESS = ItemDraft("dress", "dress.jpg", RED, category="dress")
HAT = ItemDraft("hat", "hat.jpg", BLUE)


@pytest.fixture(autouse=True)
def shop() -> Catalogue:
    upsert_items("shop", [DRESS, HAT])
    return Catalogue.objects.get(slug="shop")


def now() -> int:
    return Catalogue.objects.get(slug="shop").last_change


def changed_since(number: int) -> list[tuple[str, bool]]:
    """Key and whether the row is removed, of every row that a reader who knows change `number` has to look at."""
    rows = Item.objects.filter(catalogue__slug="shop", last_change__gt=number).order_by("key", "pk")
    return list(rows.values_list("key", "removed"))


def test_new_rows_bear_the_number_of_their_change() -> None:
    assert now() == 1
    assert changed_since(0) == [("dress", False), ("hat", False)]


def test_what_did_not_change_gets_no_number() -> None:
    upsert_items("shop", [DRESS, HAT])
    assert now() == 1


def test_a_row_that_makes_place_for_another_picture_is_read_again() -> None:
    before = now()
    upsert_items("shop", [ItemDraft("dress", "dress.jpg", BLUE, category="dress")])
    assert changed_since(before) == [("dress", True), ("dress", False)]


def test_a_row_whose_labels_change_is_read_again() -> None:
    before = now()
    upsert_items("shop", [ItemDraft("dress", "dress.jpg", RED, category="gown"), HAT])
    assert changed_since(before) == [("dress", False)]


def test_a_removed_row_is_read_again() -> None:
    before = now()
    remove_items("shop", ["hat"])
    assert changed_since(before) == [("hat", True)]


def test_what_a_removed_key_showed_before_is_read_again_too() -> None:
    upsert_items("shop", [ItemDraft("dress", "dress.jpg", BLUE)])
    before = now()
    remove_items("shop", ["dress"])
    assert changed_since(before) == [("dress", True), ("dress", True)]


def test_flags_are_changes_without_a_new_version() -> None:
    version, before = Catalogue.objects.get(slug="shop").version, now()
    flag_items("shop", ["hat"], "bad box")
    assert changed_since(before) == [("hat", False)]
    before = now()
    flag_items("shop", ["hat"], "bad box")
    assert changed_since(before) == []
    lift_flags("shop", ["hat"])
    assert changed_since(before) == [("hat", False)]
    assert Catalogue.objects.get(slug="shop").version == version


@pytest.mark.parametrize("action", ["confirm", "lift"])
def test_flags_settled_in_the_admin_are_changes(action: str) -> None:
    browser = Client()
    browser.force_login(User.objects.create_superuser("olga"))
    flag_items("shop", ["hat"], "bad box")
    before, flag = now(), Flag.objects.get()
    browser.post("/admin/catalog/flag/", {"action": action, "_selected_action": [flag.pk]})
    flag.refresh_from_db()
    assert flag.state == (FlagState.ACTIVE if action == "confirm" else FlagState.LIFTED)
    assert changed_since(before) == [("hat", False)]


def test_a_flag_that_is_edited_in_the_admin_is_a_change_of_both_items() -> None:
    browser = Client()
    browser.force_login(User.objects.create_superuser("olga"))
    flag_items("shop", ["hat"], "bad box")
    before, flag, dress = now(), Flag.objects.get(), Item.objects.get(key="dress")
    words = {"item": dress.pk, "reason": "bad box", "note": "", "state": "active"}
    assert browser.post(f"/admin/catalog/flag/{flag.pk}/change/", words).status_code == 302
    assert changed_since(before) == [("dress", False), ("hat", False)]
