"""Reads of the vote path. None of them grows with the votes of a study."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from time import monotonic
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Count
from django.db.models.functions import Coalesce

from evalapp.catalog.models import Item
from evalapp.catalog.queries import shown_of
from evalapp.core.services.sql_functions import named_rows
from evalapp.studies.models import Study
from evalapp.studies.services.pair_flags import in_play
from evalapp.voting.domain.slates import FloatArray, IntArray, Law, Pool
from evalapp.voting.domain.verdicts import VERDICTS
from evalapp.voting.models import Design, Exposure, Gold, Voter

_POOL_SECONDS = 60
_MOST_POOLS = 32
_MOST_EXAMPLES = 6

# Packed by the database into three strings of bytes: a hundred thousand rows would take a second to unpack one by one.
_POOL = """
SELECT string_agg(int8send(pair.id), ''::bytea ORDER BY query.position, pair.slot),
       string_agg(int8send(query.position), ''::bytea ORDER BY query.position, pair.slot),
       string_agg(CASE WHEN chosen.pair_id IS NULL THEN '\\x01'::bytea ELSE '\\x00'::bytea END, ''::bytea
                  ORDER BY query.position, pair.slot)
FROM studies_pair pair JOIN studies_query query ON query.id = pair.query_id
LEFT JOIN (
    SELECT DISTINCT nomination.pair_id FROM studies_nomination nomination
    JOIN studies_contender contender ON contender.id = nomination.contender_id
    WHERE contender.study_id = %(study)s AND contender.embedding_id IS NOT NULL AND nomination.rank = 1
) chosen ON chosen.pair_id = pair.id
WHERE pair.study_id = %(study)s AND pair.slot IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM studies_pairflag flag WHERE flag.pair_id = pair.id AND flag.state = 'active')
AND NOT EXISTS (SELECT 1 FROM catalog_flag flag WHERE flag.item_id = query.item_id AND flag.state = 'active')
AND NOT EXISTS (SELECT 1 FROM catalog_flag flag WHERE flag.item_id = pair.candidate_id AND flag.state = 'active')
AND NOT EXISTS (
    SELECT 1 FROM catalog_item item
    WHERE item.id IN (query.item_id, pair.candidate_id) AND item.removed AND NOT item.replaced
)
"""

_CARDS = "SELECT * FROM voting_deck_cards(exposures => %(exposures)s)"
_REPEATABLE = "SELECT * FROM voting_repeatable_votes(the_voter => %(voter)s, the_study => %(study)s, most => %(most)s)"
_SEEN = "SELECT pair_id FROM voting_exposure WHERE voter_id = %s AND pair_id = ANY(%s)"


@dataclass(frozen=True, slots=True)
class PictureShown:
    """What is known of a picture, or of a box in one, where it is shown; width and height in the original's pixels."""

    public_id: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Example:
    """Two pictures, and whether they match: dope or nope."""

    query: PictureShown
    candidate: PictureShown
    verdict: str


@dataclass(frozen=True, slots=True)
class Card:
    """One exposure as it is put before the voter; `exposure` is its id."""

    exposure: int
    token: uuid.UUID
    group: uuid.UUID | None
    side: str
    query: PictureShown
    candidate: PictureShown

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Card:
        """From a row of the functions `voting_deck_cards` and `voting_deal_deck`."""
        return cls(
            exposure=row["exposure"],
            token=row["token"],
            group=row["group"],
            side=row["side"],
            query=PictureShown(row["query"], row["query_width"], row["query_height"]),
            candidate=PictureShown(row["candidate"], row["candidate_width"], row["candidate_height"]),
        )


@dataclass(frozen=True, slots=True)
class DeckStudy:
    """What a deck depends on of its study; `withdrawals` is its catalogue's count of pictures withdrawn."""

    pk: int
    mode: str
    random_sides: bool
    gold_share: float
    repeat_share: float
    is_open: bool
    opened_at: datetime | None
    withdrawals: int

    @classmethod
    def from_study(cls, study: Study) -> DeckStudy:
        """From the row, with its catalogue at hand or read."""
        return cls(
            pk=study.pk,
            mode=study.mode,
            random_sides=study.random_sides,
            gold_share=study.gold_share,
            repeat_share=study.repeat_share,
            is_open=study.is_open,
            opened_at=study.opened_at,
            withdrawals=study.catalogue.withdrawals,
        )


@dataclass(frozen=True, slots=True)
class RepeatableVote:
    """An answer that can be asked for again: its exposure and pair, and the group it was shown with or its token."""

    hand: uuid.UUID
    exposure: int
    pair: int


@dataclass(frozen=True, slots=True)
class GoldPair:
    """A pair whose answer is known, and the position of its query."""

    pair: int
    position: int
    expected: str


@dataclass(frozen=True, slots=True)
class _CachedPool:
    """A pool, when its study was opened, after how many withdrawals of pictures and when it was read, and its law."""

    pool: Pool
    golds: list[GoldPair]
    opened: datetime | None
    withdrawals: int
    read_at: float
    law: Law


_cached_pools: dict[int, _CachedPool] = {}
_reading = Lock()


def pool_of(study: DeckStudy) -> Pool:
    """The pairs that can be shown, flagged ones left out.

    Kept by each process for a minute: the pairs of an open study hardly change. A picture that is withdrawn from the
    catalogue ends that at once.
    """
    return _cached_pool(study).pool


def golds_of(study: DeckStudy) -> list[GoldPair]:
    """The study's pairs with a known answer; kept as the pool is."""
    return _cached_pool(study).golds


def law_of(study: DeckStudy, version: int | None) -> Law:
    """The probabilities of the design of this version, in the order of the pool; None is the uniform one."""
    cached = _cached_pool(study)
    if cached.law.version == version:
        return cached.law
    law = _read_law(study, cached.pool, version)
    if study.is_open:
        _cached_pools[study.pk] = replace(cached, law=law)
    return law


def _cached_pool(study: DeckStudy) -> _CachedPool:
    cached, withdrawals = _cached_pools.get(study.pk), study.withdrawals
    if cached is not None and not (
        study.is_open and cached.opened == study.opened_at and cached.withdrawals == withdrawals
    ):
        cached = None
    if cached is not None and monotonic() - cached.read_at < _POOL_SECONDS:
        return cached
    # One thread reads anew; the others go on with what they have, unless they have nothing.
    if not _reading.acquire(blocking=cached is None) and cached is not None:
        return cached
    try:
        pool = _read_pool(study)
        fresh = _CachedPool(
            pool,
            _read_golds(study),
            study.opened_at,
            withdrawals,
            monotonic(),
            Law.from_weights(pool.uniform_probabilities(), None),
        )
        if study.is_open:
            while len(_cached_pools) >= _MOST_POOLS:
                _cached_pools.pop(next(iter(_cached_pools)), None)
            _cached_pools[study.pk] = fresh
        return fresh
    finally:
        _reading.release()


def _read_pool(study: DeckStudy) -> Pool:
    with connection.cursor() as cursor:
        cursor.execute(_POOL, {"study": study.pk})
        pairs, positions, control = (bytes(column or b"") for column in cursor.fetchone())
    return Pool.from_sorted_pairs(
        _unpack_integers(pairs), _unpack_integers(positions), np.frombuffer(control, dtype=np.bool_)
    )


def _read_golds(study: DeckStudy) -> list[GoldPair]:
    rows = in_play(Gold.objects.filter(study=study.pk)).order_by("pair__query__position", "pair__candidate__key")
    return [GoldPair(*row) for row in rows.values_list("pair_id", "pair__query__position", "expected")]


def _unpack_integers(packed: bytes) -> IntArray:
    return np.frombuffer(packed, dtype=">i8").astype(np.int64)


def _read_law(study: DeckStudy, pool: Pool, version: int | None) -> Law:
    """A design speaks about the pairs there were when it was published; of those that have left none is drawn."""
    if version is None:
        return Law.from_weights(pool.uniform_probabilities(), None)
    design = Design.objects.only("pairs", "probabilities").get(study=study.pk, version=version)
    pairs = np.frombuffer(design.pairs, dtype="<i8").astype(np.int64)
    chances: FloatArray = np.frombuffer(design.probabilities, dtype="<f8").astype(np.float64)
    order = np.argsort(pairs)
    places = np.minimum(np.searchsorted(pairs, pool.pairs, sorter=order), len(pairs) - 1)
    is_in_design = pairs[order[places]] == pool.pairs
    weights = np.where(is_in_design, chances[order[places]], 0.0)
    return Law.from_weights(weights if weights.any() else pool.uniform_probabilities(), version)


def question_examples(study: Study) -> list[Example]:
    """The pairs by which the operator explains the question; what names no picture of the catalogue is left out."""
    stored = [one for one in study.examples if _is_example(one)][:_MOST_EXAMPLES]
    if not stored:
        return []
    keys = {key for query, candidate, _ in stored for key in (query, candidate)}
    items = Item.objects.filter(catalogue=study.catalogue_id, key__in=keys, removed=False)
    ids = dict(items.values_list("key", "pk"))
    pictures = shown_of(ids.values(), study.box_style)
    shown_pictures = {
        key: PictureShown(one.public_id, one.width, one.height) for key, pk in ids.items() if (one := pictures[pk])
    }
    return [
        Example(shown_pictures[one[0]], shown_pictures[one[1]], one[2])
        for one in stored
        if one[0] in shown_pictures and one[1] in shown_pictures
    ]


def _is_example(entry: Any) -> bool:
    return (
        isinstance(entry, list)
        and len(entry) == 3
        and all(isinstance(word, str) for word in entry)
        and entry[2] in VERDICTS
    )


def seen_among(voter: Voter, pairs: Sequence[int]) -> set[int]:
    """The pairs among these that the voter was shown already."""
    with connection.cursor() as cursor:
        cursor.execute(_SEEN, [voter.pk, list(pairs)])
        return {pair for (pair,) in cursor.fetchall()}


def repeatable_votes(study: DeckStudy, voter: Voter, most: int) -> list[RepeatableVote]:
    """The voter's newest verdicts that were not asked for again and whose pairs are in play, newest first."""
    with connection.cursor() as cursor:
        cursor.execute(_REPEATABLE, {"voter": voter.pk, "study": study.pk, "most": most})
        return [RepeatableVote(**row) for row in named_rows(cursor)]


def rounds_answered(study: Study, voter: Voter | None) -> int:
    """How many rounds a voter has answered, skips included: what is shown together is one. Whoever was forgotten is
    somebody new."""
    if voter is None:
        return 0
    answered = Exposure.objects.filter(study=study, voter=voter, voter__forgotten_at=None, answered_at__isnull=False)
    rounds: int = answered.aggregate(rounds=Count(Coalesce("group", "token"), distinct=True))["rounds"]
    return rounds


def cards_of(exposures: Sequence[Exposure]) -> list[Card]:
    """What is to be shown for these exposures, in their order."""
    if not exposures:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_CARDS, {"exposures": [exposure.pk for exposure in exposures]})
        cards = {card.exposure: card for card in map(Card.from_row, named_rows(cursor))}
    return [cards[exposure.pk] for exposure in exposures]
