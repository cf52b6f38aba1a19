"""A contender that enters late: what old votes say of it, and what they cannot."""

from __future__ import annotations

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from evalapp.leaderboard.models import BoardBatch, BoardState, BoardVoter
from evalapp.leaderboard.queries import Field, field_of
from evalapp.leaderboard.services.sums.codec import FORMAT, pack_arrays, pack_batch, pack_evidence, unpack_batch
from evalapp.stats.designs.adaptive_design import uniform_design
from evalapp.stats.sums.contender_sums import Evidence, FloatArray
from evalapp.stats.sums.epochs import Batch, design_bounds
from evalapp.studies.models import Study, StudyMode
from evalapp.voting.models import Design

_EMPTIED = [
    "contenders", "eras", "evidence", "queries", "raw", "format", "simulated",
    "settled_vote", "settled_correction", "marked_vote", "marked_correction", "marked_xid",
]  # fmt: skip
"""What is lost with the sums; `looked_vote` stays, so that nothing is looked at twice."""


def begin_sums(study: Study) -> None:
    """An empty page for the study's sums, and the uniform design as batch 0, unless they are there: of two processes
    that begin at once, the second finds what the first has added meanwhile."""
    BoardState.objects.bulk_create([_empty_page(study)], ignore_conflicts=True)


def clear_sums(study: Study) -> None:
    """Forget the sums, whose row is locked; the winner and what is known of it stay."""
    BoardVoter.objects.filter(study=study).delete()
    page = [_empty_page(study)]
    BoardState.objects.bulk_create(page, update_conflicts=True, unique_fields=["study"], update_fields=_EMPTIED)


def _empty_page(study: Study) -> BoardState:
    field = field_of(study)
    everybody = [contender.pk for contender in field.contenders]
    if not BoardBatch.objects.filter(study=study, version=0).exists():
        numbers = _pack_numbers(study, field, field.uniform_chances, None)
        BoardBatch.objects.bulk_create(
            [BoardBatch(study=study, version=0, contenders=everybody, numbers=numbers)], ignore_conflicts=True
        )
    entered, eras = _first_eras(study, len(everybody))
    return BoardState(
        study=study,
        contenders=everybody,
        eras=eras,
        evidence=pack_evidence(Evidence.before_votes(len(everybody), eras, entered)),
        queries=pack_arrays(np.zeros((2, field.positions))),
        raw=pack_arrays(np.zeros((2, len(everybody)))),
        format=FORMAT,
    )


def _first_eras(study: Study, contenders: int) -> tuple[list[int], int]:
    """The first era of each contender, and how many eras there are. Whoever is in no batch yet begins a new one."""
    members_of_era: dict[int, int] = {}
    for era, members in BoardBatch.objects.filter(study=study).values_list("era", "contenders"):
        members_of_era[era] = min(members_of_era.get(era, contenders), len(members))
    eras = 1 + max(members_of_era)
    if members_of_era[eras - 1] < contenders:
        members_of_era[eras] = contenders
        eras += 1
    return [min(era for era, count in members_of_era.items() if count > place) for place in range(contenders)], eras


def admit_contenders(study: Study) -> None:
    """Make room for contenders that entered since, and forget the sums, which then are to be added anew.

    A design speaks of a contender if each of its first choices could be drawn by it: a newcomer that agrees with old
    pairs everywhere brings all their votes along. Of one with pairs of its own, votes from before would tell only
    where it agrees with others, which is no fair sample of its queries: it has no statements before it entered.
    """
    field = field_of(study)
    everybody = [contender.pk for contender in field.contenders]
    with transaction.atomic():
        rows = list(BoardBatch.objects.select_for_update().filter(study=study).order_by("-era"))
        most = len(everybody)
        for era in dict.fromkeys(row.era for row in rows):
            rows_of_era = [row for row in rows if row.era == era]
            # All designs of an era, and all eras after it, know the same contenders.
            most = min(most, *(_count_fitting(study, field, row, everybody) for row in rows_of_era))
            for row in rows_of_era:
                _extend_batch(study, field, row, everybody[:most])
        clear_sums(study)


def _count_fitting(study: Study, field: Field, row: BoardBatch, everybody: list[int]) -> int:
    """How many contenders, in the order of their entry, the design of this batch speaks of."""
    members = set(row.contenders)
    drawn, _ = _design_of_batch(study, field, row, members)
    fits = np.array([one in members for one in everybody]) | ~(field.members & ~drawn[:, None]).any(axis=0)
    return len(fits) if fits.all() else int(np.argmin(fits))


def _extend_batch(study: Study, field: Field, row: BoardBatch, contenders: list[int]) -> None:
    count = len(contenders)
    if count <= len(row.contenders):
        return
    drawn, chances = _design_of_batch(study, field, row, set(row.contenders))
    old_batch = unpack_batch(row, count)
    inside = Field(
        field.contenders[:count],
        field.pairs[drawn],
        field.places[drawn],
        field.members[drawn][:, :count],
        field.queries,
        field.positions,
    )
    row.numbers = _pack_numbers(study, inside, chances, old_batch)
    row.contenders = contenders
    row.save(update_fields=["numbers", "contenders"])


def _design_of_batch(
    study: Study, field: Field, row: BoardBatch, members: set[int]
) -> tuple[NDArray[np.bool_], FloatArray]:
    """Which pairs could be drawn [K], and the probabilities of those."""
    if row.version:
        design = Design.objects.get(study=study, version=row.version)
        pairs = np.frombuffer(bytes(design.pairs), dtype="<i8")
        order = np.argsort(pairs)
        drawn: NDArray[np.bool_] = np.isin(field.pairs, pairs)
        places = order[np.searchsorted(pairs[order], field.pairs[drawn])]
        return drawn, np.frombuffer(bytes(design.probabilities), dtype="<f8")[places]
    old_columns = np.array([contender.pk in members for contender in field.contenders])
    drawn = np.asarray(field.members[:, old_columns].any(axis=1))
    return drawn, uniform_design(field.places[drawn], len(np.unique(field.places[drawn])))


def _pack_numbers(study: Study, field: Field, chances: FloatArray, old: Batch | None) -> bytes:
    variance, reach, own_bounds = design_bounds(field.members, chances, field.queries)
    # Shown together, both candidates may speak at once.
    reach = reach * (1 if study.mode == StudyMode.SWIPE else 2)
    closeness, means = (None, None) if old is None else (old.closeness, old.query_means)
    return pack_batch(Batch(variance, reach, own_bounds, closeness=closeness, query_means=means), field.positions)
