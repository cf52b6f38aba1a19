"""What is attacked: an open study of five contenders with a public board, and the honest people who vote on it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
from django.db import connection
from django.utils import timezone

from evalapp.catalog.models import Item, Picture
from evalapp.contenders.models import Embedding
from evalapp.studies.models import (
    BoardVisibility,
    Contender,
    Gallery,
    Nomination,
    Pair,
    Query,
    SamplingMethod,
    Study,
    StudyState,
)
from evalapp.voting.domain.tokens import sign_token
from evalapp.voting.models import Exposure, Gold, Vote, Voter
from evalapp.voting.services.deck_serving import serve_deck
from evalapp.voting.services.vote_casting import Ballot, cast_votes
from tests import cast

CONTENDERS = 5
FAVOURITE, BEST = "net1.fc6:l2", "net0.fc6:l2"
_LIKED = {BEST: 0.65, FAVOURITE: 0.5}
_LIKED_OTHERWISE = 0.45


def arena(queries: int, gold_share: float = 0.0, repeat_share: float = 0.0) -> Study:
    """Five contenders, the random control among them, whose first choices agree by chance; drawn uniformly."""
    rng = np.random.default_rng(5)
    catalogue = cast.wardrobe("arena", max(60, queries + 20))
    items = list(catalogue.items.order_by("key"))
    study = Study.objects.create(
        slug="arena", title="Arena", catalogue=catalogue, catalogue_version=1, seed=7, top_k=1, state=StudyState.OPEN,
        board=BoardVisibility.PUBLIC, opened_at=timezone.now(), sampling=SamplingMethod.UNIFORM,
        gold_share=gold_share, repeat_share=repeat_share,
    )  # fmt: skip
    Gallery.objects.create(study=study, items=[item.pk for item in items])
    contenders = []
    for number in range(CONTENDERS - 1):
        embedding = Embedding.objects.create(
            model=cast.network(f"net{number}"), tap="fc6", catalogue=catalogue, dimensions=8
        )
        contenders.append(
            Contender.objects.create(study=study, name=f"net{number}.fc6:l2", embedding=embedding, metric="l2")
        )
    contenders.append(Contender.objects.create(study=study, name=cast.CONTROL))
    for position in range(queries):
        _nominate(study, position, items, contenders, rng)
    if gold_share:
        _know(study, items, rng)
    return study


def _nominate(
    study: Study, position: int, items: list[Item], contenders: list[Contender], rng: np.random.Generator
) -> None:
    """Each contender one of six items, so that some agree."""
    query = Query.objects.create(study=study, item=items[position], position=position)
    others = [item for item in items if item.pk != query.item_id]
    six = [others[place] for place in rng.choice(len(others), 6, replace=False).tolist()]
    chosen = [six[place] for place in rng.integers(0, 6, len(contenders)).tolist()]
    slots = sorted({item.pk for item in chosen}, key=lambda pk: hashlib.sha256(str(pk).encode()).hexdigest())
    pairs = {pk: Pair.objects.create(study=study, query=query, candidate_id=pk, slot=slots.index(pk)) for pk in slots}
    query.slots = len(slots)
    query.save(update_fields=["slots"])
    Nomination.objects.bulk_create(
        Nomination(pair=pairs[item.pk], contender=contender, rank=1)
        for contender, item in zip(contenders, chosen, strict=True)
    )


def _know(study: Study, items: list[Item], rng: np.random.Generator) -> None:
    """Known answers: a yes that shows a treated picture of the query, and a no."""
    for query in study.queries.select_related("item__picture"):
        taken = set(query.pairs.values_list("candidate_id", flat=True)) | {query.item_id}
        free = [item for item in items if item.pk not in taken]
        treated = Picture.objects.create(
            sha256=hashlib.sha256(f"treated/{query.pk}".encode()).hexdigest(), file=f"pictures/treated-{query.pk}.png",
            width=96, height=128, size=1000, made_from=query.item.picture,
        )  # fmt: skip
        yes = Pair.objects.create(study=study, query=query, candidate=query.item)
        no = Pair.objects.create(study=study, query=query, candidate=free[int(rng.integers(len(free)))])
        Gold.objects.create(study=study, pair=yes, picture=treated, expected="dope")
        Gold.objects.create(study=study, pair=no, expected="nope")


def honest_votes(study: Study, voter: Voter, n: int, rng: np.random.Generator) -> None:
    """Somebody answers `n` pairs as people like them."""
    exposures = serve_deck(study, voter, n)
    liked = chances_of(study, {one.pair_id for one in exposures})
    ballots = [
        Ballot(sign_token(one.token), "dope" if rng.random() < liked.get(one.pair_id, 0.5) else "nope")
        for one in exposures
    ]
    cast_votes(voter, ballots)


def chances_of(study: Study, pairs: set[int]) -> dict[int, float]:
    """How likely people like each of these pairs: as well as its best contender."""
    rows = Nomination.objects.filter(pair__in=pairs, contender__study=study).values_list("pair", "contender__name")
    found: dict[int, float] = {}
    for pair, name in rows:
        found[pair] = max(found.get(pair, 0.0), _LIKED.get(name, _LIKED_OTHERWISE))
    return found


Taste = Callable[[Pair], str]
Schedule = tuple[datetime, float, int]
"""When somebody was dealt the first card, the seconds per answer, and how many answers they give."""


def let_come(study: Study, address: str, visits: list[Schedule], rng: np.random.Generator, taste: Taste) -> list[Voter]:
    """New visitors of one address (each of an own one if it is empty) with their votes, as the services leave them."""
    pairs = list(Pair.objects.filter(study=study, slot__isnull=False).select_related("query"))
    queries = study.queries.filter(slots__gt=0).count()
    chances = np.array([1 / (queries * pair.query.slots) for pair in pairs])
    people = [
        Voter(created_at=begin, address=address or hashlib.sha256(rng.bytes(8)).hexdigest()[:32])
        for begin, _, _ in visits
    ]
    Voter.objects.bulk_create(people)
    exposures, answers = [], []
    for person, (begin, pace, count) in zip(people, visits, strict=True):
        for number, place in enumerate(rng.choice(len(pairs), min(count, len(pairs)), False, chances).tolist()):
            said_at = begin + timedelta(seconds=pace * (number + 1))
            exposure = Exposure(
                voter=person, study=study, pair=pairs[place], propensity=chances[place], answered_at=said_at,
                served_at=begin + timedelta(seconds=pace * (number // 10 * 10)), leased_until=said_at,
            )  # fmt: skip
            exposures.append(exposure)
            answers.append(
                Vote(
                    exposure=exposure,
                    study=study,
                    pair=pairs[place],
                    voter=person,
                    verdict=taste(pairs[place]),
                    response_ms=max(300, int(pace * 1000)),
                    voted_at=said_at,
                )
            )
    Exposure.objects.bulk_create(exposures)
    Vote.objects.bulk_create(answers)
    counts = Counter((vote.pair_id, vote.verdict) for vote in answers)
    for pair in pairs:
        pair.dope += counts[pair.pk, "dope"]
        pair.nope += counts[pair.pk, "nope"]
    Pair.objects.bulk_update(pairs, ["dope", "nope"])
    with connection.cursor() as cursor:
        # As the server would by itself: without statistics the review would read tables for nothing.
        cursor.execute("ANALYZE voting_vote, voting_exposure, voting_voter, studies_pair")
    return people
