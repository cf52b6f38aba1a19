"""A contender that enters late: what old votes say of it, and what they cannot."""

from __future__ import annotations

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from evalapp.leaderboard.models import BoardBatch, BoardState, BoardVoter
from evalapp.leaderboard.packing import pack, pack_batch, pack_evidence, unpack_batch
from evalapp.leaderboard.queries import Field, field_of
from evalapp.stats.batches import Batch, bounds
from evalapp.stats.evidence import Evidence, FloatArray
from evalapp.stats.sampler import uniform_design
from evalapp.studies.models import Study, StudyMode
from evalapp.voting.models import Design


def begin_sums(study: Study) -> None:
    """An empty page for the study's sums, and the uniform design as batch 0, unless they are there."""
    field = field_of(study)
    everybody = [contender.pk for contender in field.contenders]
    if not BoardBatch.objects.filter(study=study, version=0).exists():
        numbers = _numbers(study, field, field.uniform, None)
        BoardBatch.objects.bulk_create(
            [BoardBatch(study=study, version=0, contenders=everybody, numbers=numbers)], ignore_conflicts=True
        )
    newest = BoardBatch.objects.filter(study=study).order_by("version").last()
    eras = 1 if newest is None else 1 + newest.era + (newest.contenders != everybody)
    BoardState.objects.bulk_create(
        [
            BoardState(
                study=study,
                contenders=everybody,
                eras=eras,
                evidence=pack_evidence(Evidence.none(len(everybody), eras)),
                queries=pack(np.zeros((2, field.positions))),
                raw=pack(np.zeros((2, len(everybody)))),
            )
        ],
        ignore_conflicts=True,
    )


def admit(study: Study) -> None:
    """Make room for contenders that entered since, and forget the sums, which then are to be added anew.

    A design speaks of a contender if each of its first choices could be drawn by it: a newcomer that agrees with old
    pairs everywhere brings all their votes along. Of one with pairs of its own, votes from before would tell only
    where it agrees with others, which is no fair sample of its queries: it has no statements before it entered.
    """
    field = field_of(study)
    everybody = [contender.pk for contender in field.contenders]
    with transaction.atomic():
        for row in BoardBatch.objects.select_for_update().filter(study=study):
            _extend(study, field, row, everybody)
        BoardVoter.objects.filter(study=study).delete()
        BoardState.objects.filter(study=study).delete()
        begin_sums(study)


def _extend(study: Study, field: Field, row: BoardBatch, everybody: list[int]) -> None:
    known = set(row.contenders)
    drawn, chances = _design(study, field, row, known)
    fits = np.array([one in known for one in everybody]) | ~(field.members & ~drawn[:, None]).any(axis=0)
    count = int(fits.sum())
    # Ids grow with the time of entry: who fits comes first, or waits for those before it.
    if count == len(known) or not fits[:count].all():
        return
    old = unpack_batch(row, count)
    inside = Field(
        field.contenders[:count],
        field.pairs[drawn],
        field.places[drawn],
        field.members[drawn][:, :count],
        field.queries,
        field.positions,
    )
    row.numbers = _numbers(study, inside, chances, old)
    row.contenders = everybody[:count]
    row.save(update_fields=["numbers", "contenders"])


def _design(study: Study, field: Field, row: BoardBatch, known: set[int]) -> tuple[NDArray[np.bool_], FloatArray]:
    """Which pairs could be drawn [K], and the probabilities of those."""
    if row.version:
        design = Design.objects.get(study=study, version=row.version)
        pairs = np.frombuffer(bytes(design.pairs), dtype="<i8")
        order = np.argsort(pairs)
        drawn: NDArray[np.bool_] = np.isin(field.pairs, pairs)
        places = order[np.searchsorted(pairs[order], field.pairs[drawn])]
        return drawn, np.frombuffer(bytes(design.probabilities), dtype="<f8")[places]
    old = np.array([contender.pk in known for contender in field.contenders])
    drawn = np.asarray(field.members[:, old].any(axis=1))
    return drawn, uniform_design(field.places[drawn], len(np.unique(field.places[drawn])))


def _numbers(study: Study, field: Field, chances: FloatArray, old: Batch | None) -> bytes:
    variance, reach, own = bounds(field.members, chances, field.queries)
    # Shown together, both candidates may speak at once.
    reach = reach * (1 if study.mode == StudyMode.SWIPE else 2)
    closeness, means = (None, None) if old is None else (old.closeness, old.query_means)
    return pack_batch(Batch(variance, reach, own, closeness=closeness, query_means=means), field.positions)
