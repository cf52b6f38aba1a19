"""The votes credited to each contender, counted by the database in one pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import connection
from django.db.models import Count, Max, Sum
from django.http import HttpRequest

from evalapp.core.errors import NotFound
from evalapp.stats.estimators import WeightedVotes
from evalapp.studies.models import BoardVisibility, Contender, Nomination, Query, Study

# One statement, so that all its numbers are of one moment. The votes are first counted per pair, which keeps the
# join with the nominations as small as the pool, however many votes there are. Gold and repeats are no part of it:
# they were not drawn by the design.
_TALLY = """
WITH counted AS MATERIALIZED (
    SELECT vote.pair_id, vote.voter_id, vote.verdict, vote.simulated, exposure.propensity
    FROM voting_vote vote JOIN voting_exposure exposure ON exposure.id = vote.exposure_id
    WHERE vote.study_id = %(study)s AND vote.counted AND vote.verdict IN ('dope', 'nope')
      AND exposure.kind IN ('study', 'control')
), per_pair AS (
    SELECT pair_id, propensity,
           count(*) FILTER (WHERE verdict = 'dope') AS dope, count(*) FILTER (WHERE verdict = 'nope') AS nope
    FROM counted GROUP BY pair_id, propensity
)
SELECT NULL AS contender_id, NULL AS propensity, count(*) AS dope, count(DISTINCT voter_id) AS nope,
       count(*) FILTER (WHERE simulated) AS simulated FROM counted
UNION ALL
SELECT nomination.contender_id, per_pair.propensity, sum(per_pair.dope), sum(per_pair.nope), NULL
FROM per_pair JOIN studies_nomination nomination ON nomination.pair_id = per_pair.pair_id AND nomination.rank = 1
GROUP BY nomination.contender_id, per_pair.propensity
"""


@dataclass(slots=True)
class _Columns:
    weights: list[float] = field(default_factory=list)
    dope: list[int] = field(default_factory=list)
    nope: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Tally:
    """Counted verdicts, how many of them a simulated crowd gave, distinct voters, and credits by contender's id."""

    votes: int
    simulated: int
    voters: int
    credited: dict[int, WeightedVotes]


@dataclass(frozen=True, slots=True)
class Design:
    """What of the design bounds the bets, known before the first vote.

    `weight_bound`: no weight 1 / (Q π) is above it; `variance_bounds`: per contender with first choices.
    """

    queries: int
    weight_bound: float
    variance_bounds: dict[int, float]


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


def design_of(study: Study) -> Design:
    """The uniform design: weights are at most the slots of a query, v_i = (1 / 4Q) Σ slots over i's queries."""
    shown = Query.objects.filter(study=study, slots__gt=0).aggregate(queries=Count("pk"), most=Max("slots"))
    queries, most = shown["queries"], float(shown["most"] or 1)
    sums = (
        Nomination.objects.filter(contender__study=study, rank=1)
        .values("contender")
        .annotate(slots=Sum("pair__query__slots"))
        .values_list("contender", "slots")
    )
    return Design(queries, most, {contender: slots / (4 * queries) for contender, slots in sums} if queries else {})


def tally_of(study: Study, queries: int) -> Tally:
    """The study's votes with weights 1 / (Q π), Q = `queries`."""
    with connection.cursor() as cursor:
        cursor.execute(_TALLY, {"study": study.pk})
        rows = cursor.fetchall()
    votes, voters, simulated = next((int(row[2]), int(row[3]), int(row[4])) for row in rows if row[0] is None)
    return Tally(votes, simulated, voters, _by_contender((row for row in rows if row[0] is not None), queries))


def _by_contender(rows: Iterable[tuple[int, float, int, int, None]], queries: int) -> dict[int, WeightedVotes]:
    columns: dict[int, _Columns] = {}
    for contender, propensity, dope, nope, _ in rows:
        mine = columns.setdefault(contender, _Columns())
        mine.weights.append(1 / (queries * propensity))
        mine.dope.append(int(dope))
        mine.nope.append(int(nope))
    return {one: WeightedVotes.of(mine.weights, mine.dope, mine.nope) for one, mine in columns.items()}
