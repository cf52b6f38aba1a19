"""The rows of every table, streamed through server-side cursors in an order that does not change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import groupby
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Func, Q
from django.utils.crypto import salted_hmac

from evalapp.catalog.models import Item
from evalapp.exports import tables
from evalapp.exports.tables import Table
from evalapp.studies.models import Contender, Gallery, Nomination, Pair, Query, Study
from evalapp.voting.models import Vote

Row = tuple[Any, ...]

_FETCHED = 5_000


@contextmanager
def one_moment() -> Iterator[None]:
    """All reads inside see the database as it was at the first of them, whatever is voted meanwhile."""
    nested = connection.in_atomic_block
    with transaction.atomic():
        if not nested:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def rows_of(table: Table, study: Study) -> Iterator[Row]:
    """The table's rows, as tuples in the order of its columns."""
    return _ROWS[table.name](study)


def contenders_of(study: Study) -> Iterator[Contender]:
    """Who takes part, with their models."""
    return study.contenders.select_related("embedding__model").order_by("pk").iterator(chunk_size=_FETCHED)


def _votes(study: Study) -> Iterator[Row]:
    pseudonym = pseudonyms_of(study)
    fields = (
        "pk",
        "pair_id",
        "voter_id",
        "verdict",
        "exposure__kind",
        "counted",
        "void_reason",
        "response_ms",
        "exposure__served_at",
        "voted_at",
        "exposure__propensity",
        "exposure__side",
        "simulated",
    )
    rows = Vote.objects.filter(study=study).order_by("pk").values_list(*fields)
    for vote, pair, voter, *rest in rows.iterator(chunk_size=_FETCHED):
        yield (vote, pair, pseudonym(voter.hex), *rest)


def pseudonyms_of(study: Study) -> Callable[[str], str]:
    """Names for voters that are the same in every export of this study and cannot be joined with another's."""
    salt = f"evalapp.exports.voter/{study.slug}"

    @lru_cache(maxsize=10_000)
    def name(voter: str) -> str:
        return salted_hmac(salt, voter, algorithm="sha256").hexdigest()[:32]

    return name


def _pairs(study: Study) -> Iterator[Row]:
    rows = Pair.objects.filter(study=study).order_by("pk")
    fields = ("pk", "query__item__key", "candidate__key", "dope", "nope", "skip", "query__item__split")
    return rows.values_list(*fields).iterator(chunk_size=_FETCHED)


def _nominations(study: Study) -> Iterator[Row]:
    rows = Nomination.objects.filter(contender__study=study).order_by("pair", "contender")
    return rows.values_list("pair_id", "contender__name", "rank", "distance").iterator(chunk_size=_FETCHED)


def _items(study: Study) -> Iterator[Row]:
    gallery = Gallery.objects.filter(study=study).values(item=Func(F("items"), function="unnest"))
    queries = Query.objects.filter(study=study).values("item")
    candidates = Pair.objects.filter(study=study).values("candidate")
    rows = Item.objects.filter(Q(pk__in=gallery) | Q(pk__in=queries) | Q(pk__in=candidates)).order_by("key")
    before = ("key", "path", "picture__sha256", "category", "product", "domain", "x1", "y1", "x2", "y2")
    for *known, attributes, split in rows.values_list(*before, "attributes", "split").iterator(chunk_size=_FETCHED):
        yield (*known, json.dumps(attributes, sort_keys=True, ensure_ascii=False), split)


def _triplets(study: Study) -> Iterator[Row]:
    """Of every query each liked candidate (more dope than nope) with each noped one.

    The weight is the difference of their shares of dope, each with one vote of either kind added: between 0 and 1,
    and small while there are few votes.
    """
    voted = Pair.objects.filter(study=study).filter(Q(dope__gt=0) | Q(nope__gt=0)).order_by("query", "pk")
    fields = ("query_id", "query__item__key", "candidate__key", "dope", "nope")
    rows = voted.values_list(*fields).iterator(chunk_size=_FETCHED)
    for (_, query), answers in groupby(rows, key=lambda row: row[:2]):
        shares = [(key, (dope + 1) / (dope + nope + 2)) for *_, key, dope, nope in answers]
        for positive, liked in shares:
            for negative, noped in shares:
                if liked > 0.5 > noped:
                    yield query, positive, negative, liked - noped


_ROWS: dict[str, Callable[[Study], Iterator[Row]]] = {
    tables.VOTES.name: _votes,
    tables.PAIRS.name: _pairs,
    tables.NOMINATIONS.name: _nominations,
    tables.ITEMS.name: _items,
    tables.TRIPLETS.name: _triplets,
}
