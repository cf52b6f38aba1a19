"""The known cast: a small wardrobe, a study with overlapping nominations, and three people who swipe.

Ada likes what matches, Bo answers at random, Cleo has seen everything. Pictures are rows without files: what needs
bytes draws its own. Every function makes what it is named after and returns it.
"""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.signing import get_cookie_signer
from django.test import Client
from django.utils import timezone

from evalapp.catalog.domain.exposure_names import public_id_of
from evalapp.catalog.models import Catalogue, Item, Picture
from evalapp.contenders.models import Embedding, EmbeddingModel
from evalapp.leaderboard.services import Board, HeadToHead, board_of, head_to_head, update_sums
from evalapp.studies.models import (
    BoardVisibility,
    Contender,
    Gallery,
    Nomination,
    Pair,
    Query,
    Study,
    StudyState,
)
from evalapp.voting.models import Exposure, Voter
from evalapp.voting.queries import voter_identity
from evalapp.voting.services.deck_serving import serve_deck

FC6, FC7, CONTROL = "net.fc6:l2", "net.fc7:hamming", "control"
CATEGORIES = ("dress", "shirt")

Taste = Callable[[Pair], str]


def wardrobe(slug: str = "wardrobe", items: int = 16) -> Catalogue:
    """A catalogue of `items` pictures: dresses and shirts by turns, two pictures of every product in a row of four."""
    catalogue = Catalogue.objects.create(slug=slug, name=slug.title(), version=1)
    pictures = Picture.objects.bulk_create(
        Picture(
            sha256=hashlib.sha256(f"{slug}/{number}".encode()).hexdigest(),
            file=f"pictures/{slug}-{number}.png",
            width=96,
            height=128,
            size=1000,
        )
        for number in range(items)
    )
    Item.objects.bulk_create(
        Item(
            catalogue=catalogue,
            key=f"item-{number:04d}",
            picture=picture,
            path=f"{CATEGORIES[number % 2]}/item-{number:04d}.png",
            category=CATEGORIES[number % 2],
            product=f"product-{number % 2 + number // 4 * 2}",
            domain="street" if number % 4 < 2 else "shop",
            attributes={"colour": "red" if number % 3 else "blue"},
            version=1,
        )
        for number, picture in enumerate(pictures)
    )
    return catalogue


def network(name: str = "net") -> EmbeddingModel:
    """A registered model; its weights exist on paper only."""
    fingerprint = hashlib.sha256(name.encode()).hexdigest()
    taps = [{"name": "fc6", "dim": 8}, {"name": "fc7", "dim": 8}]
    spec = {"family": "test", "taps": taps, "weights_sha256": fingerprint[::-1]}
    return EmbeddingModel.objects.get_or_create(
        name=name, defaults={"source": "tiny-vgg", "spec": spec, "fingerprint": fingerprint}
    )[0]


def ready_study(slug: str = "match", queries: int = 8, catalogue: Catalogue | None = None) -> Study:
    """A study whose pairs are computed: 8 pairs to show per 4 queries.

    Of every four queries all contenders agree on the first; on the second fc7 and control agree; on the third fc6
    and fc7; on the fourth each has its own. fc6 always puts an item of the query's category first, fc7 and control
    in half of the queries.
    """
    catalogue = catalogue or wardrobe(f"{slug}-wardrobe", max(16, queries))
    items = list(catalogue.items.order_by("key"))
    study = Study.objects.create(
        slug=slug,
        title=slug.title(),
        catalogue=catalogue,
        catalogue_version=catalogue.version,
        seed=7,
        top_k=3,
        # Known answers and repeats come by chance: a test that wants them asks for them.
        gold_share=0.0,
        repeat_share=0.0,
        state=StudyState.READY,
    )
    Gallery.objects.create(study=study, items=[item.pk for item in items])
    contenders = _contenders(study)
    rows = Query.objects.bulk_create(
        Query(study=study, item=items[position], position=position) for position in range(queries)
    )
    for query in rows:
        _nominate(study, query, items, contenders)
    Query.objects.bulk_update(rows, ["slots"])
    return study


def open_study(
    slug: str = "match",
    queries: int = 8,
    board: BoardVisibility = BoardVisibility.PUBLIC,
    catalogue: Catalogue | None = None,
) -> Study:
    """The same, open for votes, with a board for everybody unless told otherwise."""
    study = ready_study(slug, queries, catalogue)
    study.state, study.board, study.opened_at = StudyState.OPEN, board, timezone.now()
    study.save(update_fields=["state", "board", "opened_at"])
    return study


def ada() -> Voter:
    """A voter who likes what matches; see `likes_matches`."""
    return Voter.objects.create()


def bo() -> Voter:
    """A voter who answers at random; see `likes_anything`."""
    return Voter.objects.create()


def cleo(study: Study) -> Voter:
    """A voter who has answered every pair of the study."""
    voter = Voter.objects.create()
    browser = browser_of(voter)
    while play(browser, study, 50, likes_matches):
        pass
    return voter


def likes_matches(pair: Pair) -> str:
    """Ada's taste: dope if the categories are the same."""
    return "dope" if pair.query.item.category == pair.candidate.category else "nope"


def likes_anything(seed: int = 0) -> Taste:
    """Bo's taste: a coin."""
    coin = random.Random(seed)
    return lambda _pair: coin.choice(["dope", "nope"])


def browser_of(voter: Voter | None = None) -> Client:
    """A browser that holds the voter's cookie; without a voter, one that comes for the first time."""
    browser = Client()
    if voter is not None:
        signer = get_cookie_signer(salt=voter_identity.COOKIE + voter_identity._SALT)
        browser.cookies[voter_identity.COOKIE] = signer.sign(voter.pk.hex)
    return browser


def deck(browser: Client, study: Study, n: int = 10) -> list[dict[str, Any]]:
    """The exposures that the API serves."""
    answer = browser.post(f"/api/v1/studies/{study.slug}/deck/", {"n": n}, content_type="application/json")
    assert answer.status_code == 200, answer.content
    exposures: list[dict[str, Any]] = answer.json()["exposures"]
    return exposures


def send(browser: Client, *ballots: dict[str, Any]) -> list[dict[str, Any]]:
    """What the API answers to each of these votes."""
    answer = browser.post("/api/v1/votes/", {"votes": ballots}, content_type="application/json")
    assert answer.status_code == 200, answer.content
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def picture_at(address: str) -> str:
    """The public name of the picture that an address leads to, which differs each time it is shown."""
    return public_id_of(address.rpartition("/")[2].partition(".")[0].removesuffix("@2x"))


def exposure_of(shown: dict[str, Any]) -> Exposure:
    """The row behind what was shown."""
    return exposures_of([shown])[0]


def exposures_of(shown: list[dict[str, Any]]) -> list[Exposure]:
    """The rows behind what was shown, in this order.

    Table by table: PostgreSQL, knowing nothing yet of tables that a test has just filled, would read a join of five
    of them whole.
    """
    tokens = [uuid.UUID(one["token"].split(":")[0]) for one in shown]
    rows = Exposure.objects.prefetch_related("pair__query__item", "pair__candidate")
    found = {exposure.token: exposure for exposure in rows.filter(token__in=tokens)}
    return [found[token] for token in tokens]


def play(browser: Client, study: Study, n: int, taste: Taste = likes_matches) -> list[dict[str, Any]]:
    """Ask for a deck and answer all of it by taste, through the API; what was answered to the votes."""
    shown = deck(browser, study, n)
    ballots = [
        {"token": one["token"], "verdict": taste(exposure.pair)}
        for one, exposure in zip(shown, exposures_of(shown), strict=True)
    ]
    return send(browser, *ballots) if ballots else []


def board(study: Study) -> Board:
    """The board as it is once a worker has added all votes."""
    update_sums(study)
    return board_of(study)


def duels(study: Study) -> HeadToHead:
    """The same of everybody against everybody."""
    update_sums(study)
    return head_to_head(study)


def let_leases_run_out(voter: Voter) -> None:
    """The voter was away for longer than a lease."""
    past = timezone.now() - settings.EXPOSURE_LEASE
    Exposure.objects.filter(voter=voter).update(leased_until=past)


def answered_exposure(study: Study, voter: Voter, verdict: str = "dope") -> Exposure:
    """One pair shown to the voter and answered."""
    from evalapp.voting.domain.tokens import sign_token
    from evalapp.voting.services.vote_casting import Ballot, cast_votes

    (exposure,) = serve_deck(study, voter, 1)
    cast_votes(voter, [Ballot(sign_token(exposure.token), verdict)])
    exposure.refresh_from_db()
    return exposure


def _contenders(study: Study) -> dict[str, Contender]:
    model = network()
    contenders = {}
    for name, tap, metric in ((FC6, "fc6", "l2"), (FC7, "fc7", "hamming")):
        embedding, _ = Embedding.objects.get_or_create(
            model=model, tap=tap, catalogue=study.catalogue, defaults={"dimensions": 8}
        )
        contenders[name] = Contender.objects.create(study=study, name=name, embedding=embedding, metric=metric)
    contenders[CONTROL] = Contender.objects.create(study=study, name=CONTROL)
    return contenders


def _nominate(study: Study, query: Query, items: list[Item], contenders: dict[str, Contender]) -> None:
    """Three nominations per contender; `alike` and `akin` share the query's category, the others do not."""
    here = query.position
    alike, akin, odd, other = (items[(here + step) % len(items)] for step in (2, 4, 1, 3))
    ranks = {
        FC6: (alike, akin, odd),
        FC7: (alike, odd, akin) if here % 2 == 0 else (odd, alike, akin),
        CONTROL: ((alike, other, odd), (odd, akin, other), (other, odd, alike), (akin, other, odd))[here % 4],
    }
    shown = sorted({answers[0].key for answers in ranks.values()}, reverse=True)
    query.slots = len(shown)
    pairs = {
        item.key: Pair.objects.create(
            study=study, query=query, candidate=item, slot=shown.index(item.key) if item.key in shown else None
        )
        for item in {item.key: item for answers in ranks.values() for item in answers}.values()
    }
    Nomination.objects.bulk_create(
        Nomination(
            pair=pairs[item.key],
            contender=contenders[name],
            rank=rank,
            distance=None if name == CONTROL else rank * 0.5,
        )
        for name, answers in ranks.items()
        for rank, item in enumerate(answers, start=1)
    )
