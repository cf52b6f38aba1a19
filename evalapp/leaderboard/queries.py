"""Reads of the board: who may see it, what the study's pairs look like, which votes are to be added."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.core.cache import cache
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest
from numpy.typing import NDArray

from evalapp.core.domain.attention import Matter
from evalapp.core.domain.errors import NotFound
from evalapp.leaderboard.domain.publication_steps import (
    MOST_OF_A_VOTER,
    REST_OF_AN_ADDRESS,
    VOTERS_OF_AN_ADDRESS,
    VOTES_OF_AN_ADDRESS,
    Step,
)
from evalapp.leaderboard.models import BoardState, PublishedBoard
from evalapp.studies.models import BoardVisibility, Contender, Nomination, Pair, Query, Study, StudyState
from evalapp.studies.queries.study_reads import OPENED
from evalapp.voting.domain.verdicts import DRAWN_KINDS, VERDICTS
from evalapp.voting.domain.void_reasons import UNDONE
from evalapp.voting.models import Correction, ExposureKind, Vote

_AGREEMENT_SECONDS = 600
_FACTS = """
SELECT vote.id, vote.voter_id, vote.pair_id, vote.verdict, vote.counted, vote.void_reason, vote.simulated,
       exposure.kind, exposure.expected, exposure.propensity, coalesce(exposure.design_version, 0),
       coalesce(exposure.group::text, ''), query.position
FROM voting_vote vote
JOIN voting_exposure exposure ON exposure.id = vote.exposure_id
JOIN studies_pair pair ON pair.id = vote.pair_id
JOIN studies_query query ON query.id = pair.query_id
WHERE vote.study_id = %s AND vote.verdict IN ('dope', 'nope', 'tie') AND exposure.kind IN ('study', 'control', 'gold')
"""


@dataclass(frozen=True, slots=True)
class Fact:
    """All of a vote that the sums depend on; nothing in it changes but whether it counts."""

    vote: int
    voter: UUID
    pair: int
    verdict: str
    counted: bool
    void_reason: str
    simulated: bool
    kind: str
    expected: str
    propensity: float
    version: int
    group: str
    position: int

    @property
    def is_aside(self) -> bool:
        """Set aside, not taken back: the board shows its sums with and without it."""
        return not self.counted and self.void_reason != UNDONE

    @property
    def is_gold(self) -> bool:
        """Its answer was known; it tells of the voter only."""
        return self.kind == ExposureKind.GOLD


@dataclass(frozen=True, slots=True)
class Horizon:
    """The newest vote and correction, and the transactions of this moment: none before `oldest` is still running."""

    vote: int
    correction: int
    oldest: int
    next: int


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
    def uniform_chances(self) -> NDArray[np.float64]:
        """Every query equally likely, then each of its pairs."""
        slots = np.bincount(self.places, minlength=self.positions)
        return np.asarray(1.0 / (self.queries * slots[self.places]))


def board_for(request: HttpRequest, slug: str) -> Study:
    """The study whose board this visitor may see; raises NotFound, also where it is private or was not opened yet."""
    study = Study.objects.filter(slug=slug).first()
    is_public = study is not None and study.board != BoardVisibility.PRIVATE and study.state in OPENED
    if study is None or not (is_public or is_operator(request)):
        raise NotFound(f"There is no leaderboard {slug}.")
    return study


def is_operator(request: HttpRequest) -> bool:
    """Whether the request comes from an operator."""
    return bool(request.user.is_active and request.user.is_staff)


def contenders_of(study: Study) -> list[Contender]:
    """All who take part, in the order they entered."""
    return list(Contender.objects.filter(study=study).order_by("pk"))


def racing_of(contenders: Sequence[int]) -> NDArray[np.bool_]:
    """Which of these, by their ids, are in the race: not archived."""
    archived = Contender.objects.filter(pk__in=contenders).exclude(archived_at=None).values_list("pk", flat=True)
    return ~np.isin(np.asarray(contenders, dtype=np.int64), list(archived))


def racing_ids(study: Study) -> list[int]:
    """Ids of those in the race, in the order they entered."""
    return list(Contender.objects.filter(study=study, archived_at=None).order_by("pk").values_list("pk", flat=True))


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


def agreement_of(study: Study) -> tuple[NDArray[np.int64], int]:
    """On how many queries each two contenders put the same pair first [M, M], and how many queries there are.

    Remembered: the first choices of an open study do not change, unless a contender enters.
    """
    opened = study.opened_at.timestamp() if study.opened_at else 0
    key = f"leaderboard.agreement:{study.pk}:{opened}:{study.contenders.count()}"
    agreement: tuple[NDArray[np.int64], int] | None = cache.get(key)
    if agreement is None:
        field = field_of(study)
        columns = field.members.astype(np.int64)
        agreement = columns.T @ columns, field.queries
        if study.is_open:
            cache.set(key, agreement, _AGREEMENT_SECONDS)
    return agreement


def facts_after(study: Study, vote: int, most: int) -> list[Fact]:
    """Verdicts with higher ids than this, in the order of their ids, at most so many."""
    return _fetch_facts(" AND vote.id > %s ORDER BY vote.id LIMIT %s", study.pk, vote, most)


def facts_of_voters(study: Study, voters: Iterable[UUID]) -> list[Fact]:
    """All verdicts of these voters, in the order of their ids."""
    return _fetch_facts(" AND vote.voter_id = ANY(%s::uuid[]) ORDER BY vote.id", study.pk, [str(one) for one in voters])


def _fetch_facts(condition: str, *values: int | list[str]) -> list[Fact]:
    with connection.cursor() as cursor:
        cursor.execute(_FACTS + condition, values)
        return [Fact(*row) for row in cursor.fetchall()]


def horizon_of(study: Study) -> Horizon:
    """As of now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce((SELECT max(id) FROM voting_vote WHERE study_id = %(study)s), 0),"
            " coalesce((SELECT max(id) FROM voting_correction WHERE study_id = %(study)s), 0),"
            " pg_snapshot_xmin(pg_current_snapshot())::text::bigint,"
            " pg_snapshot_xmax(pg_current_snapshot())::text::bigint",
            {"study": study.pk},
        )
        return Horizon(*cursor.fetchone())


def corrected_voters(study: Study, after: int) -> set[UUID]:
    """Voters of whose votes some were taken out or put back since this correction."""
    rows = Correction.objects.filter(study=study, pk__gt=after)
    return set(rows.values_list("vote__voter", flat=True))


def pending_votes(study: Study, after: int) -> int:
    """Verdicts that count and have higher ids than this: stored, and not in the sums."""
    rows = Vote.objects.filter(study=study, pk__gt=after, counted=True, verdict__in=(*VERDICTS, "tie"))
    return rows.filter(exposure__kind__in=DRAWN_KINDS).count()


def first_choices(pairs: Iterable[int]) -> dict[int, list[int]]:
    """Ids of the contenders that put each of these pairs first."""
    contenders_by_pair: dict[int, list[int]] = {}
    for pair, contender in Nomination.objects.filter(pair__in=set(pairs), rank=1).values_list("pair", "contender"):
        contenders_by_pair.setdefault(pair, []).append(contender)
    return contenders_by_pair


def pair_counts(pairs: NDArray[np.int64]) -> dict[int, int]:
    """Verdicts that count, per pair."""
    rows = Pair.objects.filter(pk__in=pairs.tolist()).values_list("pk", "dope", "nope")
    return {pk: dope + nope for pk, dope, nope in rows}


def strata_of(study: Study) -> NDArray[np.intp]:
    """The number of each query's category, by position."""
    rows = Query.objects.filter(study=study).order_by("position").values_list("item__category", flat=True)
    names: dict[str, int] = {}
    return np.array([names.setdefault(name or "", len(names)) for name in rows], dtype=np.intp)


_STEP = """
WITH said AS (
    SELECT vote.voter_id, count(*) AS votes FROM voting_vote vote
    WHERE vote.study_id = %(study)s AND vote.id > %(after)s AND vote.counted AND vote.verdict IN ('dope', 'nope', 'tie')
    GROUP BY vote.voter_id
), placed AS (
    SELECT count(*) AS voters, sum(said.votes) AS votes, sum(least(said.votes, %(of_voter)s)) AS weighed
    FROM said JOIN voting_voter voter ON voter.id = said.voter_id
    GROUP BY coalesce(nullif(voter.address, ''), voter.id::text)
)
SELECT coalesce(sum(votes), 0),
       coalesce(sum(least(weighed, %(votes)s) + %(rest)s * greatest(weighed - %(votes)s, 0)), 0),
       coalesce(sum(least(voters, %(voters)s) + %(rest)s * greatest(voters - %(voters)s, 0)), 0)
FROM placed
"""


def step_since(study: Study, vote: int) -> Step:
    """What has come after this vote."""
    params = {
        "study": study.pk,
        "after": vote,
        "of_voter": MOST_OF_A_VOTER,
        "votes": VOTES_OF_AN_ADDRESS,
        "voters": VOTERS_OF_AN_ADDRESS,
        "rest": REST_OF_AN_ADDRESS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_STEP, params)
        votes, weighed_votes, weighed_voters = cursor.fetchone()
    return Step(int(votes), float(weighed_votes), float(weighed_voters))


def published_boards(study: Study) -> QuerySet[PublishedBoard]:
    """What the public has been told while people voted."""
    return PublishedBoard.objects.filter(study=study, published_at__isnull=False)


def newest_published(study: Study) -> PublishedBoard | None:
    """What the public reads while people vote; None before the first step."""
    return published_boards(study).order_by("-pk").first()


def decided_studies() -> Iterator[Matter]:
    """One matter for every open study whose board has named a winner: it may be closed and used."""
    decided = BoardState.objects.filter(winner__isnull=False, study__state=StudyState.OPEN)
    rows = decided.only("study__slug", "study__title", "winner__name").select_related("study", "winner")
    for row in rows.order_by("study__slug"):
        yield Matter(f"{row.study.title} is decided: {row.winner}", "leaderboard", (row.study.slug,))
