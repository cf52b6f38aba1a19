"""Public sets in their true format, imported and scored by their own protocol."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from evalapp.catalog.models import Item
from tests.catalog.importers import published

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def scored(catalogue: str, protocol: str) -> dict[str, Any]:
    call_command("register_model", "colour-histogram", name="colours", stdout=StringIO())
    out = StringIO()
    call_command("evaluate_protocol", catalogue, protocol=protocol, contenders=["colours:l1"], json=True, stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())["contenders"][0]
    return found


def test_street_to_shop_as_it_was_published(tmp_path: Path) -> None:
    call_command("import_catalogue", "s2s", str(published.street2shop(tmp_path)), format="street2shop")
    found = scored("s2s", "street2shop")
    assert (found["queries"], found["left_out"]) == (1, 0)
    assert found["scores"]["product_recall_at_20"]["value"] == 1.0
    assert list(found["categories"]) == [Item.objects.get(domain="street", split="test").category]


def test_in_shop_counts_flagged_pictures_too(tmp_path: Path) -> None:
    source = published.inshop(tmp_path)
    call_command("import_catalogue", "inshop", str(source), format="inshop", flag_misleading=True)
    asked = Item.objects.filter(split="query").count()
    found = scored("inshop", "inshop")
    assert found["queries"] + found["left_out"] == asked
    assert found["gallery"] == Item.objects.filter(split="gallery").count()
    assert set(found["scores"]) == {"recall_at_1", "recall_at_10", "recall_at_20", "recall_at_30"}


def test_online_products_with_one_picture_of_its_product_has_nothing_to_find(tmp_path: Path) -> None:
    call_command("import_catalogue", "sop", str(published.sop(tmp_path)), format="sop")
    found = scored("sop", "sop")
    assert (found["queries"], found["gallery"], found["left_out"]) == (0, 1, 1)
    assert found["scores"]["recall_at_1"]["value"] is None


def test_a_set_without_its_test_part_is_refused_in_words(tmp_path: Path) -> None:
    call_command("import_catalogue", "c2s", str(published.consumer2shop(tmp_path)), format="consumer2shop")
    with pytest.raises(CommandError, match=r"consumer2shop has 0 pictures that ask.*consumer/val"):
        scored("c2s", "consumer2shop")
