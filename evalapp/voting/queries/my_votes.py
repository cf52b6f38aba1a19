"""What a voter may read about their own answers: how many, how often others agree, and the last ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from evalapp.studies.models import Study
from evalapp.voting.domain.verdicts import DRAWN_KINDS, VERDICTS
from evalapp.voting.domain.void_reasons import UNDONE
from evalapp.voting.models import Answer, ExposureKind, Vote, Voter
from evalapp.voting.queries.deck_reads import Card, cards_of, rounds_answered

AGREEMENT_FROM = 20
"""Verdicts before a voter is told how often the crowd agrees: earlier it would be noise, and would teach conformity."""
_STEP = 10
"""The share moves by so many verdicts at once, so that nobody reads the crowd's opinion of one pair from it."""
_LOOKED_AT = 200
_FEWEST_OTHERS = 2
_FEWEST_COMPARED = 10
_LAST = 12
_ALONE_FROM = 0.5


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
    """At most the last 200 verdicts are looked at: the cost does not grow with the votes.

    Every verdict counts, whatever the kind of its exposure, and known answers and repeats are compared as well: by a
    number that moved for some pairs only, people could tell which pairs those are. Whoever was forgotten has nothing.
    """
    if voter is None or Voter.objects.filter(pk=voter.pk, forgotten_at__isnull=False).exists():
        return Yours(0, None, AGREEMENT_FROM, [])
    votes = Vote.objects.filter(study=study, voter=voter).exclude(void_reason=UNDONE)
    verdicts = votes.filter(verdict__in=VERDICTS)
    verdict_count = verdicts.count()
    missing = max(0, AGREEMENT_FROM - verdict_count)
    return Yours(
        answered=rounds_answered(study, voter),
        agreement=None
        if missing
        else agreement_of(
            _judge_votes(voter, _looked_at(verdicts.order_by("-voted_at", "-pk"), verdict_count % _STEP))
        ),
        until_agreement=missing,
        last=_last_answers(votes.order_by("-voted_at", "-pk")),
    )


@dataclass(frozen=True, slots=True)
class Rebellion:
    """An answer of a voter's that most others contradicted: `against` of `others` said the opposite."""

    card: Card
    verdict: str
    against: int
    others: int


def rebellion_of(study: Study, voter: Voter | None) -> Rebellion | None:
    """The answer that stands most alone, among the last 200. Of a closed study only: while people vote, nobody learns
    what others said about one pair."""
    if study.is_open or voter is None or Voter.objects.filter(pk=voter.pk, forgotten_at__isnull=False).exists():
        return None
    votes = Vote.objects.filter(study=study, voter=voter, verdict__in=VERDICTS).exclude(void_reason=UNDONE)
    looked_at = _looked_at(votes.order_by("-voted_at", "-pk"), 0)
    contradicted = [
        (_share_against(judged), judged, vote)
        for judged, vote in zip(_judge_votes(voter, looked_at), looked_at, strict=True)
    ]
    alone = [(share, judged, vote) for share, judged, vote in contradicted if share > _ALONE_FROM]
    if not alone:
        return None
    _, judged, vote = max(alone, key=lambda row: (row[0], row[1].dope + row[1].nope, row[2].pk))
    (card,) = cards_of([vote.exposure])
    against = judged.nope if judged.verdict == Answer.DOPE else judged.dope
    return Rebellion(card, judged.verdict, against, judged.dope + judged.nope)


def _share_against(judged: Judged) -> float:
    """The share of others who said the opposite; 0 where they are few."""
    others = judged.dope + judged.nope
    against = judged.nope if judged.verdict == Answer.DOPE else judged.dope
    return against / others if others >= _FEWEST_OTHERS else 0.0


def agreement_of(judged: Iterable[Judged]) -> Agreement | None:
    """Pairs on which others are few or of two minds say nothing; None where too few are left."""
    compared = [pair for pair in judged if pair.dope + pair.nope >= _FEWEST_OTHERS and pair.dope != pair.nope]
    if len(compared) < _FEWEST_COMPARED:
        return None
    alike = sum((pair.dope > pair.nope) == (pair.verdict == Answer.DOPE) for pair in compared)
    return Agreement(alike / len(compared), len(compared))


def in_tens(count: int) -> int:
    """How many could be compared, as it is told: whether one more pair could be compared is nobody's to know."""
    return count - count % 10


def _looked_at(newest: QuerySet[Vote], skipped: int) -> list[Vote]:
    return list(newest.select_related("exposure", "pair")[skipped : skipped + _LOOKED_AT])


def _judge_votes(voter: Voter, looked_at: list[Vote]) -> list[Judged]:
    known_counts = _others_on_known(
        voter, [vote.pair_id for vote in looked_at if vote.exposure.kind == ExposureKind.GOLD]
    )
    before = Vote.objects.filter(
        exposure__in=[vote.exposure.repeats_id for vote in looked_at if vote.exposure.repeats_id]
    )
    earlier = {vote.exposure_id: vote for vote in before.exclude(void_reason=UNDONE)}
    return [_judge_vote(vote, known_counts, earlier) for vote in looked_at]


def _judge_vote(vote: Vote, known_counts: Mapping[tuple[int, str], int], earlier: Mapping[int, Vote]) -> Judged:
    if vote.exposure.kind == ExposureKind.GOLD:
        return Judged(
            vote.verdict, known_counts.get((vote.pair_id, "dope"), 0), known_counts.get((vote.pair_id, "nope"), 0)
        )
    # The pair's counts hold the voter's own verdict: of a repeat the one given before, of a filler none.
    own_vote: Vote | None = vote if vote.exposure.kind in DRAWN_KINDS else earlier.get(vote.exposure.repeats_id or 0)
    dope, nope = vote.pair.dope, vote.pair.nope
    if own_vote is not None and own_vote.counted:
        dope, nope = dope - (own_vote.verdict == Answer.DOPE), nope - (own_vote.verdict == Answer.NOPE)
    return Judged(vote.verdict, dope, nope)


def _others_on_known(voter: Voter, pairs: list[int]) -> dict[tuple[int, str], int]:
    """How often others said dope and nope to these known answers, which pairs do not count."""
    others = Vote.objects.filter(
        pair__in=pairs, counted=True, verdict__in=VERDICTS, exposure__kind=ExposureKind.GOLD
    ).exclude(voter=voter.pk)
    rows = others.values_list("pair", "verdict").annotate(votes=Count("pk")) if pairs else []
    return {(pair, verdict): votes for pair, verdict, votes in rows}


def _last_answers(newest: QuerySet[Vote]) -> list[tuple[Card, str]]:
    votes = list(newest.select_related("exposure")[:_LAST])
    cards = cards_of([vote.exposure for vote in votes])
    return [(card, vote.verdict) for card, vote in zip(cards, votes, strict=True)]
