"""What a voter may read about the own answers: how many, how often others agree, and the last ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from evalapp.studies.models import Study
from evalapp.voting.models import Answer, Exposure, ExposureKind, Vote, Voter
from evalapp.voting.queries import Card, cards_of
from evalapp.voting.services.ballots import UNDONE

AGREEMENT_FROM = 20
"""Verdicts before a voter is told how often the crowd agrees: earlier it would be noise, and would teach conformity."""
_STEP = 10
"""The share moves by so many verdicts at once, so that nobody reads the crowd's opinion of one pair from it."""
_LOOKED_AT = 200
_COMPARED = (ExposureKind.STUDY, ExposureKind.CONTROL)
"""Known answers and repeats stay out: nobody shall find out which pairs those were."""
_FEWEST_OTHERS = 2
_FEWEST_COMPARED = 10
_LAST = 12


@dataclass(frozen=True, slots=True)
class Agreement:
    """Share of a voter's verdicts, 0 … 1, that most others gave to the same pair, and how many could be compared."""

    share: float
    compared: int


@dataclass(frozen=True, slots=True)
class Yours:
    """A voter's own answers in a study; `until_agreement` verdicts are missing before the agreement is told."""

    answered: int
    agreement: Agreement | None
    until_agreement: int
    last: list[tuple[Card, str]]


@dataclass(frozen=True, slots=True)
class Judged:
    """A voter's verdict on a pair, and how often others said dope and nope."""

    verdict: str
    dope: int
    nope: int


def yours_of(study: Study, voter: Voter | None) -> Yours:
    """At most the last 200 verdicts are looked at: the cost does not grow with the votes."""
    if voter is None:
        return Yours(0, None, AGREEMENT_FROM, [])
    votes = Vote.objects.filter(study=study, voter=voter).exclude(void_reason=UNDONE)
    verdicts = votes.filter(verdict__in=(Answer.DOPE, Answer.NOPE), exposure__kind__in=_COMPARED)
    given = verdicts.count()
    missing = max(0, AGREEMENT_FROM - given)
    return Yours(
        answered=Exposure.objects.filter(study=study, voter=voter, answered_at__isnull=False).count(),
        agreement=None if missing else agreement_of(_judged(verdicts.order_by("-voted_at", "-pk"), given % _STEP)),
        until_agreement=missing,
        last=_last(votes.order_by("-voted_at", "-pk")),
    )


def agreement_of(judged: Iterable[Judged]) -> Agreement | None:
    """Pairs on which others are few or of two minds say nothing; None where too few are left."""
    compared = [one for one in judged if one.dope + one.nope >= _FEWEST_OTHERS and one.dope != one.nope]
    if len(compared) < _FEWEST_COMPARED:
        return None
    alike = sum((one.dope > one.nope) == (one.verdict == Answer.DOPE) for one in compared)
    return Agreement(alike / len(compared), len(compared))


def _judged(newest: QuerySet[Vote], skipped: int) -> list[Judged]:
    rows = newest.values_list("verdict", "counted", "pair__dope", "pair__nope")[skipped : skipped + _LOOKED_AT]
    return [
        # The pair's counts hold the voter's own verdict.
        Judged(verdict, dope - (counted and verdict == Answer.DOPE), nope - (counted and verdict == Answer.NOPE))
        for verdict, counted, dope, nope in rows
    ]


def _last(newest: QuerySet[Vote]) -> list[tuple[Card, str]]:
    votes = list(newest.select_related("exposure")[:_LAST])
    cards = cards_of([vote.exposure for vote in votes])
    return [(card, vote.verdict) for card, vote in zip(cards, votes, strict=True)]
