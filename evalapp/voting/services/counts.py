"""The counts that pairs carry, changed in the transaction of each vote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from django.db.models import F

from evalapp.studies.flagging import count_reports
from evalapp.studies.models import Pair
from evalapp.voting.models import Answer, ExposureKind, Vote

COUNTED = (Answer.DOPE, Answer.NOPE, Answer.SKIP)
"""Answers that a pair counts itself; its reports are counted by its flag."""
KINDS = (ExposureKind.STUDY, ExposureKind.CONTROL, ExposureKind.IMPORTED)
"""Kinds whose votes a pair counts. The others tell about voters, not about pairs."""


def counts_of(votes: Iterable[Vote]) -> Counter[tuple[int, str]]:
    """What these votes, with their exposures at hand, add to the counts of pairs."""
    return Counter((vote.pair_id, vote.verdict) for vote in votes if vote.exposure.kind in KINDS)


def change_counts(changes: Mapping[tuple[int, str], int]) -> None:
    """Add to the counts of pairs; `changes` maps (pair, answer) to what is added, which may be negative."""
    count_reports({pair: amount for (pair, answer), amount in changes.items() if answer == Answer.REPORT})
    by_amount: dict[tuple[str, int], list[int]] = {}
    for (pair, answer), amount in changes.items():
        if answer in COUNTED and amount:
            by_amount.setdefault((answer, amount), []).append(pair)
    pairs = {pair for group in by_amount.values() for pair in group}
    if len(pairs) > 1:
        # In one fixed order, so that two batches with pairs in common wait for each other instead of deadlocking.
        list(Pair.objects.select_for_update(no_key=True).filter(pk__in=pairs).order_by("pk").values_list("pk"))
    for (answer, amount), group in by_amount.items():
        Pair.objects.filter(pk__in=group).update(**{answer: F(answer) + amount})
