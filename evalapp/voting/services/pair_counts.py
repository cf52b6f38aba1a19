"""The counts that pairs carry, changed in the transaction of each vote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from django.db.models import F

from evalapp.studies.models import Pair
from evalapp.studies.services.pair_flags import count_reports
from evalapp.voting.domain.verdicts import PAIR_ANSWERS, PAIR_KINDS
from evalapp.voting.models import Answer, Vote
from evalapp.voting.services.weigh_reports import weigh_reports


def counts_of(votes: Iterable[Vote]) -> Counter[tuple[int, str]]:
    """What these votes, with their exposures at hand, add to the counts of pairs."""
    return Counter((vote.pair_id, vote.verdict) for vote in votes if vote.exposure.kind in PAIR_KINDS)


def change_counts(changes: Mapping[tuple[int, str], int]) -> None:
    """Add to the counts of pairs; `changes` maps (pair, answer) to what is added, which may be negative.

    The votes are written already: what reports weigh is read from them.
    """
    reported = {pair: amount for (pair, answer), amount in changes.items() if answer == Answer.REPORT and amount}
    if reported:
        count_reports(reported)
        weigh_reports(reported)
    by_amount: dict[tuple[str, int], list[int]] = {}
    for (pair, answer), amount in changes.items():
        if answer in PAIR_ANSWERS and amount:
            by_amount.setdefault((answer, amount), []).append(pair)
    pairs = {pair for group in by_amount.values() for pair in group}
    if len(pairs) > 1:
        # In one fixed order, so that two batches with pairs in common wait for each other instead of deadlocking.
        list(Pair.objects.select_for_update(no_key=True).filter(pk__in=pairs).order_by("pk").values_list("pk"))
    for (answer, amount), group in by_amount.items():
        Pair.objects.filter(pk__in=group).update(**{answer: F(answer) + amount})
