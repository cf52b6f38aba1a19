"""How much voters' reports of a pair weigh: by the record of who sent them, and by where they came from."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import connection

from evalapp.catalog.models import FlagSource
from evalapp.studies.models import PairFlag, StudyState
from evalapp.studies.services.pair_flags import settle_reports
from evalapp.voting.domain.report_weight import FEWEST_VERDICTS, MOST_REPORTS
from evalapp.voting.domain.verdicts import DRAWN_KINDS

_MOST_PAIRS = 5_000

# One address is one person who reports: who wants to be many needs as many addresses, each with a record.
_BACKED = """
WITH reporting AS MATERIALIZED (
    SELECT DISTINCT vote.pair_id, voter.id, voter.address, voter.trusted
    FROM voting_vote vote JOIN voting_exposure exposure ON exposure.id = vote.exposure_id
    JOIN voting_voter voter ON voter.id = vote.voter_id
    WHERE vote.pair_id = ANY(%(pairs)s) AND vote.verdict = 'report' AND vote.counted
      AND exposure.kind IN %(kinds)s AND voter.blocked_at IS NULL
), known AS MATERIALIZED (
    SELECT said.voter_id FROM voting_vote said
    WHERE said.voter_id IN (SELECT id FROM reporting) AND said.void_reason = ''
    GROUP BY said.voter_id
    HAVING count(*) FILTER (WHERE said.verdict IN ('dope', 'nope', 'tie')) >= %(verdicts)s
       AND count(*) FILTER (WHERE said.verdict = 'report') <= %(share)s * count(*)
)
SELECT pair_id, count(DISTINCT coalesce(nullif(address, ''), id::text)) FROM reporting
WHERE trusted OR id IN (SELECT voter_id FROM known) GROUP BY pair_id
"""


def weigh_reports(pairs: Collection[int]) -> None:
    """Take these pairs out of play, or let them in again, by what their reports weigh now."""
    parameters: dict[str, Any] = {
        "pairs": sorted(pairs),
        "verdicts": FEWEST_VERDICTS,
        "share": MOST_REPORTS,
        "kinds": DRAWN_KINDS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_BACKED, parameters)
        backed = dict(cursor.fetchall())
    settle_reports({pair: backed.get(pair, 0) for pair in pairs})


def weigh_all_reports() -> None:
    """The same for every pair of an open study that somebody reported and no operator has looked at: whoever reported
    early may have a record by now, and somebody may have been set aside."""
    waiting = PairFlag.objects.filter(
        source=FlagSource.VOTERS, settled_at=None, reports__gt=0, pair__study__state=StudyState.OPEN
    )
    pairs = list(waiting.order_by("-reports", "pk").values_list("pair_id", flat=True)[:_MOST_PAIRS])
    if pairs:
        weigh_reports(pairs)
