"""Changes of catalogues, one batch at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import DataError, connection

from evalapp.catalog.domain.originals import Original
from evalapp.catalog.models import Catalogue, Item, Picture
from evalapp.catalog.queries import (
    active_items,
    catalogue_named,
    catalogues_with_counts,
    category_counts,
    items_after,
    showable,
)
from evalapp.catalog.services.items import Change, ItemDraft, check_texts, remove_items, upsert_items
from evalapp.core.domain.errors import InvalidInput, NotFound

pytestmark = [pytest.mark.django_db, pytest.mark.database]

RED = Original("a" * 64, 30, 40, 1000)
BLUE = Original("b" * 64, 50, 60, 2000)
DRESS = ItemDraft("dress", "img/dress.jpg", RED, "dress", "p1", "shop", "train", (1, 2, 3, 4), {"colour": "red"})
HAT = ItemDraft("hat", "img/hat.jpg", BLUE)


def test_new_items_are_written_as_they_are_drafted() -> None:
    assert upsert_items("shop", [DRESS, HAT], name="The shop") == Change(version=1, new=2)
    item = Item.objects.select_related("picture", "catalogue").get(key="dress")
    assert (item.path, item.category, item.product, item.domain, item.split) == (
        "img/dress.jpg",
        "dress",
        "p1",
        "shop",
        "train",
    )
    assert (item.box, item.attributes, item.version, item.removed) == ((1, 2, 3, 4), {"colour": "red"}, 1, False)
    assert (item.picture.sha256, item.picture.width, item.picture.height) == ("a" * 64, 30, 40)
    assert (item.picture.file, item.picture.size) == (f"originals/aa/{'a' * 64}", 1000)
    assert item.catalogue.name == "The shop"
    assert Item.objects.get(key="hat").box is None


@pytest.mark.parametrize(
    "change",
    [
        {"picture": BLUE},
        {"path": "img/other.jpg"},
        {"category": "gown"},
        {"product": "p2"},
        {"domain": "street"},
        {"split": "test"},
        {"box": None},
        {"box": (1, 2, 3, 5)},
        {"attributes": {}},
        {"attributes": {"colour": 'a "quoted" \\ naïve 👗 one'}},
    ],
    ids=str,
)
def test_any_difference_updates_the_item_and_raises_the_version(change: dict[str, Any]) -> None:
    upsert_items("shop", [DRESS, HAT])
    before = Item.objects.get(key="dress").pk
    changed = replace(DRESS, **change)
    assert upsert_items("shop", [changed, HAT]) == Change(version=2, updated=1, unchanged=1)
    item = Item.objects.get(key="dress", removed=False)
    assert (item.pk == before) == ({"picture", "box"} & change.keys() == set())
    assert (item.version, Item.objects.get(key="hat").version) == (2, 1)
    for name, value in change.items():
        assert getattr(item, name) == value if name != "picture" else item.picture.sha256 == value.sha256
    assert upsert_items("shop", [changed, HAT]) == Change(version=2, unchanged=2)


@pytest.mark.parametrize("change", [{"picture": BLUE}, {"box": None}], ids=str)
def test_what_an_item_showed_stays_as_a_row_for_the_studies_that_began_with_it(change: dict[str, Any]) -> None:
    upsert_items("shop", [DRESS])
    before = Item.objects.get()
    upsert_items("shop", [replace(DRESS, **change)])

    old = Item.objects.select_related("picture").get(pk=before.pk)
    assert (old.picture.sha256, old.box, old.removed, old.replaced) == (RED.sha256, DRESS.box, True, True)
    assert Item.objects.filter(showable()).count() == 2
    assert [item.pk for item in active_items(catalogue_named("shop"))] != [before.pk]


def test_removing_an_item_withdraws_what_it_showed_before_too_and_its_return_only_what_it_shows() -> None:
    upsert_items("shop", [DRESS])
    upsert_items("shop", [replace(DRESS, picture=BLUE)])
    assert remove_items("shop", ["dress"]) == 1
    assert not Item.objects.filter(showable()).exists()

    assert upsert_items("shop", [replace(DRESS, picture=BLUE)]) == Change(version=4, updated=1)
    assert [item.picture.sha256 for item in Item.objects.filter(showable())] == [BLUE.sha256]
    assert Item.objects.count() == 2


def test_a_removed_item_that_comes_back_with_another_picture_is_another_row() -> None:
    upsert_items("shop", [DRESS])
    remove_items("shop", ["dress"])
    assert upsert_items("shop", [replace(DRESS, picture=BLUE)]) == Change(version=3, updated=1)
    assert Item.objects.filter(showable()).get().picture.sha256 == BLUE.sha256


def test_the_same_key_in_another_catalogue_is_another_item() -> None:
    upsert_items("shop", [DRESS])
    upsert_items("other", [replace(DRESS, category="gown")])
    assert set(Item.objects.values_list("catalogue__slug", "category")) == {("shop", "dress"), ("other", "gown")}
    assert Picture.objects.count() == 1


def test_a_removed_item_stays_as_a_row_and_comes_back_with_the_next_import() -> None:
    upsert_items("shop", [DRESS, HAT])
    shop = catalogue_named("shop")
    assert remove_items("shop", ["dress", "never there"]) == 1
    assert [item.key for item in active_items(shop)] == ["hat"]
    assert Item.objects.get(key="dress").version == catalogue_named("shop").version == 2
    assert remove_items("shop", ["dress"]) == 0
    assert catalogue_named("shop").version == 2
    assert upsert_items("shop", [DRESS]) == Change(version=3, updated=1)
    assert [item.key for item in active_items(shop)] == ["dress", "hat"]


def test_a_name_changes_no_version() -> None:
    upsert_items("shop", [HAT])
    upsert_items("shop", [HAT], name="New name")
    shop = Catalogue.objects.get()
    assert (shop.name, shop.version) == ("New name", 1)


def test_a_batch_that_fails_leaves_nothing() -> None:
    with pytest.raises(DataError, match="not a number"):
        upsert_items("shop", [DRESS, replace(HAT, box=("not a number", 1, 2, 3))])
    assert not Catalogue.objects.exists()
    assert not Picture.objects.exists()


def test_a_text_too_long_is_told_with_its_field() -> None:
    check_texts(replace(DRESS, key="k" * 500))
    with pytest.raises(InvalidInput, match="key is longer than 500") as refused:
        check_texts(replace(DRESS, key="k" * 501))
    assert list(refused.value.fields) == ["key"]


def test_names_that_cannot_stand_in_an_address_are_refused() -> None:
    with pytest.raises(InvalidInput, match="small letters"):
        upsert_items("../shop", [DRESS])


def test_what_is_not_there_is_said_to_be_not_there() -> None:
    with pytest.raises(NotFound, match="no catalogue 'shop'"):
        remove_items("shop", ["dress"])
    with pytest.raises(NotFound, match="no catalogue 'shop'"):
        catalogue_named("shop")


def test_items_are_counted_by_category_without_the_removed_ones() -> None:
    upsert_items("shop", [DRESS, HAT, replace(HAT, key="cap"), replace(DRESS, key="gown")])
    remove_items("shop", ["gown"])
    shop = catalogue_named("shop")
    assert [(count.category, count.items) for count in category_counts(shop)] == [("", 2), ("dress", 1)]
    assert catalogues_with_counts().get().active == 3


def test_pages_of_items_meet_without_gap_or_overlap() -> None:
    upsert_items("shop", [replace(HAT, key=f"{number}") for number in range(7)])
    remove_items("shop", ["3"])
    shop, found, after = catalogue_named("shop"), list[str](), ""
    while page := items_after(shop, after, 2):
        found += [item.key for item in page]
        after = found[-1]
    assert found == ["0", "1", "2", "4", "5", "6"]


@pytest.mark.parametrize("joins", ["nestloop", "mergejoin", "hashjoin"])
def test_items_are_numbered_in_the_order_in_which_they_came(joins: str) -> None:
    """However the database joins the rows: samples, pairs and pages go by these numbers."""
    drafts = [ItemDraft(f"item-{(7 * number) % 50:02d}", "x.png", (BLUE, RED)[number % 2]) for number in range(50)]
    with connection.cursor() as cursor:
        for kind in {"nestloop", "mergejoin", "hashjoin"} - {joins}:
            cursor.execute(f"SET LOCAL enable_{kind} = off")
    upsert_items("shop", drafts)
    assert list(Item.objects.order_by("pk").values_list("key", flat=True)) == [draft.key for draft in drafts]
