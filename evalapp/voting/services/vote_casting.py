"""Casting votes: each exposure is answered once, however often the answer is sent."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from evalapp.core.services.sql_functions import named_rows
from evalapp.studies.models import StudyMode
from evalapp.voting.domain.tokens import read_token
from evalapp.voting.domain.void_reasons import UNDONE
from evalapp.voting.models import Answer, Exposure, Vote, Voter
from evalapp.voting.services.pair_counts import change_counts, counts_of

_CAST = """
SELECT token FROM voting_cast_votes(
    the_voter => %(voter)s, sent_tokens => %(tokens)s::uuid[], sent_verdicts => %(verdicts)s,
    sent_times => %(times)s::int[], sent_clients => %(clients)s, the_now => %(now)s, the_oldest => %(oldest)s,
    the_simulated => %(simulated)s
)
"""
_NO_TIE = "verdict: A tie is an answer where two alternatives are shown."


class Status(StrEnum):
    """What became of an answer that was sent."""

    RECORDED = "recorded"
    ALREADY_RECORDED = "already_recorded"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    CLOSED = "closed"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Ballot:
    """One answer as it was sent: the signed token, and dope, nope, skip or report."""

    token: str
    verdict: str
    response_ms: int | None = None
    client_id: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one ballot; `verdict` is the one that stands."""

    token: str
    status: Status
    verdict: str | None = None
    message: str | None = None


def cast_votes(voter: Voter | None, ballots: Sequence[Ballot], *, simulated: bool = False) -> list[Receipt]:
    """Record the answers that are new, all of them or, where the database fails, none; a receipt for each, in order.

    Sent again, an answer is told to stand already, with the verdict that stands. Without a voter, or for another
    voter's exposure, it is unknown. A blocked voter's answers are recorded like all others and do not count.
    """
    tokens = [read_token(ballot.token) for ballot in ballots]
    first: dict[uuid.UUID, Ballot] = {}
    for token, ballot in zip(tokens, ballots, strict=True):
        if token:
            first.setdefault(token, ballot)
    now = timezone.now()
    # Reports are rare, and may take a pair out of play, which is decided in Python.
    quick = {token: ballot for token, ballot in first.items() if ballot.verdict != Answer.REPORT}
    recorded = _record_open(voter, quick, now, simulated) if voter and quick else set()
    if len(recorded) == len(ballots):
        return [Receipt(ballot.token, Status.RECORDED, ballot.verdict) for ballot in ballots]
    with transaction.atomic():
        locked = _LockedExposures.lock_batch(voter, first.keys() - recorded, now)
        receipts = []
        for ballot, token in zip(ballots, tokens, strict=True):
            if token not in recorded:
                receipts.append(locked.take_ballot(ballot, token, simulated))
            elif first[token] is ballot:
                receipts.append(Receipt(ballot.token, Status.RECORDED, ballot.verdict))
            else:
                receipts.append(Receipt(ballot.token, Status.ALREADY_RECORDED, first[token].verdict))
        locked.write_votes()
    return receipts


def _record_open(voter: Voter, ballots: dict[uuid.UUID, Ballot], now: datetime, simulated: bool) -> set[uuid.UUID]:
    """Record what is open, all of it or nothing; the tokens of what was recorded. The rules: `sql/cast_votes.sql`."""
    params: dict[str, Any] = {
        "voter": voter.pk,
        "tokens": [str(token) for token in ballots],
        "verdicts": [str(ballot.verdict) for ballot in ballots.values()],
        "times": [ballot.response_ms for ballot in ballots.values()],
        "clients": [ballot.client_id for ballot in ballots.values()],
        "now": now,
        "oldest": now + settings.EXPOSURE_LEASE - settings.EXPOSURE_MAX_AGE,
        "simulated": simulated,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CAST, params)
        return {row["token"] for row in named_rows(cursor)}


def _is_held(voter: Voter) -> bool:
    """Whether there still is such a voter; their row stays as it is until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM voting_voter WHERE id = %s AND forgotten_at IS NULL FOR SHARE", [voter.pk])
        return cursor.fetchone() is not None


@dataclass(slots=True)
class _LockedExposures:
    """The exposures of one batch, locked, and the votes that were already cast for them.

    The twin of `sql/cast_votes.sql` for what is rare: reports, answers that were taken back before, and all that is
    not recorded, with the reason. A test casts the same ballots both ways.
    """

    now: datetime
    exposures: dict[uuid.UUID, Exposure]
    standing: dict[int, str] = field(default_factory=dict)
    taken_back: dict[tuple[int, str], str] = field(default_factory=dict)
    fresh: list[Vote] = field(default_factory=list)

    @classmethod
    def lock_batch(cls, voter: Voter | None, tokens: Iterable[uuid.UUID], now: datetime) -> _LockedExposures:
        # Whoever forgets or blocks the voter waits until these answers are written, or is seen here.
        if voter is not None and not _is_held(voter):
            voter = None
        # The lock lets one of several equal requests answer and shows its vote to the others. In one fixed order,
        # so that batches with exposures in common cannot deadlock.
        locked = (
            Exposure.objects.select_for_update(of=("self",), no_key=True)
            .select_related("study", "voter")
            .order_by("pk")
        )
        token_list = list(tokens)
        exposures = locked.filter(voter=voter, token__in=token_list) if voter and token_list else locked.none()
        batch = cls(now, {exposure.token: exposure for exposure in exposures})
        ids = [exposure.pk for exposure in batch.exposures.values()]
        for vote in Vote.objects.filter(exposure__in=ids) if ids else ():
            if vote.void_reason == UNDONE:
                batch.taken_back[vote.exposure_id, vote.client_id] = vote.verdict
            else:
                batch.standing[vote.exposure_id] = vote.verdict
        return batch

    def take_ballot(self, ballot: Ballot, token: uuid.UUID | None, simulated: bool) -> Receipt:
        exposure = self.exposures.get(token) if token else None
        if exposure is None:
            return Receipt(ballot.token, Status.UNKNOWN)
        if exposure.pk in self.standing:
            return Receipt(ballot.token, Status.ALREADY_RECORDED, self.standing[exposure.pk])
        if ballot.client_id and (exposure.pk, ballot.client_id) in self.taken_back:
            # An outbox that sends once more what the voter has taken back since must not bring it back.
            earlier = self.taken_back[exposure.pk, ballot.client_id]
            return Receipt(ballot.token, Status.ALREADY_RECORDED, earlier)
        if not exposure.study.is_open:
            return Receipt(ballot.token, Status.CLOSED)
        if ballot.verdict == Answer.TIE and exposure.study.mode != StudyMode.TWO:
            return Receipt(ballot.token, Status.INVALID, message=_NO_TIE)
        if self.now > exposure.leased_until - settings.EXPOSURE_LEASE + settings.EXPOSURE_MAX_AGE:
            return Receipt(ballot.token, Status.EXPIRED)
        self.standing[exposure.pk] = ballot.verdict
        self.fresh.append(self._new_vote(exposure, ballot, simulated))
        return Receipt(ballot.token, Status.RECORDED, ballot.verdict)

    def write_votes(self) -> None:
        """Record the new votes and change the counts of their pairs."""
        if not self.fresh:
            return
        open_ones = Exposure.objects.filter(pk__in=[vote.exposure_id for vote in self.fresh], answered_at__isnull=True)
        open_ones.update(answered_at=self.now)
        Vote.objects.bulk_create(self.fresh)
        change_counts(counts_of(vote for vote in self.fresh if vote.counted))

    def _new_vote(self, exposure: Exposure, ballot: Ballot, simulated: bool) -> Vote:
        return Vote(
            exposure=exposure,
            study_id=exposure.study_id,
            pair_id=exposure.pair_id,
            voter_id=exposure.voter_id,
            verdict=ballot.verdict,
            response_ms=ballot.response_ms,
            client_id=ballot.client_id,
            counted=exposure.voter.blocked_at is None,
            void_reason=exposure.voter.block_reason,
            simulated=simulated,
            voted_at=self.now,
        )
