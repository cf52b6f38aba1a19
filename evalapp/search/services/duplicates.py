"""Pairs of duplicates: proposed by a scan, decided by a person, and never asked about again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from evalapp.catalog.models import Catalogue, FlagReason
from evalapp.catalog.services.item_flags import flag_items, lift_flags
from evalapp.core.domain.errors import Conflict, InvalidInput, NotFound
from evalapp.core.models import Job
from evalapp.core.services.deeds import recorded
from evalapp.core.services.jobs import request_job
from evalapp.search.models import DuplicateLevel, DuplicatePair, DuplicateScan, DuplicateState, SearchIndex

MOST_AT_ONCE = 500
DECISIONS = ("same", "different", "undo")
_NOTE = "Double of "


@dataclass(frozen=True, slots=True)
class ProposedPair:
    """Two items, the smaller id first."""

    first: int
    second: int
    level: str
    score: float
    distance: float | None = None


@recorded("asked for duplicates", "catalogue {catalogue}", "{level}")
def request_scan(catalogue: Catalogue, level: str, index: SearchIndex | None = None) -> Job:
    """The job that looks for duplicates up to this level; beyond the bytes it needs an index that serves.

    Raises InvalidInput, and Conflict where there is no such index.
    """
    if level not in DuplicateLevel.values:
        raise InvalidInput(f"{level!r} is no level; choose one of {', '.join(DuplicateLevel.values)}.")
    if level != DuplicateLevel.BYTES:
        if index is None:
            index = SearchIndex.objects.filter(catalogue=catalogue, serving__isnull=False).order_by("-pk").first()
        if index is None or index.catalogue_id != catalogue.pk or index.serving_id is None:
            raise Conflict(f"Pictures are compared by an index of {catalogue}; make and build one first.")
    with transaction.atomic():
        fields = {"level": level, "index": index if level != DuplicateLevel.BYTES else None}
        scan, _ = DuplicateScan.objects.update_or_create(
            catalogue=catalogue, defaults={**fields, "begun_at": timezone.now(), "done_at": None}
        )
        scan.job = request_job("duplicates", f"duplicates:{scan.pk}")
        scan.save(update_fields=["job"])
    return scan.job


def propose_pairs(catalogue: int, pairs: Iterable[ProposedPair], job: int) -> int:
    """Note pairs that were found, and how many wait now; those that somebody decided stay decided."""
    proposed = list(pairs)
    existing = DuplicatePair.objects.filter(catalogue=catalogue, first__in={pair.first for pair in proposed})
    decided = set(existing.exclude(state=DuplicateState.PROPOSED).values_list("first_id", "second_id"))
    rows = [
        DuplicatePair(
            catalogue_id=catalogue,
            first_id=pair.first,
            second_id=pair.second,
            level=pair.level,
            score=pair.score,
            distance=pair.distance,
            scan=job,
        )
        for pair in proposed
        if (pair.first, pair.second) not in decided
    ]
    DuplicatePair.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["first", "second"],
        update_fields=["level", "score", "distance", "scan"],
    )
    return len(rows)


def finish_scan(scan: DuplicateScan, job: int, report: dict[str, object]) -> None:
    """What the scan found; proposals that it did not find again and nobody decided go."""
    old = DuplicatePair.objects.filter(catalogue=scan.catalogue_id, state=DuplicateState.PROPOSED).exclude(scan=job)
    if scan.level == DuplicateLevel.BYTES:
        old = old.filter(level=DuplicateLevel.BYTES)
    old.delete()
    DuplicateScan.objects.filter(pk=scan.pk).update(report=report, done_at=timezone.now())


@recorded("decided duplicates", "catalogue {catalogue}", "pair {pair} {decision} {drop}")
def decide_pair(catalogue: Catalogue, pair: int, decision: str, *, who: str, drop: str = "") -> DuplicatePair:
    """Same, different, or back to undecided. With `drop` (`first` or `second`) the other one is kept and this one is
    flagged: it leaves searches, decks and training, and a lifted flag brings it back. Nothing is deleted.

    Raises NotFound, and InvalidInput for words that are off.
    """
    if decision not in DECISIONS:
        raise InvalidInput(f"{decision!r} is no decision; choose one of {', '.join(DECISIONS)}.")
    if drop not in {"", "first", "second"} or (drop and decision != "same"):
        raise InvalidInput("Only of two that are the same can the first or the second be dropped.")
    with transaction.atomic():
        rows = DuplicatePair.objects.select_for_update(of=("self",)).select_related("first", "second")
        row = rows.filter(catalogue=catalogue, pk=pair).first()
        if row is None:
            raise NotFound(f"{catalogue} has no pair {pair}.")
        if row.state == DuplicateState.SAME and decision != "same":
            _bring_back(catalogue, row)
        undone = decision == "undo"
        row.state = DuplicateState.PROPOSED if undone else DuplicateState(decision)
        row.decided_by, row.decided_at = ("", None) if undone else (who[:150], timezone.now())
        row.save(update_fields=["state", "decided_by", "decided_at"])
        if drop:
            kept, dropped = (row.second, row.first) if drop == "first" else (row.first, row.second)
            flag_items(catalogue.slug, [dropped.key], FlagReason.OTHER, note=f"{_NOTE}{kept.key}")
    return row


def _bring_back(catalogue: Catalogue, row: DuplicatePair) -> None:
    for item, other in ((row.first, row.second), (row.second, row.first)):
        if item.flags.filter(reason=FlagReason.OTHER, note=f"{_NOTE}{other.key}").exists():
            lift_flags(catalogue.slug, [item.key], FlagReason.OTHER)


@recorded("dropped doubles", "catalogue {catalogue}", "{result:,} pairs")
def drop_same_bytes(catalogue: Catalogue, *, who: str) -> int:
    """Decide pairs of the same bytes as the same, keeping the older of each; returns how many, a limited number."""
    pairs = DuplicatePair.objects.filter(
        catalogue=catalogue, state=DuplicateState.PROPOSED, level=DuplicateLevel.BYTES
    ).order_by("pk")
    chosen = list(pairs.values_list("pk", flat=True)[:MOST_AT_ONCE])
    for pair in chosen:
        decide_pair(catalogue, pair, "same", who=who, drop="second")
    return len(chosen)
