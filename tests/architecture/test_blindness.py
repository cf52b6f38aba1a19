"""Nothing that a voter receives tells who proposed a pair, how near it is, or what it shows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from evalapp.catalog.models import Item, Picture
from evalapp.studies.models import Contender, Study
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

DECK, VOTES, UNDO, PLAY = "/api/v1/studies/match/deck/", "/api/v1/votes/", "/api/v1/votes/undo/", "/play/match/"
PICTURE = ("image", "srcset", "jpeg", "width", "height", "alt")
KNOWN_WORDS = {
    "deck": {"exposures", "exhausted", "token", "query", "candidate", *PICTURE},
    "votes": {"results", "token", "status", "verdict", "message"},
    "undo": {"exposures", "token", "query", "candidate", *PICTURE, "verdict"},
}
METRIC_WORDS = re.compile(
    r"\b(l1|l2|cosine|hamming|euclid\w*|distance|rank|metric|contender|embedding|encoder|propensity|slot|nominat\w*"
    r"|gold)\b",
    re.IGNORECASE,
)


_LONG = re.compile(r"[\w-]{20,}")
"""Tokens, nonces and names of pictures: random letters, in which any short word may occur."""


@pytest.fixture
def study() -> Study:
    """Under names that cannot occur by chance, and with a private board: a public one is linked and named."""
    study = cast.open_study(board="private")
    for contender in Contender.objects.filter(study=study):
        contender.name = f"zebra{contender.pk}.quagga:{contender.metric or 'random'}"
        contender.save()
    model = cast.network()
    model.name, model.source = "zebra", "okapi"
    model.save()
    for item in Item.objects.all():
        item.key, item.path = f"wildebeest-{item.pk}", f"hartebeest/wildebeest-{item.pk}.jpg"
        item.category, item.product, item.domain = "springbok", f"nyala-{item.pk}", "gemsbok"
        item.attributes = {"colour": "tapir"}
        item.picture.file = f"addax/{item.pk}.jpg"
        item.picture.save()
        item.save()
    return study


SECRET = re.compile(
    "zebra|quagga|okapi|wildebeest|hartebeest|springbok|nyala|gemsbok|tapir|addax|wardrobe", re.IGNORECASE
)


def post(browser: Client, address: str, body: object) -> HttpResponse:
    answer = browser.post(address, body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    return answer


def everything_a_voter_receives() -> Iterator[tuple[str, HttpResponse]]:
    """A whole visit, every kind of answer included."""
    browser = Client()
    yield "play", browser.get(PLAY)
    while (deck := post(browser, DECK, {"n": 3})).json()["exposures"]:
        yield "deck", deck
        ballots: list[Any] = [
            {"token": shown["token"], "verdict": verdict}
            for shown, verdict in zip(deck.json()["exposures"], ("dope", "skip", "report"), strict=False)
        ]
        yield "votes", post(browser, VOTES, {"votes": [*ballots, *ballots, {"token": "forged", "verdict": "dope"}, {}]})
        yield "undo", post(browser, UNDO, {"n": 1})
    yield "deck", deck
    Study.objects.update(state="closed")
    yield "play", browser.get(PLAY)


def words_of(value: Any) -> set[str]:
    """All names in a JSON document."""
    if isinstance(value, dict):
        return set(value) | {word for inner in value.values() for word in words_of(inner)}
    return {word for inner in value for word in words_of(inner)} if isinstance(value, list) else set()


def test_no_body_and_no_header_holds_a_name_or_a_label(study: Study) -> None:
    visited = set()
    for kind, answer in everything_a_voter_receives():
        visited.add(kind)
        received = answer.content.decode() + json.dumps(dict(answer.headers)) + answer.cookies.output()
        assert not SECRET.search(received), kind
        assert not METRIC_WORDS.search(_LONG.sub("", received)), kind
    assert visited == {"play", "deck", "votes", "undo"}


def test_answers_consist_of_known_words_only(study: Study) -> None:
    """A field that somebody adds has to be thought about here."""
    for kind, answer in everything_a_voter_receives():
        if kind in KNOWN_WORDS:
            assert words_of(answer.json()) <= KNOWN_WORDS[kind]


def test_no_answer_holds_a_number_but_the_size_of_pictures(study: Study) -> None:
    """Row numbers grow with the order of rows, which is the order in which contenders were computed."""
    for kind, answer in everything_a_voter_receives():
        if kind != "play":
            numbers = re.findall(r"(?<=[:\[,])\s*-?\d[\d.e+-]*(?=[,\]}])", answer.content.decode())
            assert {int(number) for number in numbers} <= {96, 128}


def test_tokens_are_random_and_tell_no_order(study: Study) -> None:
    shown = cast.deck(Client(), study, 16)
    tokens = [one["token"].split(":")[0] for one in shown]
    assert all(re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{19}", token) for token in tokens)
    assert sorted(tokens) != tokens


def test_pictures_are_named_by_nothing_but_chance(study: Study) -> None:
    for shown in cast.deck(Client(), study, 16):
        for side in ("query", "candidate"):
            name = re.fullmatch(r"/pictures/([\w-]{48})\.webp", shown[side]["image"])[1]  # type: ignore[index]
            assert shown[side]["srcset"] == f"/pictures/{name}.webp 1x, /pictures/{name}@2x.webp 2x"
            assert shown[side]["jpeg"] == f"/pictures/{name}.jpg"


def test_no_picture_has_the_same_address_twice_save_for_the_same_exposure(study: Study) -> None:
    """The treated picture of a known answer is shown with one query only, and never as a query."""
    seen: list[str] = []
    for _ in range(3):
        voter = cast.ada()
        browser = cast.browser_of(voter)
        shown = cast.deck(browser, study, 16)
        seen += [one[side]["image"] for one in shown for side in ("query", "candidate")]
        cast.let_leases_run_out(voter)
        again = cast.deck(browser, study, 16)
        assert {one["token"]: one for one in again} == {one["token"]: one for one in shown}
    assert len(set(seen)) == len(seen) == 96
    pictures = {cast.picture_at(address) for address in seen}
    assert pictures <= set(Picture.objects.values_list("public_id", flat=True))
    assert len(pictures) < 20


def test_the_words_for_a_picture_are_the_same_for_every_pair(study: Study) -> None:
    shown = cast.deck(Client(), study, 16)
    assert {(one["query"]["alt"], one["candidate"]["alt"]) for one in shown} == {("First picture", "Second picture")}


def test_decks_of_all_contenders_look_alike(study: Study) -> None:
    """Every exposure has the same shape and the same length, whoever nominated the pair."""
    shapes = {re.sub(r"[\w-]{20,}", "x", json.dumps(one)) for one in cast.deck(Client(), study, 16)}
    assert len(shapes) == 1


@pytest.mark.parametrize("mode", ["two", "grid"])
def test_groups_tell_as_little(study: Study, mode: str) -> None:
    Study.objects.update(mode=mode, random_sides=True)
    browser = Client()
    known = {"exposures", "exhausted", "groups", "group", "query", "candidates", "token", *PICTURE}
    while (deck := post(browser, DECK, {"n": 3})).json()["groups"]:
        assert words_of(deck.json()) <= known
        assert not SECRET.search(deck.content.decode())
        assert not METRIC_WORDS.search(_LONG.sub("", deck.content.decode()))
        ballots = [
            {"token": one["token"], "verdict": "dope"} for group in deck.json()["groups"] for one in group["candidates"]
        ]
        post(browser, VOTES, {"votes": ballots})
        undone = post(browser, UNDO, {"n": 1})
        assert words_of(undone.json()) <= known | {"verdict"}
        post(browser, VOTES, {"votes": [{**ballot, "client_id": "again"} for ballot in ballots]})
    for page in ("/privacy/", PLAY):
        assert not SECRET.search(browser.get(page).content.decode())
