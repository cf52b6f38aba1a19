"""Who is set aside by itself: what is faster than people, what only reports, what comes in bursts and leaves at once.

Blocked is nobody whom an operator trusts. Everything can be taken back: unblocking brings all votes back.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection

from evalapp.voting.domain.void_reasons import BURST, REPORTS, TOO_FAST
from evalapp.voting.models import Voter
from evalapp.voting.services.voters import block_voter, catch_up_with_blocks

_NEWEST = 20_000
"""So many of the newest votes are looked at in a review, however many there are."""
_FEWEST, _MEDIAN_MS = 20, 250
"""After so many verdicts: a median of the told times below this."""
_FEWEST_AT_ONCE, _MOST_PER_SECOND = 8, 5.0
"""After so many answers, by our own clock: more in each second since the first card was dealt."""
_FEWEST_REPORTING, _MOST_REPORTED = 20, 0.5
"""After so many answers: a larger share of them are reports."""
_STAY_SECONDS, _IDLE_SECONDS = 60, 30
"""Whoever still answers so long after the first card has stayed; whoever has not, and is silent for so long, has left.
"""
_CROWD, _FEW_STAY = 30, 0.05
"""So many new visitors of one address, of whom at most this share has stayed, are a burst …"""
_OTHERS, _OTHERS_STAY = 20, 0.25
"""… in a study of which so many others are known, and at least this share of these has stayed: where everybody is done
within a minute, leaving says nothing."""

# What was shown together is one answer.
_HASTY = """
SELECT vote.voter_id FROM voting_vote vote JOIN voting_exposure exposure ON exposure.id = vote.exposure_id
JOIN voting_voter voter ON voter.id = vote.voter_id
WHERE vote.id > (SELECT coalesce(max(id), 0) FROM voting_vote) - %(newest)s AND NOT vote.simulated
  AND vote.verdict IN ('dope', 'nope', 'tie') AND exposure.kind <> 'imported'
  AND voter.blocked_at IS NULL AND NOT voter.trusted
GROUP BY vote.voter_id HAVING
    (count(*) >= %(fewest)s AND percentile_cont(0.5) WITHIN GROUP (ORDER BY vote.response_ms) < %(median)s)
    OR (count(DISTINCT coalesce(exposure."group", exposure.token)) >= %(at_once)s
        AND count(DISTINCT coalesce(exposure."group", exposure.token))
            > %(rate)s * greatest(extract(epoch FROM max(vote.voted_at) - min(exposure.served_at)), 0.1))
"""

_REPORTING = """
SELECT vote.voter_id FROM voting_vote vote JOIN voting_voter voter ON voter.id = vote.voter_id
WHERE vote.id > (SELECT coalesce(max(id), 0) FROM voting_vote) - %(newest)s AND NOT vote.simulated
  AND vote.void_reason <> 'undone' AND voter.blocked_at IS NULL AND NOT voter.trusted
GROUP BY vote.voter_id
HAVING count(*) >= %(fewest)s AND count(*) FILTER (WHERE vote.verdict = 'report') > %(share)s * count(*)
"""

# Voters of an address are counted together with those of a burst before, so that the next ones are no new beginning.
_BURSTS = """
WITH visit AS MATERIALIZED (
    SELECT vote.study_id, voter.id AS voter, coalesce(nullif(voter.address, ''), voter.id::text) AS address,
           voter.blocked_at, voter.block_reason,
           max(vote.voted_at) - min(exposure.served_at) > make_interval(secs => %(stay)s) AS stayed
    FROM voting_vote vote JOIN voting_exposure exposure ON exposure.id = vote.exposure_id
    JOIN voting_voter voter ON voter.id = vote.voter_id
    WHERE vote.id > (SELECT coalesce(max(id), 0) FROM voting_vote) - %(newest)s AND NOT vote.simulated
      AND exposure.kind <> 'imported' AND NOT voter.trusted
    GROUP BY vote.study_id, voter.id
    HAVING max(vote.voted_at) - min(exposure.served_at) > make_interval(secs => %(stay)s)
        OR max(vote.voted_at) < now() - make_interval(secs => %(idle)s)
), place AS MATERIALIZED (
    SELECT study_id, address, count(*) AS voters, count(*) FILTER (WHERE stayed) AS staying
    FROM visit WHERE blocked_at IS NULL OR block_reason = %(reason)s GROUP BY study_id, address
), study AS (
    SELECT study_id, sum(voters) AS voters, sum(staying) AS staying FROM place GROUP BY study_id
)
SELECT visit.voter FROM visit JOIN place USING (study_id, address) JOIN study USING (study_id)
WHERE visit.blocked_at IS NULL AND NOT visit.stayed
  AND place.voters >= %(crowd)s AND place.staying <= %(few)s * place.voters
  AND study.voters - place.voters >= %(others)s
  AND study.staying - place.staying >= %(others_stay)s * (study.voters - place.voters)
"""


def review_voters() -> list[UUID]:
    """Block who does not vote as people do; returns their ids.

    Votes of blocked voters that were on their way when they were blocked are set aside as well.
    """
    blocked = []
    for reason, voters in ((TOO_FAST, _hasty_voters()), (REPORTS, _reporting_voters()), (BURST, _burst_voters())):
        for voter in voters:
            block_voter(Voter(pk=voter), reason)
        blocked += voters
    catch_up_with_blocks()
    return blocked


def _hasty_voters() -> list[UUID]:
    return _select_voters(
        _HASTY, fewest=_FEWEST, median=_MEDIAN_MS, at_once=_FEWEST_AT_ONCE, rate=_MOST_PER_SECOND
    )  # fmt: skip


def _reporting_voters() -> list[UUID]:
    return _select_voters(_REPORTING, fewest=_FEWEST_REPORTING, share=_MOST_REPORTED)


def _burst_voters() -> list[UUID]:
    return _select_voters(
        _BURSTS, stay=_STAY_SECONDS, idle=_IDLE_SECONDS, crowd=_CROWD, few=_FEW_STAY, others=_OTHERS,
        others_stay=_OTHERS_STAY, reason=BURST,
    )  # fmt: skip


def _select_voters(statement: str, **params: Any) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"newest": _NEWEST, **params})
        return [voter for (voter,) in cursor.fetchall()]
