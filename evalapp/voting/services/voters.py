"""Setting a voter's votes aside and back, and forgetting a person. No vote is deleted."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from evalapp.voting.models import Correction, Vote, Voter
from evalapp.voting.services.counts import change_counts, counts_of

BLOCKED, TOO_FAST, TRAP = "blocked", "too_fast", "trap"
"""Why somebody's votes do not count: an operator said so, nobody is as fast, only a program fills that field."""

_FEWEST, _MEDIAN_MS, _MOST_PER_SECOND = 20, 250, 5.0
"""After so many verdicts: a median below this, or more verdicts in each second since the first card was dealt."""
_NEWEST = 20_000
"""So many of the newest votes are looked at in a review, however many there are."""

_HASTY = """
SELECT vote.voter_id FROM voting_vote vote JOIN voting_exposure exposure ON exposure.id = vote.exposure_id
JOIN voting_voter voter ON voter.id = vote.voter_id
WHERE vote.id > (SELECT coalesce(max(id), 0) FROM voting_vote) - %(newest)s AND NOT vote.simulated
  AND vote.verdict IN ('dope', 'nope') AND exposure.kind <> 'imported'
  AND voter.blocked_at IS NULL AND NOT voter.trusted
GROUP BY vote.voter_id HAVING count(*) >= %(fewest)s AND (
    percentile_cont(0.5) WITHIN GROUP (ORDER BY vote.response_ms) < %(median)s
    OR count(*) > %(rate)s * greatest(extract(epoch FROM max(vote.voted_at) - min(exposure.served_at)), 0.1)
)
"""


def block_voter(voter: Voter, reason: str = BLOCKED) -> int:
    """Set all their votes aside, those to come included; returns how many counted until now."""
    Voter.objects.filter(pk=voter.pk, blocked_at__isnull=True).update(blocked_at=timezone.now(), block_reason=reason)
    return _set_aside(voter.pk)


def _set_aside(voter: UUID) -> int:
    with transaction.atomic():
        # Waits for votes that are being written by somebody who still takes the voter for free.
        known = Voter.objects.select_for_update().get(pk=voter)
        votes = _locked(Vote.objects.filter(voter=voter, counted=True))
        _mark(votes, counted=False, reason=known.block_reason)
    return len(votes)


def unblock_voter(voter: Voter) -> int:
    """Let their votes count again, and trust them from now on; returns how many came back."""
    with transaction.atomic():
        known = Voter.objects.select_for_update().get(pk=voter.pk)
        if known.blocked_at is None:
            return 0
        votes = _locked(Vote.objects.filter(voter=voter, counted=False, void_reason=known.block_reason))
        _mark(votes, counted=True, reason=known.block_reason)
        Voter.objects.filter(pk=voter.pk).update(blocked_at=None, block_reason="", trusted=True)
    return len(votes)


def _locked(votes: QuerySet[Vote]) -> list[Vote]:
    ordered = votes.select_related("exposure").order_by("pk")
    return list(ordered.select_for_update(of=("self",), no_key=True))


def _mark(votes: list[Vote], *, counted: bool, reason: str) -> None:
    now = timezone.now()
    Vote.objects.filter(pk__in=[vote.pk for vote in votes]).update(
        counted=counted, void_reason="" if counted else reason
    )
    Correction.objects.bulk_create(
        Correction(vote=vote, study_id=vote.study_id, counted=counted, reason=reason, created_at=now) for vote in votes
    )
    changes = counts_of(votes)
    change_counts(changes if counted else Counter({key: -times for key, times in changes.items()}))


def review_voters() -> list[UUID]:
    """Block who votes faster than people can; returns their ids. Whom an operator trusts is left alone.

    Votes of blocked voters that were on their way when they were blocked are set aside as well.
    """
    words = {"newest": _NEWEST, "fewest": _FEWEST, "median": _MEDIAN_MS, "rate": _MOST_PER_SECOND}
    with connection.cursor() as cursor:
        cursor.execute(_HASTY, words)
        hasty = [voter for (voter,) in cursor.fetchall()]
    for voter in hasty:
        block_voter(Voter(pk=voter), TOO_FAST)
    recently = timezone.now() - timedelta(hours=1)
    for voter in Voter.objects.filter(blocked_at__gt=recently, votes__counted=True).distinct():
        _set_aside(voter.pk)
    return hasty


def expire_addresses() -> int:
    """Drop the hashes of addresses whose time is over; returns how many."""
    kept = Voter.objects.exclude(address="").filter(address_until__lt=timezone.now())
    return kept.update(address="", address_until=None)


def forget_voter(voter: Voter) -> int:
    """Cut the tie between a person and their votes; returns how many votes there were.

    The votes stay and count as before, without times of answering and without names of the sender; exports leave them
    out. The cookie leads nowhere any more: whoever still holds it is a new voter, and what is on its way is unknown.
    """
    with transaction.atomic():
        kept = Voter.objects.filter(pk=voter.pk, forgotten_at__isnull=True)
        if not kept.update(forgotten_at=timezone.now(), address="", address_until=None):
            return 0
        return Vote.objects.filter(voter=voter).update(client_id="", response_ms=None)
