"""A few pairs of every contender, the same queries for all: a first look before anybody is asked."""

from __future__ import annotations

from dataclasses import dataclass

from evalapp.catalog.models import Item
from evalapp.studies.models import Contender, Nomination, Study

SHOWN = 5


@dataclass(frozen=True, slots=True)
class FirstPairs:
    """A contender with what it put first for the study's first queries: query, candidate, distance if it has one."""

    contender: Contender
    pairs: list[tuple[Item, Item, float | None]]


def first_pairs(study: Study, queries: int = SHOWN) -> list[FirstPairs]:
    """Of every contender, in the order they entered. Two statements."""
    rows = Nomination.objects.filter(
        contender__study=study, rank=1, pair__query__position__lt=queries, pair__query__study=study
    ).order_by("pair__query__position")
    with_pictures = rows.select_related(
        "pair__query__item__picture", "pair__query__item__cutout", "pair__candidate__picture", "pair__candidate__cutout"
    )
    by_contender: dict[int, list[tuple[Item, Item, float | None]]] = {}
    for row in with_pictures:
        pair = row.pair
        by_contender.setdefault(row.contender_id, []).append((pair.query.item, pair.candidate, row.distance))
    return [
        FirstPairs(contender, by_contender[contender.pk])
        for contender in study.contenders.order_by("pk")
        if contender.pk in by_contender
    ]
