"""What can be told about the voters of a study from their answers: for operators, who may block and unblock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from evalapp.stats.voter_honesty import chance_honest, longest_run, straight_lining
from evalapp.studies.models import Study
from evalapp.voting.domain.verdicts import VERDICTS
from evalapp.voting.domain.void_reasons import UNDONE
from evalapp.voting.models import ExposureKind

NEWEST = 500
"""So many of a voter's newest verdicts tell about runs."""

# Answers taken back are nobody's; those set aside are told about, since that is what the operator looks for.
_LINES = """
WITH said AS (
    SELECT vote.id, vote.voter_id, vote.verdict, vote.response_ms, vote.counted, vote.simulated, vote.voted_at,
           exposure.kind, exposure.expected, before.verdict AS earlier
    FROM voting_vote vote JOIN voting_exposure exposure ON exposure.id = vote.exposure_id
    LEFT JOIN voting_vote before ON before.exposure_id = exposure.repeats_id AND before.void_reason <> %(undone)s
    WHERE vote.study_id = %(study)s AND vote.voter_id = ANY(%(voters)s) AND vote.void_reason <> %(undone)s
), places AS (
    -- Once for an address, not once for each of its voters: they may be thousands.
    SELECT address, count(*) AS voters FROM voting_voter
    WHERE address IN (SELECT address FROM voting_voter WHERE id = ANY(%(voters)s)) AND address <> '' GROUP BY address
)
SELECT said.voter_id, count(*), count(*) FILTER (WHERE counted), count(*) FILTER (WHERE verdict = 'dope'),
       count(*) FILTER (WHERE verdict IN %(verdicts)s),
       count(*) FILTER (WHERE expected <> '' AND verdict = expected),
       count(*) FILTER (WHERE expected <> '' AND verdict IN %(verdicts)s AND verdict <> expected),
       count(*) FILTER (WHERE kind = %(repeat)s AND verdict = earlier AND verdict IN %(verdicts)s),
       count(*) FILTER (WHERE kind = %(repeat)s AND verdict IN %(verdicts)s AND earlier IN %(verdicts)s),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY response_ms),
       array_agg(verdict = 'dope' ORDER BY said.id) FILTER (WHERE verdict IN %(verdicts)s),
       bool_or(said.simulated), max(said.voted_at), voter.blocked_at, voter.block_reason, voter.trusted,
       coalesce(max(places.voters), 1)
FROM said JOIN voting_voter voter ON voter.id = said.voter_id LEFT JOIN places ON places.address = voter.address
GROUP BY said.voter_id, voter.id
"""


@dataclass(frozen=True, slots=True)
class VoterLine:
    """One voter in one study. Shares are between 0 and 1, None where there is nothing to count.

    `gold`: known answers met, `self_agreement`: of repeats, `longest_run`: same verdicts in a row,
    `straight_lining`: the probability of a run as long, had the same verdicts come in any order (small is suspicious),
    `chance_honest`: the probability that they look at the pictures (both: `evalapp.stats.voter_honesty`),
    `neighbours`: voters of the same address on the same day, themselves included.
    """

    voter: UUID
    answers: int
    counted: int
    dope_share: float | None
    gold: int
    gold_agreement: float | None
    honesty: float
    repeats: int
    self_agreement: float | None
    median_ms: int | None
    longest_run: int
    straight_lining: float
    is_simulated: bool
    last: datetime
    blocked_at: datetime | None
    block_reason: str
    trusted: bool
    neighbours: int

    @property
    def name(self) -> str:
        """Short, and enough to tell them apart."""
        return self.voter.hex[:8]


def lines_of(study: Study, voters: Sequence[UUID]) -> list[VoterLine]:
    """What is told about these voters of the study, in their order; of whoever did not vote there is no line."""
    with connection.cursor() as cursor:
        params: dict[str, Any] = {"study": study.pk, "voters": list(voters), "verdicts": VERDICTS}
        cursor.execute(_LINES, params | {"undone": UNDONE, "repeat": ExposureKind.REPEAT})
        lines = {row[0]: _voter_line(*row) for row in cursor.fetchall()}
    return [lines[voter] for voter in voters if voter in lines]


def _voter_line(
    voter: UUID, answers: int, counted: int, dopes: int, verdicts: int, right: int, wrong: int, same: int, repeats: int,
    median: float | None, run: list[bool] | None, is_simulated: bool, last: datetime, blocked_at: datetime | None,
    block_reason: str, trusted: bool, neighbours: int,
) -> VoterLine:  # fmt: skip
    newest = (run or [])[-NEWEST:]
    return VoterLine(
        voter=voter,
        answers=answers,
        counted=counted,
        dope_share=dopes / verdicts if verdicts else None,
        gold=right + wrong,
        gold_agreement=right / (right + wrong) if right + wrong else None,
        honesty=chance_honest(right, wrong),
        repeats=repeats,
        self_agreement=same / repeats if repeats else None,
        median_ms=None if median is None else round(median),
        longest_run=longest_run(newest),
        straight_lining=straight_lining(newest),
        is_simulated=is_simulated,
        last=last,
        blocked_at=blocked_at,
        block_reason=block_reason,
        trusted=trusted,
        neighbours=neighbours,
    )
