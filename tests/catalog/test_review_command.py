"""`review_triplets`: several people decide from a command line, each in their own name."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import AbstractUser
from django.core.management import call_command

from evalapp.catalog.models import Catalogue
from evalapp.catalog.services.triplets import decide_triplet, next_triplet, propose_from_labels, triplet_counts
from evalapp.core.management.command_base import Failed, Usage
from evalapp.core.models import Deed
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def shop(django_user_model: type[AbstractUser]) -> Catalogue:
    """A catalogue with sixteen triplets in its queue, and two operators."""
    for name in ("anna", "berta"):
        django_user_model.objects.create_user(name, is_staff=True)
    catalogue = cast.wardrobe("shop", items=16)
    propose_from_labels(catalogue, 16)
    return catalogue


def told(*words: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("review_triplets", "shop", *words, "--json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_the_next_that_waits_is_that_of_the_page(shop: Catalogue) -> None:
    waiting = next_triplet(shop, "berta")
    assert waiting is not None
    found = told("--by", "berta")
    assert found["next"] == {"id": waiting.pk} | {role: item.key for role, item in waiting.pictures}
    assert found["counts"] == {"proposed": 16, "accepted": 0, "rejected": 0}
    assert found["reviewers"] == {}


def test_decisions_bear_names_and_are_told(shop: Catalogue) -> None:
    first, second, third = shop.triplets.order_by("pk")[:3]
    told("--by", "anna", "--accept", str(first.pk), str(second.pk), "--reject", str(third.pk))
    found = told("--decisions", "--after", str(first.pk))
    assert found["counts"] == {"proposed": 13, "accepted": 2, "rejected": 1}
    assert found["reviewers"] == {"anna": 3}
    rows = [(row["id"], row["state"], row["decided_by"]) for row in found["decisions"]]
    assert rows == [(second.pk, "accepted", "anna"), (third.pk, "rejected", "anna")]
    assert found["decisions"][0]["anchor"] == second.anchor.key
    assert found["decisions"][0]["decided_at"]
    assert [row["id"] for row in told("--decisions", "--limit", "1")["decisions"]] == [first.pk]


def test_nobody_writes_over_what_somebody_else_decided(shop: Catalogue) -> None:
    first, second = shop.triplets.order_by("pk")[:2]
    decide_triplet(shop, first.pk, "accepted", by="berta")
    with pytest.raises(Failed, match="berta has accepted"):
        told("--by", "anna", "--reject", str(second.pk), str(first.pk))
    with pytest.raises(Failed, match="berta has accepted"):
        told("--by", "anna", "--take-back", str(first.pk))
    assert triplet_counts(shop) == {"proposed": 15, "accepted": 1, "rejected": 0}


def test_the_last_of_ones_own_is_taken_back(shop: Catalogue) -> None:
    first, second = shop.triplets.order_by("pk")[:2]
    told("--by", "anna", "--accept", str(first.pk))
    told("--by", "berta", "--accept", str(second.pk))
    assert told("--by", "anna", "--take-back")["reviewers"] == {"berta": 1}
    assert triplet_counts(shop)["accepted"] == 1
    with pytest.raises(Usage, match="anna has decided no triplet"):
        told("--by", "anna", "--take-back")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--accept", "1"], "in whose name"),
        (["--by", "anna", "--accept", "1", "--reject", "1"], "named twice"),
        (["--by", "nobody"], "There is no operator nobody"),
        (["--take-back"], "Nobody has decided no triplet"),
    ],
)
def test_calls_that_cannot_be_meant_are_told(shop: Catalogue, words: list[str], message: str) -> None:
    with pytest.raises(Usage, match=message):
        told(*words)
    assert triplet_counts(shop)["proposed"] == 16


def test_a_decision_by_command_is_a_deed(shop: Catalogue) -> None:
    first = shop.triplets.order_by("pk")[0]
    told("--by", "anna", "--accept", str(first.pk))
    deed = Deed.objects.get(what="reviewed")
    assert (deed.target, deed.detail) == (f"triplet {first.pk} of catalogue shop", "accepted")
