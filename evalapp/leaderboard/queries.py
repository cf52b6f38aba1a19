"""Reads of the board: who may see it, what the study's pairs look like, which votes are to be added."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from django.db import connection
from django.http import HttpRequest
from numpy.typing import NDArray

from evalapp.core.errors import NotFound
from evalapp.studies.models import BoardVisibility, Contender, Nomination, Query, Study

_VOTES = """
SELECT vote.id, vote.voter_id, vote.pair_id, vote.verdict, query.position, exposure.propensity, vote.simulated
FROM voting_vote vote
JOIN voting_exposure exposure ON exposure.id = vote.exposure_id
JOIN studies_pair pair ON pair.id = vote.pair_id
JOIN studies_query query ON query.id = pair.query_id
WHERE vote.study_id = %(study)s AND vote.counted AND vote.verdict IN ('dope', 'nope', 'tie')
  AND exposure.kind IN ('study', 'control')
ORDER BY vote.id
"""


@dataclass(frozen=True, slots=True)
class Field:
    """What can be shown and who put it first: ids of K pairs, their queries' positions, members [K, M].

    `queries` have pairs; positions run from 0 to `positions` - 1.
    """

    contenders: tuple[Contender, ...]
    pairs: NDArray[np.int64]
    places: NDArray[np.intp]
    members: NDArray[np.bool_]
    queries: int
    positions: int

    @property
    def uniform(self) -> NDArray[np.float64]:
        """Every query equally likely, then each of its pairs."""
        slots = np.bincount(self.places, minlength=self.positions)
        return np.asarray(1.0 / (self.queries * slots[self.places]))


def board_for(request: HttpRequest, slug: str) -> Study:
    """The study whose board this visitor may see; raises NotFound, also where it is private."""
    study = Study.objects.filter(slug=slug).first()
    hidden = study is None or (study.board == BoardVisibility.PRIVATE and not is_operator(request))
    if study is None or hidden:
        raise NotFound(f"There is no leaderboard {slug}.")
    return study


def is_operator(request: HttpRequest) -> bool:
    """Whether the request comes from an operator."""
    return bool(request.user.is_active and request.user.is_staff)


def contenders_of(study: Study) -> list[Contender]:
    """All who take part, in the order they entered."""
    return list(Contender.objects.filter(study=study).order_by("pk"))


def field_of(study: Study) -> Field:
    """The study's pairs as arrays, in the order of their ids."""
    contenders = contenders_of(study)
    column = {contender.pk: place for place, contender in enumerate(contenders)}
    rows = np.array(
        Nomination.objects.filter(contender__study=study, rank=1, pair__slot__isnull=False)
        .order_by("pair_id")
        .values_list("pair_id", "pair__query__position", "contender_id"),
        dtype=np.int64,
    ).reshape(-1, 3)
    pairs, first, inverse = np.unique(rows[:, 0], return_index=True, return_inverse=True)
    members = np.zeros((len(pairs), len(contenders)), dtype=bool)
    members[inverse, [column[int(one)] for one in rows[:, 2]]] = True
    places = rows[first, 1].astype(np.intp)
    positions = Query.objects.filter(study=study).count()
    return Field(tuple(contenders), pairs, places, members, len(np.unique(places)), positions)


def counted_votes(study: Study) -> list[tuple[int, str, int, str, int, float, bool]]:
    """All verdicts that count: vote, voter, pair, verdict, query's position, propensity, simulated; in their order."""
    with connection.cursor() as cursor:
        cursor.execute(_VOTES, {"study": study.pk})
        return list(cursor.fetchall())
