"""What people say to answers: once per answer, and as a vote where what was searched with is an item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from evalapp.search.domain.question_token import Question, Shown
from evalapp.search.models import Lookup, LookupVerdict, SearchIndex
from evalapp.search.services.search_votes import cast_search_vote, take_back_search_vote
from evalapp.voting.models import Voter

UNDO = "undo"
RECORDED, ALREADY_RECORDED, TAKEN_BACK, UNKNOWN = "recorded", "already_recorded", "taken_back", "unknown"


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says to an answer: dope, nope, or undo."""

    item: int | None
    verdict: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of it; `verdict` is the one that stands."""

    status: str
    verdict: str | None = None


def take_feedback(voter: Voter, question: Question, answers: Sequence[Said]) -> list[Receipt]:
    """Record what is new, all of it or nothing; a receipt for each, in order.

    Sent again, an answer stands already, with the verdict that stands. What was not shown for this question, or was
    asked by another voter, is unknown.
    """
    with transaction.atomic():
        index = SearchIndex.objects.filter(pk=question.index).select_related("catalogue", "embedding__model").first()
        if index is None:
            return [Receipt(UNKNOWN) for _ in answers]
        voter_row, _ = Voter.objects.get_or_create(pk=voter.pk, defaults={"address": voter.address})
        lookup = _locked_lookup(index, question, voter_row)
        if lookup is None or lookup.voter_id != voter_row.pk:
            return [Receipt(UNKNOWN) for _ in answers]
        ranks = {row[0]: (rank, Shown(*row)) for rank, row in enumerate(lookup.shown, start=1)}
        return [_take_answer(index, lookup, voter_row, answer, ranks) for answer in answers]


def _locked_lookup(index: SearchIndex, question: Question, voter: Voter) -> Lookup | None:
    """The row of the question, made by its first answer and locked until the transaction ends.

    That of a live test is there since it was shown; whoever answers first has it.
    """
    if question.live_test is not None:
        mixed = Lookup.objects.filter(token=question.token, index=index)
        mixed.filter(voter=None).update(voter=voter)
        return mixed.select_for_update().first()
    shown = [[one.item, one.distance, one.propensity, one.team] for one in question.shown]
    Lookup.objects.get_or_create(
        token=question.token,
        defaults={
            "index": index,
            "voter": voter,
            "kind": question.kind,
            "item_id": question.item,
            "live_test_id": question.live_test,
            "shown": shown,
            "generation": question.generation,
        },
    )
    return Lookup.objects.select_for_update().get(token=question.token)


def _take_answer(
    index: SearchIndex, lookup: Lookup, voter: Voter, answer: Said, ranks: dict[int, tuple[int, Shown]]
) -> Receipt:
    if answer.item is None or answer.item not in ranks:
        return Receipt(UNKNOWN)
    standing = lookup.verdicts.filter(item=answer.item).select_related("exposure").first()
    if answer.verdict == UNDO:
        if standing is None:
            return Receipt(UNKNOWN)
        if standing.exposure is not None:
            take_back_search_vote(standing.exposure)
        standing.delete()
        return Receipt(TAKEN_BACK)
    if standing is not None:
        return Receipt(ALREADY_RECORDED, standing.verdict)
    rank, shown = ranks[answer.item]
    exposure = None
    if lookup.item_id is not None:
        exposure = cast_search_vote(index, voter, lookup.item_id, shown, rank, answer.verdict)
    LookupVerdict.objects.create(
        lookup=lookup,
        item_id=answer.item,
        rank=rank,
        verdict=answer.verdict,
        team=shown.team or None,
        exposure=exposure,
        told_at=timezone.now(),
    )
    return Receipt(RECORDED, answer.verdict)
