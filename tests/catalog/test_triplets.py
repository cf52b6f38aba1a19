"""Triplets are proposed from labels, decided by people, and read by training."""

from __future__ import annotations

import pytest

from evalapp.catalog.models import Catalogue, Item, Triplet
from evalapp.catalog.services.item_flags import flag_items
from evalapp.catalog.services.triplets import (
    decide_triplet,
    next_triplet,
    propose_from_labels,
    triplet_counts,
    triplet_decisions,
)
from evalapp.core.domain.errors import Conflict, InvalidInput, NotFound
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def shop() -> Catalogue:
    return cast.wardrobe("shop", items=16)


def test_labels_claim_the_same_product_across_domains_against_the_same_category(shop: Catalogue) -> None:
    assert propose_from_labels(shop, 16) == 16
    for triplet in Triplet.objects.select_related("anchor", "positive", "negative"):
        assert triplet.anchor.product == triplet.positive.product
        assert triplet.anchor.domain != triplet.positive.domain
        assert triplet.negative.product != triplet.anchor.product
        assert triplet.negative.category == triplet.anchor.category
        assert triplet.negative.domain == triplet.positive.domain


def test_without_products_the_category_decides(shop: Catalogue) -> None:
    Item.objects.update(product="")
    propose_from_labels(shop, 8)
    for triplet in Triplet.objects.select_related("anchor", "positive", "negative"):
        assert triplet.anchor.category == triplet.positive.category != triplet.negative.category
        assert triplet.anchor_id != triplet.positive_id


def test_the_same_seed_claims_the_same_and_nothing_twice(shop: Catalogue) -> None:
    assert propose_from_labels(shop, 8, seed=1) == 8
    assert propose_from_labels(shop, 8, seed=1) == 0
    assert propose_from_labels(shop, 8, seed=2) > 0


@pytest.mark.parametrize("labels", [{"product": "", "category": ""}, {"product": "", "category": "dress"}])
def test_labels_that_claim_nothing_are_told(shop: Catalogue, labels: dict[str, str]) -> None:
    Item.objects.update(**labels)
    with pytest.raises(InvalidInput, match="name no triplet"):
        propose_from_labels(shop, 8)


def test_a_person_decides_and_may_change_their_mind(shop: Catalogue) -> None:
    propose_from_labels(shop, 3)
    first = next_triplet(shop)
    assert first is not None
    decide_triplet(shop, first.pk, "accepted")
    second = next_triplet(shop)
    assert second is not None
    assert second.pk != first.pk
    decide_triplet(shop, second.pk, "rejected")
    found = triplet_decisions(shop)
    assert found.accepted == [(first.anchor_id, first.positive_id, first.negative_id)]
    assert found.rejected == [(second.anchor_id, second.positive_id, second.negative_id)]
    decide_triplet(shop, first.pk, "proposed")
    assert next_triplet(shop) == first
    assert triplet_counts(shop) == {"proposed": 2, "accepted": 0, "rejected": 1}


def test_reviewers_go_round_the_queue_from_places_of_their_own(shop: Catalogue) -> None:
    propose_from_labels(shop, 16)
    everything = list(Triplet.objects.order_by("pk").values_list("pk", flat=True))
    begun = {name: next_triplet(shop, name) for name in ("anna", "berta", "carla", "dora")}
    assert len({triplet and triplet.pk for triplet in begun.values()}) > 2
    seen = []
    while (triplet := next_triplet(shop, "berta")) is not None:
        seen.append(triplet.pk)
        decide_triplet(shop, triplet.pk, "accepted", by="berta")
    at = everything.index(seen[0])
    assert seen == everything[at:] + everything[:at]


def test_nobody_writes_over_what_somebody_else_decided(shop: Catalogue) -> None:
    propose_from_labels(shop, 1)
    [triplet] = Triplet.objects.all()
    decide_triplet(shop, triplet.pk, "accepted", by="anna")
    for state in ("rejected", "proposed", "accepted"):
        with pytest.raises(Conflict, match="anna has accepted"):
            decide_triplet(shop, triplet.pk, state, by="berta")
    assert decide_triplet(shop, triplet.pk, "rejected", by="anna").decided_by == "anna"
    assert decide_triplet(shop, triplet.pk, "proposed", by="anna").decided_by == ""
    assert decide_triplet(shop, triplet.pk, "rejected", by="berta").decided_by == "berta"


def test_triplets_with_a_flagged_picture_are_neither_shown_nor_learned_from(shop: Catalogue) -> None:
    propose_from_labels(shop, 2)
    first = next_triplet(shop)
    assert first is not None
    decide_triplet(shop, first.pk, "accepted")
    flag_items("shop", [first.negative.key], "wrong label")
    assert triplet_decisions(shop).accepted == []
    decide_triplet(shop, first.pk, "proposed")
    shown = next_triplet(shop)
    assert shown is None or first.negative_id not in (shown.anchor_id, shown.positive_id, shown.negative_id)


def test_flagged_items_are_not_proposed(shop: Catalogue) -> None:
    flag_items("shop", ["item-0000", "item-0001"], "back view")
    propose_from_labels(shop, 16)
    gone = set(Item.objects.filter(key__in=["item-0000", "item-0001"]).values_list("pk", flat=True))
    used = {pk for row in Triplet.objects.values_list("anchor", "positive", "negative") for pk in row}
    assert not gone & used


def test_unknown_words_decide_nothing(shop: Catalogue) -> None:
    propose_from_labels(shop, 1)
    [triplet] = Triplet.objects.all()
    with pytest.raises(InvalidInput, match="no decision"):
        decide_triplet(shop, triplet.pk, "maybe")
    with pytest.raises(NotFound, match="no triplet"):
        decide_triplet(cast.wardrobe("other", items=4), triplet.pk, "accepted")
    with pytest.raises(InvalidInput, match="between 1 and 10,000"):
        propose_from_labels(shop, 0)
