"""What is shown beside an item: one of each other product, without a photo and without an encoder."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from evalapp.catalog.services.items import remove_items
from evalapp.search.models import SearchIndex
from tests.search.shop import HUES, ServiceHere

pytestmark = [pytest.mark.django_db, pytest.mark.database]

SIMILAR = "/api/v1/catalogues/shop/items/red-dress/similar/"


def ask(**words: Any) -> Any:
    return APIClient().get(SIMILAR, words)


@pytest.mark.parametrize("up", [True, False])
def test_one_of_each_other_product(service: ServiceHere, up: bool) -> None:
    service.is_up = up
    answer = ask().json()
    assert sorted(one["product"] for one in answer["items"]) == sorted(set(HUES) - {"red"})
    assert answer["by"] == ("vectors" if up else "attributes")


def test_diversity_keeps_the_nearest_first(service: ServiceHere) -> None:
    near, diverse = (ask(n=3, diverse=wish).json()["items"] for wish in (0, 0.9))
    assert near[0]["key"] == diverse[0]["key"]
    assert [one["key"] for one in near] != [one["key"] for one in diverse]


def test_it_is_asked_again_only_after_a_change(service: ServiceHere) -> None:
    tag = ask()["ETag"]
    asked = service.asked
    assert APIClient().get(SIMILAR, headers={"If-None-Match": tag}).status_code == 304
    assert service.asked == asked
    remove_items("shop", ["pink-dress"])
    assert APIClient().get(SIMILAR, headers={"If-None-Match": tag}).status_code == 200


def test_what_is_not_there_is_not_found(service: ServiceHere) -> None:
    assert APIClient().get("/api/v1/catalogues/shop/items/nothing/similar/").status_code == 404
    assert APIClient().get("/api/v1/catalogues/attic/items/red-dress/similar/").status_code == 404
    SearchIndex.objects.update(is_public=False)
    assert ask().status_code == 404
