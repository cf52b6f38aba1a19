"""The review queue by form; its keys are tried in a real browser."""

from __future__ import annotations

import pytest
from django.test import Client

from evalapp.catalog.models import Catalogue, Flag, Triplet
from evalapp.catalog.triplets import counts
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

REVIEW = "/lab/catalogues/shop/review/"


@pytest.fixture
def shop() -> Catalogue:
    return cast.wardrobe("shop", items=16)


def test_triplets_are_proposed_shown_and_decided(admin_client: Client, shop: Catalogue) -> None:
    assert "Nothing waits here" in admin_client.get(REVIEW).content.decode()
    admin_client.post(f"{REVIEW}propose/")
    assert counts(shop)["proposed"] == 16
    first, second = Triplet.objects.order_by("pk")[:2]
    page = admin_client.get(REVIEW).content.decode()
    assert f'name="triplet" value="{first.pk}"' in page
    assert first.negative.picture.public_id in page
    admin_client.post(f"{REVIEW}decide/", {"triplet": first.pk, "state": "accepted"})
    assert f'name="triplet" value="{second.pk}"' in admin_client.get(REVIEW).content.decode()
    admin_client.post(f"{REVIEW}decide/", {"triplet": first.pk, "state": "proposed"})
    assert counts(shop)["accepted"] == 0


def test_a_misleading_picture_is_flagged_from_the_queue(admin_client: Client, shop: Catalogue) -> None:
    admin_client.post(f"{REVIEW}propose/")
    first = Triplet.objects.order_by("pk")[0]
    admin_client.post(f"{REVIEW}decide/", {"triplet": first.pk, "flag": "positive", "reason": "back view"})
    assert Flag.objects.get().item == first.positive


@pytest.mark.parametrize("words", [{}, {"triplet": "x"}, {"triplet": "999999", "state": "accepted"}])
def test_calls_that_cannot_be_meant_are_told(admin_client: Client, shop: Catalogue, words: dict[str, str]) -> None:
    answer = admin_client.post(f"{REVIEW}decide/", words, follow=True)
    assert "no triplet" in answer.content.decode()
