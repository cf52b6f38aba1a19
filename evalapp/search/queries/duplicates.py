"""Pairs of duplicates, page by page: memory does not grow with how many there are."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, QuerySet

from evalapp.catalog.models import Catalogue
from evalapp.search.models import DuplicateLevel, DuplicatePair, DuplicateScan, DuplicateState


@dataclass(frozen=True, slots=True)
class LevelCount:
    """How many pairs of a level wait, and how many were decided."""

    level: str
    proposed: int
    decided: int


def pairs_of(catalogue: Catalogue, *, state: str = "", level: str = "") -> QuerySet[DuplicatePair]:
    """Pairs whose items are both still there, with their pictures."""
    pairs = DuplicatePair.objects.filter(catalogue=catalogue, first__removed=False, second__removed=False)
    if state:
        pairs = pairs.filter(state=state)
    if level:
        pairs = pairs.filter(level=level)
    return pairs.select_related("first__picture", "first__cutout", "second__picture", "second__cutout")


def next_pair(catalogue: Catalogue, level: str) -> DuplicatePair | None:
    """The surest pair that waits."""
    waiting = pairs_of(catalogue, state=DuplicateState.PROPOSED, level=level)
    return waiting.order_by("-score", "pk").first()


def last_decided(catalogue: Catalogue) -> DuplicatePair | None:
    """What was decided last, to be taken back."""
    decided = DuplicatePair.objects.filter(catalogue=catalogue, decided_at__isnull=False)
    return decided.order_by("-decided_at").first()


def level_counts(catalogue: Catalogue) -> list[LevelCount]:
    """For every level, in their order."""
    rows = pairs_of(catalogue).order_by().values_list("level", "state").annotate(n=Count("pk"))
    count_by_level_and_state = {(level, state): n for level, state, n in rows}
    return [
        LevelCount(
            level,
            count_by_level_and_state.get((level, DuplicateState.PROPOSED), 0),
            count_by_level_and_state.get((level, DuplicateState.SAME), 0)
            + count_by_level_and_state.get((level, DuplicateState.DIFFERENT), 0),
        )
        for level in DuplicateLevel.values
    ]


def scan_of(catalogue: Catalogue) -> DuplicateScan | None:
    """The last search for duplicates."""
    return DuplicateScan.objects.select_related("job", "index").filter(catalogue=catalogue).first()
