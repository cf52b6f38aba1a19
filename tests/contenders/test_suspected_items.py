"""A catalogue with planted faults, asked what it may have wrong."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from evalapp.catalog.models import Catalogue, Flag, Item

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def suspects() -> list[dict[str, Any]]:
    out = StringIO()
    call_command("suspected_faults", "cards", encoder="colours:l1", json=True, stdout=out)
    found: list[dict[str, Any]] = json.loads(out.getvalue())["suspects"]
    return found


def test_a_card_under_the_wrong_name_is_told_and_nothing_is_flagged(cards: Catalogue) -> None:
    wrong = Item.objects.filter(catalogue=cards, category="red").order_by("key")[0]
    Item.objects.filter(pk=wrong.pk).update(category="violet")
    found = {one["key"]: one for one in suspects()}
    assert (found[wrong.key]["reason"], found[wrong.key]["told"]) == ("wrong label", "red")
    assert not Flag.objects.exists()


def test_what_looks_like_flagged_cards_is_told_with_their_reason(cards: Catalogue) -> None:
    green = list(Item.objects.filter(catalogue=cards, category="green").order_by("key"))
    Flag.objects.bulk_create([Flag(item=item, reason="close-up") for item in green[1:]])
    assert [(one["key"], one["reason"], one["told"]) for one in suspects() if one["reason"] == "like flagged"] == [
        (green[0].key, "like flagged", "close-up")
    ]
