"""How votes were spent: each contender's share of them, what an even design would give it, and what was skipped."""

from __future__ import annotations

from typing import Any

from django.db import connection

from evalapp.leaderboard.domain.results import Board
from evalapp.studies.models import Study

# Out of the counts that each pair keeps: as much work as there are pairs, however many votes.
_COUNTS = """
SELECT contender.name, sum(pair.dope + pair.nope), sum(pair.skip), sum(1.0 / query.slots)
FROM studies_nomination nomination
JOIN studies_contender contender ON contender.id = nomination.contender_id
JOIN studies_pair pair ON pair.id = nomination.pair_id
JOIN studies_query query ON query.id = pair.query_id
WHERE contender.study_id = %s AND nomination.rank = 1 AND pair.slot IS NOT NULL
GROUP BY contender.name
"""


def sampling_of(study: Study, board: Board) -> dict[str, Any]:
    """A line per contender: `share` of votes on its first choices, `even` under the uniform design, `skipped` rate.

    Skips are no votes; were they more frequent for one contender than for others, its approval would be of the easier
    pairs only.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, [study.pk])
        counts = {name: (int(votes), int(skips), float(even)) for name, votes, skips, even in cursor.fetchall()}
    queries = study.queries.filter(slots__gt=0).count()
    lines = []
    for standing in board.standings:
        votes, skips, even = counts.get(standing.contender, (0, 0, 0.0))
        lines.append(
            {
                "contender": standing.contender,
                "votes": standing.votes,
                "share": standing.votes / board.votes if board.votes else None,
                "even": even / queries if queries else None,
                "skipped": skips / (votes + skips) if votes + skips else None,
            }
        )
    return {"lines": lines}
