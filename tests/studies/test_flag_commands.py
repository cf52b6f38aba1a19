"""Pictures and pairs are kept out and let in by command as on the pages."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from evalapp.catalog.models import Item
from evalapp.catalog.queries import active_flags
from evalapp.studies.services.pair_flags import flagged_pairs
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_pictures_are_flagged_lifted_and_removed() -> None:
    shop = cast.wardrobe("shop")
    call_command("flag", "shop", "item-0001", "item-0002", reason="back view")
    assert active_flags(shop).count() == 2
    call_command("flag", "shop", "item-0001", lift=True)
    assert active_flags(shop).count() == 1
    call_command("flag", "shop", "item-0003", remove=True)
    assert Item.objects.filter(catalogue=shop, removed=False).count() == 15


def test_pairs_are_taken_out_and_put_back(capsys: pytest.CaptureFixture[str]) -> None:
    study = cast.ready_study()
    pair = study.pairs.order_by("pk")[0].pk
    call_command("flag_pairs", "match", pair, reason="close-up")
    assert flagged_pairs(study) == {pair}
    assert str(pair) in capsys.readouterr().out
    call_command("flag_pairs", "match", pair, lift=True)
    assert flagged_pairs(study) == set()
