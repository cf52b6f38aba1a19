"""What searches show of an item: who may be shown, told twice, and the box of a thing where it has one."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from evalapp.catalog.models import Flag, Item
from evalapp.catalog.services.items import upsert_items
from evalapp.core.pipeline.chunk_work import work_on
from evalapp.search.models import PhotoTag, SearchIndex, TaggedPhoto
from evalapp.search.queries.gallery import gallery_items, shown_items, with_filters
from evalapp.search.services.search_indexes import request_build
from tests.search.shop import HUES, ServiceHere, draft, photo

pytestmark = [pytest.mark.django_db, pytest.mark.database]

FILTERS: list[dict[str, list[str]]] = [
    {},
    {"category": ["dress"]},
    {"product": ["red", "blue"], "category": ["shirt", "hat"]},
    {"attributes.colour": ["red", "green"]},
    {"attributes.neck": ["v"], "split": ["train"]},
    {"attributes.size": ["m"]},
    {"domain": ["street"]},
]


@pytest.fixture
def untidy(index: SearchIndex) -> SearchIndex:
    """The shop with items of all sorts: removed, flagged, once flagged, tagged, of several domains and splits."""
    draws = random.Random(5)
    items = list(Item.objects.order_by("pk"))
    for item in items:
        item.removed = draws.random() < 0.2
        item.domain, item.split = draws.choice(["", "shop", "street"]), draws.choice(["", "train", "test"])
        item.attributes = {} if draws.random() < 0.2 else item.attributes
        item.save()
    Flag.objects.create(item=items[0], reason="broken", state="active")
    Flag.objects.create(item=items[1], reason="broken", state="lifted")
    tagged = TaggedPhoto.objects.create(catalogue=index.catalogue, picture=items[2].picture, name="a", domain="street")
    PhotoTag.objects.create(
        photo=tagged, item=items[2], x1=0, y1=0, x2=9, y2=9, product="red", decision="confirmed", decided_by="olga"
    )
    return index


@pytest.mark.parametrize(("domain", "split"), list(product(["", "shop", "street"], ["", "train"])))
def test_both_tellings_of_the_rule_let_the_same_items_through(untidy: SearchIndex, domain: str, split: str) -> None:
    untidy.gallery_domain, untidy.gallery_split = domain, split
    ids = list(Item.objects.values_list("pk", flat=True))
    for filters in FILTERS:
        rows = with_filters(gallery_items(untidy).filter(pk__in=ids), filters)
        assert set(shown_items(untidy, ids, filters)) == set(rows.values_list("pk", flat=True)), filters
    assert shown_items(untidy, ids[:3]).keys() <= set(ids[:3])


def test_items_of_another_catalogue_are_none_of_it(index: SearchIndex) -> None:
    upsert_items("other", [draft("hat", photo(0))])
    assert shown_items(index, [Item.objects.get(key="hat").pk]) == {}


def test_what_is_told_of_an_item_is_what_its_row_says(index: SearchIndex) -> None:
    items = {item.pk: item for item in Item.objects.select_related("picture", "cutout")}
    for pk, shown in shown_items(index, list(items)).items():
        row = items[pk]
        for name in ("pk", "key", "category", "product", "domain", "split", "attributes"):
            assert getattr(shown, name) == getattr(row, name)
        for name in ("public_id", "width", "height"):
            assert getattr(shown, name) == getattr(row.shown, name)


class TestBoxes:
    """Two things in one picture: whoever searches sees the thing that was found, not the whole picture twice."""

    @pytest.fixture
    def boxed(self, index: SearchIndex, service: ServiceHere) -> dict[str, Item]:
        data = photo(HUES["red"], 45, (90, 60))
        left, right = (
            draft(f"two-{side}", data, category="dress", box=box)
            for side, box in (("left", (0, 0, 40, 60)), ("right", (50, 0, 90, 60)))
        )
        upsert_items("shop", [left, right])
        work_on(request_build(index).pk)
        service.served.look_at_rows()
        index.refresh_from_db()
        return {item.key: item for item in Item.objects.filter(key__startswith="two-").select_related("cutout")}

    def assert_box(self, answers: list[dict[str, Any]], item: Item) -> None:
        (document,) = (one for one in answers if one["key"] == item.key)
        assert item.cutout is not None
        assert item.cutout.public_id in document["image"]
        assert (document["width"], document["height"]) == (40, 60)

    def test_answers_show_the_box(self, boxed: dict[str, Item]) -> None:
        answer = APIClient().post("/api/v1/search/shop/item/", {"key": "two-left"}, format="json").json()
        self.assert_box(answer["answers"], boxed["two-right"])

    def test_recommendations_show_the_box(self, boxed: dict[str, Item]) -> None:
        found = APIClient().get("/api/v1/catalogues/shop/items/two-left/similar/").json()
        self.assert_box(found["items"], boxed["two-right"])

    def test_pages_show_the_box(self, boxed: dict[str, Item], admin_client: Client) -> None:
        page = admin_client.get("/search/shop/", {"item": "two-left"}).content.decode()
        left, right = (boxed[key].cutout for key in ("two-left", "two-right"))
        assert left is not None
        assert right is not None
        assert left.public_id in page
        page = admin_client.get("/lab/search/shop/compare/", {"item": "two-left"}).content.decode()
        assert left.public_id in page
        assert right.public_id in page
