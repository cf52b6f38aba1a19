"""Dope or nope on answers: once, as votes where an item asked, and never on a board."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from evalapp.catalog.models import Item
from evalapp.core.models import Deed
from evalapp.leaderboard.queries import _FACTS
from evalapp.search.models import KeptPhoto, Lookup, LookupVerdict, SearchIndex
from evalapp.search.services.kept_photos import forget_photos
from evalapp.search.tasks import tend_indexes
from evalapp.voting.models import Exposure, Vote
from models_registry.pictures import open_rgb
from tests import cast
from tests.catalog.drawing import turned
from tests.search.shop import ServiceHere, photo

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def visitor() -> APIClient:
    client = APIClient()
    client.cookies = cast.browser_of(cast.ada()).cookies
    return client


def search(client: APIClient, **words: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/search/shop/item/", words, format="json")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def search_photo(client: APIClient, data: bytes, **words: Any) -> dict[str, Any]:
    form = {"photo": SimpleUploadedFile("x.jpg", data, "image/jpeg"), **words}
    found: dict[str, Any] = client.post("/api/v1/search/shop/photo/", form, format="multipart").json()
    return found


def say(client: APIClient, found: dict[str, Any], **verdicts: str) -> list[tuple[str, str | None]]:
    """What becomes of verdicts on answers, named by their place: `a0="dope"`."""
    answers = [{"item": found["answers"][int(at[1:])]["key"], "verdict": word} for at, word in verdicts.items()]
    words = {"question": found["question"], "answers": answers}
    told = client.post("/api/v1/search/shop/feedback/", words, format="json")
    assert told.status_code == 200, told.content
    return [(one["status"], one["verdict"]) for one in told.json()["results"]]


def test_a_verdict_on_an_answer_is_a_vote_of_the_kind_search_with_rank_and_propensity(service: ServiceHere) -> None:
    ada = visitor()
    found = search(ada, key="red-dress")
    assert say(ada, found, a0="dope", a3="nope") == [("recorded", "dope"), ("recorded", "nope")]
    votes = Vote.objects.select_related("exposure", "pair__query__item", "pair__candidate").order_by("pk")
    assert [
        (vote.pair.query.item.key, vote.pair.candidate.key, vote.verdict, vote.exposure.kind, vote.exposure.propensity)
        for vote in votes
    ] == [
        ("red-dress", found["answers"][0]["key"], "dope", "search", 1.0),
        ("red-dress", found["answers"][3]["key"], "nope", "search", 1.0),
    ]
    assert [vote.pair.nominations.get().rank for vote in votes] == [1, 4]
    assert [verdict.rank for verdict in LookupVerdict.objects.all()] == [1, 4]


def test_sent_again_it_is_recorded_once_and_the_first_stands(service: ServiceHere) -> None:
    ada = visitor()
    found = search(ada, key="red-dress")
    for verdict in ("dope", "dope", "nope"):
        told = say(ada, found, a0=verdict)
    assert told == [("already_recorded", "dope")]
    assert (Vote.objects.count(), LookupVerdict.objects.count(), Lookup.objects.count()) == (1, 1, 1)


def test_another_search_for_the_same_does_not_count_the_pair_twice(service: ServiceHere) -> None:
    ada = visitor()
    for _ in range(2):
        assert say(ada, search(ada, key="red-dress"), a0="dope") == [("recorded", "dope")]
    assert (Vote.objects.count(), LookupVerdict.objects.count()) == (1, 2)


def test_a_verdict_can_be_taken_back_and_given_anew(service: ServiceHere) -> None:
    ada = visitor()
    found = search(ada, key="red-dress")
    say(ada, found, a0="dope")
    assert say(ada, found, a0="undo") == [("taken_back", None)]
    assert say(ada, found, a0="nope") == [("recorded", "nope")]
    assert list(Vote.objects.order_by("pk").values_list("verdict", "counted", "void_reason")) == [
        ("dope", False, "undone"),
        ("nope", True, ""),
    ]


def test_what_was_not_shown_to_this_voter_is_unknown(service: ServiceHere) -> None:
    ada, bo = visitor(), visitor()
    found = search(ada, key="red-dress")
    say(ada, found, a0="dope")
    assert say(bo, found, a1="dope") == [("unknown", None)]
    forged = {**found, "question": found["question"][:-2] + "xx"}
    assert say(ada, forged, a1="dope") == [("unknown", None)]
    other = {**found, "answers": [{"key": "red-dress"}]}
    assert say(ada, other, a0="dope") == [("unknown", None)]
    assert Vote.objects.count() == 1


def test_boards_read_no_vote_of_a_search() -> None:
    assert "exposure.kind IN ('study', 'control', 'gold')" in _FACTS


def test_nothing_is_kept_of_a_photo_or_of_a_search_that_nobody_answers(service: ServiceHere) -> None:
    ada = visitor()
    files = default_storage.listdir("originals")
    search(ada, key="red-dress")
    found = search_photo(ada, photo(77))
    assert Lookup.objects.count() == 0
    assert say(ada, found, a0="dope") == [("recorded", "dope")]
    assert (Lookup.objects.get().item, Vote.objects.count(), KeptPhoto.objects.count()) == (None, 0, 0)
    assert default_storage.listdir("originals") == files


def test_a_photo_that_may_be_kept_is_kept_without_its_metadata_apart_from_every_gallery(service: ServiceHere) -> None:
    ada = visitor()
    found = search_photo(ada, turned(size=(64, 48)), keep="true", box="2,2,40,60")
    kept = KeptPhoto.objects.select_related("item__picture", "item__catalogue").get()
    assert (kept.item.catalogue.slug, kept.item.domain, kept.item.box) == ("shop-photos", "ugc", (2, 2, 40, 60))
    with default_storage.open(kept.item.picture.file) as file:
        data = file.read()
    assert b"A maker who must not be known" not in data
    assert b"Exif" not in data
    assert open_rgb(data).size == (48, 64)
    service.served.look_at_rows()
    assert kept.item.key not in [one["key"] for one in search_photo(ada, data)["answers"]]
    say(ada, found, a0="dope")
    assert Vote.objects.get().pair.query.item == kept.item
    assert not Deed.objects.filter(target="catalogue shop-photos").exists(), "what visitors do is no operator's deed"


def test_a_kept_photo_goes_when_its_owner_asks_to_be_forgotten(service: ServiceHere) -> None:
    ada = visitor()
    found = search_photo(ada, photo(77), keep="true")
    say(ada, found, a0="dope")
    picture = KeptPhoto.objects.get().item.picture
    browser = Client()
    browser.cookies = ada.cookies
    browser.post("/privacy/forget/")
    tend_indexes()
    assert KeptPhoto.objects.count() == 0
    assert not default_storage.exists(picture.file)
    item = Item.objects.get(catalogue__slug="shop-photos")
    assert (item.removed, item.picture.file) == (True, "")
    assert item.picture.sha256 != picture.sha256
    assert Lookup.objects.get().voter is None
    assert Vote.objects.count() == 1


def test_a_kept_photo_expires(service: ServiceHere) -> None:
    search_photo(visitor(), photo(77), keep="true")
    assert forget_photos() == 0
    KeptPhoto.objects.update(keep_until="2020-01-01T00:00Z")
    assert forget_photos() == 1


def test_the_study_of_an_index_is_never_open(service: ServiceHere, index: SearchIndex) -> None:
    ada = visitor()
    say(ada, search(ada, key="red-dress"), a0="dope")
    index.refresh_from_db()
    assert index.study is not None
    assert Client().get(f"/play/{index.study.slug}/").status_code == 404
    assert Client().get(f"/leaderboard/{index.study.slug}/").status_code == 404
    assert Exposure.objects.get().study == index.study
