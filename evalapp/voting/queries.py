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

from evalapp.catalog.models import Item
from evalapp.studies.flagging import in_play
from evalapp.studies.models import Study
from evalapp.voting.models import Answer, Design, Exposure, Gold, Voter
from evalapp.voting.pools import FloatArray, IntArray, Law, Pool

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

_SEEN = "SELECT pair_id FROM voting_exposure WHERE voter_id = %s AND pair_id = ANY(%s)"


@dataclass(frozen=True, slots=True)
class VoterProgress:
    """Pairs that a voter has answered, skips included, out of all that can be shown."""

    answered: int
    total: int


@dataclass(frozen=True, slots=True)
class PictureShown:
    """What is known of a picture where it is shown; width and height are the original's."""

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
    def of(cls, row: tuple[Any, ...]) -> Card:
        """From a row of the database's type `voting_card`."""
        exposure, token, group, side, *pictures = row
        return cls(exposure, token, group, side, PictureShown(*pictures[:3]), PictureShown(*pictures[3:]))


@dataclass(frozen=True, slots=True)
class GoldPair:
    """A pair whose answer is known, and the position of its query."""

    pair: int
    position: int
    expected: str


@dataclass(frozen=True, slots=True)
class _Kept:
    """A pool, when its study was opened, after how many withdrawals of pictures and when it was read, and its law."""

    pool: Pool
    golds: list[GoldPair]
    opened: datetime | None
    withdrawals: int
    read_at: float
    law: Law


_kept: dict[int, _Kept] = {}
_reading = Lock()


def pool_of(study: Study) -> Pool:
    """The pairs that can be shown, flagged ones left out.

    Kept by each process for a minute: the pairs of an open study hardly change. A picture that is withdrawn from the
    catalogue ends that at once.
    """
    return _kept_of(study).pool


def golds_of(study: Study) -> list[GoldPair]:
    """The study's pairs with a known answer; kept as the pool is."""
    return _kept_of(study).golds


def law_of(study: Study, version: int | None) -> Law:
    """The probabilities of the design of this version, in the order of the pool; None is the uniform one."""
    kept = _kept_of(study)
    if kept.law.version == version:
        return kept.law
    law = _read_law(study, kept.pool, version)
    if study.is_open:
        _kept[study.pk] = replace(kept, law=law)
    return law


def _kept_of(study: Study) -> _Kept:
    kept, withdrawals = _kept.get(study.pk), study.catalogue.withdrawals
    if kept is not None and not (study.is_open and kept.opened == study.opened_at and kept.withdrawals == withdrawals):
        kept = None
    if kept is not None and monotonic() - kept.read_at < _POOL_SECONDS:
        return kept
    # One thread reads anew; the others go on with what they have, unless they have nothing.
    if not _reading.acquire(blocking=kept is None) and kept is not None:
        return kept
    try:
        pool = _read_pool(study)
        fresh = _Kept(pool, _read_golds(study), study.opened_at, withdrawals, monotonic(), Law.of(pool.uniform(), None))
        if study.is_open:
            while len(_kept) >= _MOST_POOLS:
                _kept.pop(next(iter(_kept)), None)
            _kept[study.pk] = fresh
        return fresh
    finally:
        _reading.release()


def _read_pool(study: Study) -> Pool:
    with connection.cursor() as cursor:
        cursor.execute(_POOL, {"study": study.pk})
        pairs, positions, control = (bytes(column or b"") for column in cursor.fetchone())
    return Pool.of(_integers(pairs), _integers(positions), np.frombuffer(control, dtype=np.bool_))


def _read_golds(study: Study) -> list[GoldPair]:
    rows = in_play(Gold.objects.filter(study=study)).order_by("pair__query__position", "pair__candidate__key")
    return [GoldPair(*row) for row in rows.values_list("pair_id", "pair__query__position", "expected")]


def _integers(packed: bytes) -> IntArray:
    return np.frombuffer(packed, dtype=">i8").astype(np.int64)


def _read_law(study: Study, pool: Pool, version: int | None) -> Law:
    """A design speaks about the pairs there were when it was published; of those that have left none is drawn."""
    if version is None:
        return Law.of(pool.uniform(), None)
    design = Design.objects.only("pairs", "probabilities").get(study=study, version=version)
    pairs = np.frombuffer(design.pairs, dtype="<i8").astype(np.int64)
    chances: FloatArray = np.frombuffer(design.probabilities, dtype="<f8").astype(np.float64)
    order = np.argsort(pairs)
    places = np.minimum(np.searchsorted(pairs, pool.pairs, sorter=order), len(pairs) - 1)
    known = pairs[order[places]] == pool.pairs
    left = np.where(known, chances[order[places]], 0.0)
    return Law.of(left if left.any() else pool.uniform(), version)


def examples_of(study: Study) -> list[Example]:
    """The pairs by which the operator explains the question; what names no picture of the catalogue is left out."""
    told = [one for one in study.examples if _is_example(one)][:_MOST_EXAMPLES]
    if not told:
        return []
    keys = {key for query, candidate, _ in told for key in (query, candidate)}
    items = Item.objects.filter(catalogue=study.catalogue_id, key__in=keys, removed=False).select_related("picture")
    shown = {item.key: PictureShown(item.picture.public_id, item.picture.width, item.picture.height) for item in items}
    return [Example(shown[one[0]], shown[one[1]], one[2]) for one in told if one[0] in shown and one[1] in shown]


def _is_example(one: Any) -> bool:
    return (
        isinstance(one, list)
        and len(one) == 3
        and all(isinstance(word, str) for word in one)
        and one[2] in (Answer.DOPE, Answer.NOPE)
    )


def seen_among(voter: Voter, pairs: Sequence[int]) -> set[int]:
    """Those of the pairs that the voter has an exposure for."""
    with connection.cursor() as cursor:
        cursor.execute(_SEEN, [voter.pk, list(pairs)])
        return {pair for (pair,) in cursor.fetchall()}


def repeatable(study: Study, voter: Voter, most: int) -> list[tuple[uuid.UUID, int, int]]:
    """The voter's newest verdicts that were not asked for again and whose pairs are in play, newest first: what they
    were shown with, exposure and pair."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM voting_repeatable(%s, %s, %s)", [voter.pk, study.pk, most])
        found: list[tuple[uuid.UUID, int, int]] = cursor.fetchall()
    return found


def progress_of_voter(study: Study, voter: Voter | None) -> VoterProgress:
    """How far a voter is through the study."""
    answered = Exposure.objects.filter(study=study, voter=voter, answered_at__isnull=False)
    return VoterProgress(answered=answered.count() if voter else 0, total=len(pool_of(study).pairs))


def cards_of(exposures: Sequence[Exposure]) -> list[Card]:
    """What is to be shown for these exposures, in their order."""
    if not exposures:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM voting_cards(%s)", [[exposure.pk for exposure in exposures]])
        cards = {card.exposure: card for card in map(Card.of, cursor.fetchall())}
    return [cards[exposure.pk] for exposure in exposures]
