"""Flags on pairs, by operators and by voters' reports, and which pairs are out of play."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

from django.db import transaction
from django.db.models import Case, Exists, F, Model, OuterRef, Q, QuerySet, When
from django.db.models.functions import Greatest
from django.utils import timezone

from evalapp.catalog.models import LONGEST_NOTE, Flag, FlagSource, FlagState, Item
from evalapp.catalog.queries import showable
from evalapp.catalog.services.item_flags import check_reason
from evalapp.core.domain.errors import NotFound
from evalapp.core.services.deeds import recorded
from evalapp.studies.models import Pair, PairFlag, Study
from evalapp.webhooks.domain.event_names import REPORTS_WAITING
from evalapp.webhooks.services import announce

_Row = TypeVar("_Row", bound=Model)

REPORTS_TO_FLAG = 3
"""So many reports that weigh something take a pair out of play until an operator has looked …"""
MOST_REPORTED = 0.02
"""… as long as no more than this share of the study's pairs, or one pair, waits for an operator."""


def flagged_pairs(study: Study) -> set[int]:
    """Ids of pairs that are out of play: flagged themselves, or with a flagged item on either side."""
    items = Flag.objects.filter(item__catalogue=study.catalogue_id, state=FlagState.ACTIVE).values("item")
    pairs = Pair.objects.filter(study=study)
    flagged = PairFlag.objects.filter(pair__study=study, state=FlagState.ACTIVE).values_list("pair_id", flat=True)
    return set(flagged) | set(
        pairs.filter(Q(query__item__in=items) | Q(candidate__in=items)).values_list("pk", flat=True)
    )


def in_play(rows: QuerySet[_Row], pair: str = "pair") -> QuerySet[_Row]:
    """Those of the rows whose pair, at the end of the relation `pair`, is not out of play: neither flagged nor shown
    by a picture that was withdrawn."""
    flags, items = PairFlag.objects.filter(state=FlagState.ACTIVE), Flag.objects.filter(state=FlagState.ACTIVE)
    withdrawn = Item.objects.exclude(showable())
    return rows.filter(
        ~Exists(flags.filter(pair=OuterRef(pair))),
        ~Exists(items.filter(item=OuterRef(f"{pair}__query__item"))),
        ~Exists(items.filter(item=OuterRef(f"{pair}__candidate"))),
        ~Exists(withdrawn.filter(pk__in=[OuterRef(f"{pair}__query__item"), OuterRef(f"{pair}__candidate")])),
    )


@recorded("flagged pairs", "study {study}", "{reason} {pairs} {note}")
@transaction.atomic
def flag_pairs(study: Study, pairs: Collection[int], reason: str, *, note: str = "") -> int:
    """Take these pairs out of decks and training data; returns how many were in play before.

    Raises InvalidInput for an unknown reason, NotFound for a pair of another study: then nothing is flagged.
    """
    check_reason(reason)
    _check_pairs(study, pairs)
    now, note = timezone.now(), note[:LONGEST_NOTE]
    active = PairFlag.objects.filter(pair__in=pairs, state=FlagState.ACTIVE).count()
    PairFlag.objects.bulk_create(
        [PairFlag(pair_id=pair, reason=reason, note=note, settled_at=now) for pair in sorted(set(pairs))],
        update_conflicts=True,
        unique_fields=["pair"],
        update_fields=["reason", "note", "state", "settled_at"],
    )
    return len(set(pairs)) - active


@recorded("lifted flags of pairs", "study {study}", "{pairs}")
@transaction.atomic
def lift_pair_flags(study: Study, pairs: Collection[int]) -> int:
    """Put these pairs into play again, for good unless an operator flags them anew; returns how many flags that were.

    Raises NotFound for a pair of another study.
    """
    _check_pairs(study, pairs)
    flags = PairFlag.objects.filter(pair__in=pairs).exclude(state=FlagState.LIFTED)
    return flags.update(state=FlagState.LIFTED, settled_at=timezone.now())


@recorded("lifted reports", "study {study}", "{result:,} pairs were out of play")
@transaction.atomic
def lift_reports(study: Study) -> int:
    """Let in all pairs that only voters keep out or suspect, for good; returns how many were out of play."""
    out = reported_out(study)
    waiting_reports(study).update(state=FlagState.LIFTED, settled_at=timezone.now())
    return out


def waiting_reports(study: Study) -> QuerySet[PairFlag]:
    """What voters have reported and no operator has looked at."""
    return PairFlag.objects.filter(pair__study=study, source=FlagSource.VOTERS, settled_at=None, reports__gt=0)


def reported_out(study: Study) -> int:
    """How many pairs are out of play by voters' reports alone."""
    return waiting_reports(study).filter(state=FlagState.ACTIVE).count()


def most_reported(study: Study) -> int:
    """So many pairs may be out of play by voters' reports alone: few strangers must not end a study."""
    pool = Pair.objects.filter(study=study, slot__isnull=False).count()
    return max(1, int(MOST_REPORTED * pool))


def count_reports(changes: Mapping[int, int]) -> None:
    """Add to the reports of pairs, in the caller's transaction; an amount is negative where a report is taken back.

    Costs the same few statements however many votes there are. What the reports do is up to `settle_reports`.
    """
    by_amount: dict[int, list[int]] = {}
    changed = sorted(pair for pair, amount in changes.items() if amount)
    for pair in changed:
        by_amount.setdefault(changes[pair], []).append(pair)
    if not changed:
        return
    PairFlag.objects.bulk_create(
        [PairFlag(pair_id=pair, source=FlagSource.VOTERS, state=FlagState.SUSPECTED) for pair in changed],
        ignore_conflicts=True,
    )
    flags = PairFlag.objects.filter(pair__in=changed)
    # In one fixed order, so that two batches with pairs in common wait for each other instead of deadlocking.
    list(flags.select_for_update(no_key=True).order_by("pair").values_list("pk"))
    for amount, pairs in by_amount.items():
        flags.filter(pair__in=pairs).update(reports=Greatest(F("reports") + amount, 0))


@transaction.atomic
def settle_reports(backing: Mapping[int, int]) -> None:
    """Note how many reports of each pair weigh something, and take pairs out of play or let them in by it.

    A pair with REPORTS_TO_FLAG of them is flagged, until as many pairs wait for an operator as voters may take out; the
    operators' programs are told then. What an operator has settled stays as it is.
    """
    flags = PairFlag.objects.filter(pair__in=backing)
    by_weight: dict[int, list[int]] = {}
    for pair, weight in backing.items():
        by_weight.setdefault(weight, []).append(pair)
    for weight, pairs in sorted(by_weight.items()):
        flags.filter(pair__in=pairs).exclude(backing=weight).update(backing=weight)
    waiting = flags.filter(source=FlagSource.VOTERS, settled_at=None)
    waiting.filter(backing__lt=REPORTS_TO_FLAG, state=FlagState.ACTIVE).update(state=FlagState.SUSPECTED)
    rising = waiting.filter(backing__gte=REPORTS_TO_FLAG, state=FlagState.SUSPECTED)
    for study in Study.objects.filter(pk__in=rising.values("pair__study")).order_by("pk"):
        _take_out(study, rising.filter(pair__study=study))


def _take_out(study: Study, rising: QuerySet[PairFlag]) -> None:
    # One after the other: two batches at once must not both fill the last place.
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    most = most_reported(study)
    room = most - reported_out(study)
    chosen = list(rising.order_by("-backing", "pk").values_list("pk", flat=True)[: max(0, room)])
    PairFlag.objects.filter(pk__in=chosen).update(state=FlagState.ACTIVE)
    if chosen and len(chosen) == room:
        announce(REPORTS_WAITING, {"study": study.slug, "pairs": most})


def _check_pairs(study: Study, pairs: Collection[int]) -> None:
    known_pairs = set(Pair.objects.filter(study=study, pk__in=pairs).values_list("pk", flat=True))
    unknown = sorted(set(pairs) - known_pairs)
    if unknown:
        raise NotFound(f"{study} has no pair {unknown[0]}.", fields={"pairs": [f"Unknown: {unknown[0]}."]})


def flags_of_study(study: Study) -> QuerySet[PairFlag]:
    """Flags and suspicions of the study's pairs with both pictures, those that wait for an operator first."""
    waiting = Case(When(settled_at=None, then=0), default=1)
    flags = PairFlag.objects.filter(pair__study=study).annotate(waiting=waiting)
    shown = (f"pair__{item}__{what}" for item in ("query__item", "candidate") for what in ("picture", "cutout"))
    return flags.select_related(*shown).order_by("waiting", "-reports", "-pk")
