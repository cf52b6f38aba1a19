"""Whatever changes in whatever order, and whether or not the service has heard of it: nothing is shown that is gone.

`make search-crashes` takes 10,000 steps.
"""

from __future__ import annotations

import os
import random

import pytest

from evalapp.catalog.services.item_flags import flag_items, lift_flags
from evalapp.catalog.services.items import remove_items, upsert_items
from evalapp.search.domain.lookup_params import LookupParams
from evalapp.search.models import SearchIndex
from evalapp.search.queries.gallery import gallery_items
from evalapp.search.queries.lookups import look_up
from tests.search.shop import HUES, ServiceHere, draft, photo

pytestmark = [pytest.mark.django_db, pytest.mark.database]

SEEDS = (1, 2)
STEPS = int(os.environ.get("DON_GHOSTS", "300")) // len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_ghost_in_random_orders_of_changes_looks_and_questions(
    service: ServiceHere, index: SearchIndex, seed: int
) -> None:
    chance = random.Random(seed)
    keys = list(index.catalogue.items.values_list("key", flat=True))
    photos = [photo(hue) for hue in HUES.values()]
    for _ in range(STEPS):
        key = chance.choice(keys)
        act = chance.choice(["remove", "bring", "flag", "lift", "look", "ask", "ask", "ask"])
        if act == "remove":
            remove_items("shop", [key])
        elif act == "bring":
            category = chance.choice(["dress", "shirt", "hat"])
            upsert_items("shop", [draft(key, photo(chance.randrange(360)), category=category, product=key[:4])])
        elif act == "flag":
            flag_items("shop", [key], "bad box")
        elif act == "lift":
            lift_flags("shop", [key])
        elif act == "look":
            service.served.look_at_rows()
        else:
            _ask(index, chance.choice(photos), chance.choice([{}, {"category": ["dress"]}]))
    # Once it has heard of everything, everything that is there is found, and nothing else.
    service.served.look_at_rows()
    shown = set(gallery_items(index).values_list("pk", flat=True))
    served = service.served._served["shop"]
    assert set(served.snapshot.ids[served.snapshot.live].tolist()) == shown
    found = look_up(index, LookupParams(index="shop", kind="photo", k=50), photos[0])
    assert {answer.item.pk for answer in found.answers} == shown


def _ask(index: SearchIndex, data: bytes, filters: dict[str, list[str]]) -> None:
    found = look_up(index, LookupParams(index="shop", kind="photo", k=50, filters=filters), data)
    shown = gallery_items(index)
    if filters:
        shown = shown.filter(category__in=filters["category"])
    assert {answer.item.pk for answer in found.answers} <= set(shown.values_list("pk", flat=True))
