"""The review queue by form; its keys are tried in a real browser."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AbstractUser
from django.test import Client

from evalapp.catalog.models import Catalogue, Flag, Triplet
from evalapp.catalog.services.triplets import next_triplet, propose_from_labels, triplet_counts
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

REVIEW = "/lab/catalogues/shop/review/"


@pytest.fixture
def shop() -> Catalogue:
    return cast.wardrobe("shop", items=16)


def test_triplets_are_proposed_shown_and_decided(admin_client: Client, shop: Catalogue) -> None:
    assert "Nothing waits here" in admin_client.get(REVIEW).content.decode()
    admin_client.post(f"{REVIEW}propose/")
    assert triplet_counts(shop)["proposed"] == 16
    first = next_triplet(shop, "admin")
    assert first is not None
    page = admin_client.get(REVIEW).content.decode()
    assert f'name="triplet" value="{first.pk}"' in page
    assert first.negative.picture.public_id in page
    admin_client.post(f"{REVIEW}decide/", {"triplet": first.pk, "state": "accepted"})
    second = next_triplet(shop, "admin")
    assert second is not None
    assert second != first
    assert f'name="triplet" value="{second.pk}"' in admin_client.get(REVIEW).content.decode()
    admin_client.post(f"{REVIEW}decide/", {"triplet": first.pk, "state": "proposed"})
    assert triplet_counts(shop)["accepted"] == 0


def test_a_misleading_picture_is_flagged_from_the_queue(admin_client: Client, shop: Catalogue) -> None:
    admin_client.post(f"{REVIEW}propose/")
    first = Triplet.objects.order_by("pk")[0]
    admin_client.post(f"{REVIEW}decide/", {"triplet": first.pk, "flag": "positive", "reason": "back view"})
    assert Flag.objects.get().item == first.positive


@pytest.mark.parametrize("words", [{}, {"triplet": "x"}, {"triplet": "999999", "state": "accepted"}])
def test_calls_that_cannot_be_meant_are_told(admin_client: Client, shop: Catalogue, words: dict[str, str]) -> None:
    answer = admin_client.post(f"{REVIEW}decide/", words, follow=True)
    assert "no triplet" in answer.content.decode()


def test_two_people_review_at_once_in_their_own_names(
    admin_client: Client, django_user_model: type[AbstractUser], shop: Catalogue
) -> None:
    """The second has a page of before the first decided: told who was first, and nothing is lost."""
    propose_from_labels(shop, 16)
    other = Client()
    other.force_login(django_user_model.objects.create_user("berta", is_staff=True))
    met = Triplet.objects.order_by("pk")[3]
    admin_client.post(f"{REVIEW}decide/", {"triplet": met.pk, "state": "accepted"})

    answer = other.post(f"{REVIEW}decide/", {"triplet": met.pk, "state": "rejected"}, follow=True)

    assert f"admin has accepted triplet {met.pk} already" in answer.content.decode()
    assert "Take your last one back" not in answer.content.decode()
    met.refresh_from_db()
    assert (met.state, met.decided_by) == ("accepted", "admin")
    own = Triplet.objects.order_by("pk")[7]
    other.post(f"{REVIEW}decide/", {"triplet": own.pk, "state": "rejected"})
    page = other.get(REVIEW).content.decode()
    assert f'name="triplet" value="{own.pk}"><button class="button" name="state" value="proposed"' in page
    assert "Decided by admin 1, berta 1." in page, page[page.index("page__lead") :][:900]
    other.post(f"{REVIEW}decide/", {"triplet": met.pk, "state": "proposed"})
    assert triplet_counts(shop)["accepted"] == 1


def test_what_was_decided_is_read_over_http_with_names(admin_client: Client, shop: Catalogue) -> None:
    propose_from_labels(shop, 16)
    where = "/api/v1/catalogues/shop/triplets/"
    first, second = Triplet.objects.order_by("pk")[:2]
    for triplet, state in ((first, "accepted"), (second, "rejected")):
        words = {"triplet": triplet.pk, "state": state}
        assert admin_client.patch(where, words, content_type="application/json").status_code == 200
    found = admin_client.get(f"{where}decisions/").json()
    assert found["reviewers"] == {"admin": 2}
    assert [(one["id"], one["state"], one["decided_by"]) for one in found["decisions"]] == [
        (first.pk, "accepted", "admin"),
        (second.pk, "rejected", "admin"),
    ]
    assert found["decisions"][0]["anchor"] == first.anchor.key
    assert [one["id"] for one in admin_client.get(f"{where}decisions/?after={first.pk}").json()["decisions"]] == [
        second.pk
    ]
