"""Examples of what each contender put first: its surest, its middling and its least sure answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from django.db.models import F, FloatField, Value
from django.db.models.functions import Cast

from evalapp.studies.models import Contender, Nomination, Pair, Study

By = Literal["distance", "votes"]
PER_PLACE = 4


@dataclass(frozen=True, slots=True)
class Example:
    """A pair with what speaks for it: its distance (None for the control), and its share of dope."""

    pair: Pair
    distance: float | None
    share: float | None


@dataclass(frozen=True, slots=True)
class ExampleGallery:
    """A contender's examples, the best first in each of the three."""

    contender: Contender
    best: list[Example]
    median: list[Example]
    worst: list[Example]


def example_galleries(study: Study, by: By = "distance", each: int = PER_PLACE) -> list[ExampleGallery]:
    """Per contender the `each` best, median and worst of its first choices.

    By distance the nearest is best; by votes the share of dope is, smoothed by one vote of each kind, among pairs with
    votes. A contender that answers at random has no distances and is shown by votes alone. Two statements in all.
    """
    chosen = {contender: _choose_examples(rows, each) for contender, rows in _ranked_pairs(study, by).items()}
    pair_ids = {pair for three in chosen.values() for part in three for pair, _ in part}
    found = Pair.objects.filter(pk__in=pair_ids).select_related(
        "query__item__picture", "query__item__cutout", "candidate__picture", "candidate__cutout"
    )
    pairs = {pair.pk: pair for pair in found}
    return [
        ExampleGallery(
            contender,
            *([_example_of(pairs[pair], distance) for pair, distance in part] for part in chosen[contender.pk]),
        )
        for contender in study.contenders.order_by("pk")
        if contender.pk in chosen
    ]


def _ranked_pairs(study: Study, by: By) -> dict[int, list[tuple[int, float | None]]]:
    """Pairs with their distances of each contender, best first."""
    rows = Nomination.objects.filter(contender__study=study, rank=1)
    if by == "distance":
        rows = rows.exclude(distance=None).order_by("contender", "distance", "pair")
    else:
        dope, nope = Cast(F("pair__dope"), FloatField()), F("pair__nope")
        share = (dope + Value(1.0)) / (dope + nope + Value(2.0))
        voted = rows.annotate(votes=F("pair__dope") + F("pair__nope"), share=share).filter(votes__gt=0)
        rows = voted.order_by("contender", "-share", "pair")
    ranked: dict[int, list[tuple[int, float | None]]] = {}
    for contender, pair, distance in rows.values_list("contender", "pair", "distance").iterator(chunk_size=10_000):
        ranked.setdefault(contender, []).append((pair, distance))
    return ranked


def _choose_examples(
    rows: Sequence[tuple[int, float | None]], each: int
) -> tuple[Sequence[tuple[int, float | None]], Sequence[tuple[int, float | None]], Sequence[tuple[int, float | None]]]:
    """The first, the middle and the last `each`; of few rows none is shown twice."""
    best, rest = rows[:each], rows[each:]
    worst, rest = (rest[-each:], rest[:-each]) if rest else ([], [])
    start = max(0, (len(rest) - each) // 2)
    return best, rest[start : start + each], worst


def _example_of(pair: Pair, distance: float | None) -> Example:
    votes = pair.dope + pair.nope
    return Example(pair, distance, pair.dope / votes if votes else None)
