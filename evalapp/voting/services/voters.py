"""Setting a voter's votes aside and back, and forgetting a person. No vote is deleted."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from evalapp.core.services.deeds import recorded
from evalapp.studies.models import Study
from evalapp.voting.domain.void_reasons import BLOCKED, REHEARSAL
from evalapp.voting.models import Correction, Vote, Voter
from evalapp.voting.services.pair_counts import change_counts, counts_of


@recorded("set aside", "voter {voter}", "{reason} {note}")
def block_voter(voter: Voter, reason: str = BLOCKED, *, note: str = "") -> int:  # noqa: ARG001 - `recorded` reads it
    """Set all their votes aside, those to come included; returns how many counted until now.

    `note` is why, in an operator's words: it stands in who did what, and nowhere that visitors read.
    """
    Voter.objects.filter(pk=voter.pk, blocked_at__isnull=True).update(blocked_at=timezone.now(), block_reason=reason)
    return _set_aside(voter.pk)


def _set_aside(voter: UUID) -> int:
    with transaction.atomic():
        # Waits for votes that are being written by somebody who still takes the voter for free.
        voter_row = Voter.objects.select_for_update().get(pk=voter)
        votes = _lock_votes(Vote.objects.filter(voter=voter, counted=True))
        _mark_votes(votes, counted=False, reason=voter_row.block_reason)
    return len(votes)


@recorded("took back", "voter {voter}", "{note}")
def unblock_voter(voter: Voter, *, note: str = "") -> int:  # noqa: ARG001 - `recorded` reads it
    """Let their votes count again, and trust them from now on; returns how many came back."""
    with transaction.atomic():
        voter_row = Voter.objects.select_for_update().get(pk=voter.pk)
        if voter_row.blocked_at is None:
            return 0
        votes = _lock_votes(Vote.objects.filter(voter=voter, counted=False, void_reason=voter_row.block_reason))
        _mark_votes(votes, counted=True, reason=voter_row.block_reason)
        Voter.objects.filter(pk=voter.pk).update(blocked_at=None, block_reason="", trusted=True)
    return len(votes)


def _lock_votes(votes: QuerySet[Vote]) -> list[Vote]:
    ordered = votes.select_related("exposure").order_by("pk")
    return list(ordered.select_for_update(of=("self",), no_key=True))


def _mark_votes(votes: list[Vote], *, counted: bool, reason: str) -> None:
    now = timezone.now()
    Vote.objects.filter(pk__in=[vote.pk for vote in votes]).update(
        counted=counted, void_reason="" if counted else reason
    )
    Correction.objects.bulk_create(
        Correction(vote=vote, study_id=vote.study_id, counted=counted, reason=reason, created_at=now) for vote in votes
    )
    changes = counts_of(votes)
    change_counts(changes if counted else Counter({key: -times for key, times in changes.items()}))


@recorded("ended rehearsal", "study {study}", "{result:,} simulated votes")
def end_rehearsal(study: Study) -> int:
    """Set the votes of simulated crowds aside, so that only people's are left; returns how many counted until now."""
    with transaction.atomic():
        votes = _lock_votes(Vote.objects.filter(study=study, simulated=True, counted=True))
        _mark_votes(votes, counted=False, reason=REHEARSAL)
    return len(votes)


def catch_up_with_blocks() -> None:
    """Set aside votes of voters blocked of late that were on their way when they were blocked."""
    recently = timezone.now() - timedelta(hours=1)
    for voter in Voter.objects.filter(blocked_at__gt=recently, votes__counted=True).distinct():
        _set_aside(voter.pk)


@recorded("set aside address", "voter {voter}", "{result:,} votes {note}")
def block_address(voter: Voter, *, note: str = "") -> int:  # noqa: ARG001 - `recorded` reads it
    """Block this voter and all who came from the same address on the same day, but whom an operator trusts; returns how
    many votes counted until now."""
    return sum(block_voter(neighbour) for neighbour in _voters_of_address(voter).filter(blocked_at=None, trusted=False))


@recorded("took back address", "voter {voter}", "{result:,} votes {note}")
def unblock_address(voter: Voter, *, note: str = "") -> int:  # noqa: ARG001 - `recorded` reads it
    """Let the votes of all blocked voters of this voter's address count again; returns how many came back."""
    return sum(unblock_voter(neighbour) for neighbour in _voters_of_address(voter).exclude(blocked_at=None))


def _voters_of_address(voter: Voter) -> QuerySet[Voter]:
    """Voters with the same address hash, this one included; the hash changes daily."""
    address = Voter.objects.filter(pk=voter.pk).values_list("address", flat=True).first()
    return Voter.objects.filter(address=address) if address else Voter.objects.filter(pk=voter.pk)


def expire_addresses() -> int:
    """Drop the hashes of addresses whose time is over; returns how many."""
    expired = Voter.objects.exclude(address="").filter(address_until__lt=timezone.now())
    return expired.update(address="", address_until=None)


def forget_voter(voter: Voter) -> int:
    """Cut the tie between a person and their votes; returns how many votes there were.

    The votes stay and count as before, without times of answering and without names of the sender; exports leave them
    out. The cookie leads nowhere any more: whoever still holds it is a new voter, and what is on its way is unknown.
    """
    with transaction.atomic():
        remembered = Voter.objects.filter(pk=voter.pk, forgotten_at__isnull=True)
        if not remembered.update(forgotten_at=timezone.now(), address="", address_until=None):
            return 0
        return Vote.objects.filter(voter=voter).update(client_id="", response_ms=None)
