"""Reads of the vote path. None of them grows with the votes of a study."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Count, Q, Sum

from evalapp.core.errors import Conflict, NotFound
from evalapp.studies.models import Query, Study
from evalapp.voting.models import Exposure, Voter

_POOL_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Pool:
    """What a study can show: queries have positions 0 … `positions` - 1, and `queries` of them have pairs."""

    positions: int
    queries: int
    pairs: int


@dataclass(frozen=True, slots=True)
class VoterProgress:
    """Pairs that a voter has answered, skips included, out of all that can be shown."""

    answered: int
    total: int


def study_to_vote_on(slug: str) -> Study:
    """The open study; raises NotFound, or Conflict with the code `closed`."""
    study = Study.objects.filter(slug=slug).first()
    if study is None:
        raise NotFound(f"There is no study {slug}.")
    if not study.is_open:
        raise Conflict("This study is not open for votes.", code="closed")
    return study


def pool_of(study: Study) -> Pool:
    """The size of the study's pool. Remembered: the pairs of an open study do not change."""
    opened = study.opened_at.timestamp() if study.opened_at else 0
    key = f"voting.pool:{study.pk}:{opened}"
    pool: Pool | None = cache.get(key)
    if pool is None:
        sums = Query.objects.filter(study=study).aggregate(
            positions=Count("pk"), queries=Count("pk", filter=Q(slots__gt=0)), pairs=Sum("slots", default=0)
        )
        pool = Pool(**sums)
        if study.is_open:
            cache.set(key, pool, _POOL_SECONDS)
    return pool


def progress_of_voter(study: Study, voter: Voter | None) -> VoterProgress:
    """How far a voter is through the study."""
    answered = Exposure.objects.filter(study=study, voter=voter, answered_at__isnull=False)
    return VoterProgress(answered=answered.count() if voter else 0, total=pool_of(study).pairs)


def exposures_to_show(tokens: Sequence[uuid.UUID]) -> list[Exposure]:
    """The exposures with what is needed to show them, in the order of their tokens; unknown ones left out."""
    found = Exposure.objects.select_related("pair__query__item__picture", "pair__candidate__picture").only(
        "token",
        "pair__query__item__picture__public_id",
        "pair__query__item__picture__width",
        "pair__query__item__picture__height",
        "pair__candidate__picture__public_id",
        "pair__candidate__picture__width",
        "pair__candidate__picture__height",
    )
    by_token = {exposure.token: exposure for exposure in found.filter(token__in=tokens)}
    return [by_token[token] for token in tokens if token in by_token]
