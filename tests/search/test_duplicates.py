"""Pairs of duplicates: proposed by a scan, decided by a person, and never asked about again."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image
from rest_framework.test import APIClient

from evalapp.catalog.models import Catalogue, Flag, Item
from evalapp.catalog.services.items import upsert_items
from evalapp.contenders.services.registration import register_model
from evalapp.core.domain.errors import Conflict, InvalidInput, NotFound
from evalapp.core.models import Job
from evalapp.core.pipeline.chunk_work import work_on
from evalapp.search.models import DuplicatePair, DuplicateScan
from evalapp.search.queries.duplicates import level_counts, next_pair
from evalapp.search.services.duplicates import ProposedPair, decide_pair, propose_pairs, request_scan
from evalapp.search.services.search_indexes import IndexPlan, create_index, request_build
from tests.search.shop import draft, photo

pytestmark = [pytest.mark.django_db, pytest.mark.database]

ADDRESS = "/api/v1/catalogues/attic/duplicates/"


@pytest.fixture
def attic() -> Catalogue:
    """Two files that are the same, and one that is another."""
    upsert_items("attic", [draft(key, photo(hue)) for key, hue in (("a", 10), ("b", 10), ("c", 200))])
    return Catalogue.objects.get(slug="attic")


def scan(catalogue: Catalogue, level: str = "bytes") -> Job:
    job = request_scan(catalogue, level)
    work_on(job.pk)
    job.refresh_from_db()
    return job


def pairs(level: str = "") -> list[Sequence[str]]:
    rows = DuplicatePair.objects.filter(**({"level": level} if level else {}))
    return list(rows.order_by("first__key", "second__key").values_list("first__key", "second__key", "level", "state"))


def test_the_same_bytes_under_two_keys_are_a_pair(attic: Catalogue) -> None:
    assert scan(attic).state == "done"
    assert pairs() == [("a", "b", "bytes", "proposed")]


@pytest.mark.parametrize("decision", ["same", "different"])
def test_a_decided_pair_never_comes_back(attic: Catalogue, decision: str) -> None:
    scan(attic)
    decide_pair(attic, DuplicatePair.objects.get().pk, decision, who="olga")
    for _ in range(3):
        scan(attic)
    assert pairs() == [("a", "b", "bytes", decision)]
    assert next_pair(attic, "bytes") is None


def test_a_proposal_that_is_not_found_again_goes(attic: Catalogue) -> None:
    scan(attic)
    upsert_items("attic", [draft("b", photo(90))])
    scan(attic)
    assert pairs() == []


def test_the_one_that_is_not_kept_is_flagged_and_comes_back_with_undo(attic: Catalogue) -> None:
    scan(attic)
    pair = DuplicatePair.objects.get().pk
    decide_pair(attic, pair, "same", who="olga", drop="second")
    assert list(Flag.objects.filter(state="active").values_list("item__key", "note")) == [("b", "Double of a")]
    decide_pair(attic, pair, "undo", who="olga")
    assert not Flag.objects.filter(state="active").exists()
    assert pairs() == [("a", "b", "bytes", "proposed")]
    assert Item.objects.filter(removed=False).count() == 3


def test_words_that_are_off_are_told(attic: Catalogue) -> None:
    scan(attic)
    pair = DuplicatePair.objects.get().pk
    with pytest.raises(InvalidInput):
        decide_pair(attic, pair, "perhaps", who="olga")
    with pytest.raises(InvalidInput):
        decide_pair(attic, pair, "different", who="olga", drop="first")
    with pytest.raises(NotFound):
        decide_pair(attic, pair + 1, "same", who="olga")
    with pytest.raises(InvalidInput):
        request_scan(attic, "soul")
    with pytest.raises(Conflict, match="make and build one first"):
        request_scan(attic, "picture")


def printed(seed: int, quality: int = 95, size: int = 96) -> bytes:
    """A picture like no other: a coarse pattern of its own."""
    pattern = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), dtype=np.uint8)
    image = Image.fromarray(pattern).resize((96, 96), Image.Resampling.BICUBIC).resize((size, size))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def test_a_picture_that_was_saved_anew_is_found_and_strangers_are_not(db: None) -> None:
    drafts = [draft(f"print-{number:02d}", printed(number)) for number in range(40)]
    upsert_items("prints", [*drafts, draft("again", printed(7, quality=40, size=64))])
    register_model(source="colour-histogram", name="colours", options={})
    index = create_index(IndexPlan(slug="prints", catalogue="prints", encoder="colours"))
    work_on(request_build(index).pk)
    assert scan(index.catalogue, "picture").state == "done"
    assert pairs() == [("print-07", "again", "picture", "proposed")]
    report = DuplicateScan.objects.get().report
    assert report["copies_found"] > 0.9
    assert report["false_per_thousand"] <= 0.5
    assert report["items"] == 41


def test_pages_of_pairs_cost_as_many_statements_for_many_as_for_few(
    attic: Catalogue, operator: APIClient, django_assert_max_num_queries: object
) -> None:
    ids = list(Item.objects.order_by("pk").values_list("pk", flat=True))
    propose_pairs(attic.pk, [ProposedPair(one, two, "thing", 0.5) for one in ids for two in ids if one < two], 1)
    with django_assert_max_num_queries(3):  # type: ignore[operator]
        page = operator.get(ADDRESS, {"limit": 2}).json()
    assert len(page["pairs"]) == 2
    rest = operator.get(ADDRESS, {"limit": 2, "after": page["after"]}).json()
    assert (len(rest["pairs"]), rest["after"]) == (1, None)


def test_operators_decide_over_http(attic: Catalogue, operator: APIClient) -> None:
    scan(attic)
    (pair,) = operator.get(ADDRESS).json()["pairs"]
    answer = operator.patch(ADDRESS, {"pair": pair["id"], "decision": "same", "drop": "second"}, format="json")
    assert (answer.status_code, answer.json()["state"], answer.json()["decided_by"]) == (200, "same", "olga")
    assert operator.post(ADDRESS, {"level": "bytes"}, format="json").status_code == 202
    assert APIClient().get(ADDRESS).status_code == 401


def test_operators_decide_on_the_page(attic: Catalogue) -> None:
    browser = Client()
    browser.force_login(User.objects.create_superuser("olga"))
    assert "not looked through yet" in browser.get("/lab/duplicates/attic/").content.decode()
    scan(attic)
    assert browser.get("/lab/duplicates/").status_code == 200
    page = browser.get("/lab/duplicates/attic/").content.decode()
    assert "First:  a" in page
    pair = DuplicatePair.objects.get()
    decide = "/lab/duplicates/attic/decide/"
    browser.post(decide, {"pair": pair.pk, "decision": "different", "level": "bytes"})
    assert pairs() == [("a", "b", "bytes", "different")]
    browser.post(decide, {"pair": pair.pk, "decision": "undo", "level": "bytes"})
    browser.post(decide, {"all_bytes": "", "level": "bytes"})
    assert pairs() == [("a", "b", "bytes", "same")]
    assert level_counts(attic)[0].decided == 1
    assert browser.post(decide, {"pair": "9" * 30, "decision": "same"}).status_code == 302
