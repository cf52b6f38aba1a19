"""Taking answers back: nothing is deleted, and the exposure can be answered again."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from evalapp.studies.models import Study, StudyState
from evalapp.voting.models import Correction, Exposure, Vote, Voter
from evalapp.voting.services.ballots import UNDONE
from evalapp.voting.services.counts import change_counts, counts_of


@dataclass(frozen=True, slots=True)
class Undone:
    """An exposure to be answered again, and what had been said."""

    exposure: Exposure
    verdict: str


def undo_votes(voter: Voter, n: int, study: Study | None = None) -> list[Undone]:
    """Take back the voter's last `n` answers, newest first, in open studies or in the one given.

    The votes stay as rows that do not count, with their reason; the counts of the pairs are taken back.
    """
    with transaction.atomic():
        # An undo pressed twice takes back two answers, one after the other.
        if not Voter.objects.select_for_update(no_key=True).filter(pk=voter.pk, forgotten_at=None).exists():
            return []
        votes = _last_votes(voter, n, study)
        # Casting locks the exposures first, too: whoever sends an answer again meanwhile waits here.
        exposures = Exposure.objects.filter(pk__in=[vote.exposure_id for vote in votes])
        list(exposures.select_for_update(no_key=True).order_by("pk").values_list("pk"))
        now = timezone.now()
        exposures.update(answered_at=None, leased_until=now + settings.EXPOSURE_LEASE, taken_back=F("taken_back") + 1)
        Correction.objects.bulk_create(
            Correction(vote=vote, study_id=vote.study_id, counted=False, reason=UNDONE, created_at=now)
            for vote in votes
            if vote.counted
        )
        Vote.objects.filter(pk__in=[vote.pk for vote in votes]).update(counted=False, void_reason=UNDONE)
        taken = counts_of(vote for vote in votes if vote.counted)
        change_counts({key: -times for key, times in taken.items()})
    return [Undone(vote.exposure, vote.verdict) for vote in votes]


def _last_votes(voter: Voter, n: int, study: Study | None) -> list[Vote]:
    standing = Vote.objects.filter(voter=voter, study__state=StudyState.OPEN).exclude(void_reason=UNDONE)
    if study is not None:
        standing = standing.filter(study=study)
    newest = standing.select_related("exposure__study").order_by("-voted_at", "-pk")
    votes = list(newest[:n])
    groups = {vote.exposure.group for vote in votes if vote.exposure.group}
    if not groups:
        return votes
    # What was shown together was answered together, and is taken back together.
    together = list(newest.filter(Q(pk__in=[vote.pk for vote in votes]) | Q(exposure__group__in=groups)))
    places: dict[uuid.UUID | None, int] = {}
    for vote in together:
        places.setdefault(vote.exposure.group, len(places))
    # The newest group first, its candidates as they stood.
    return sorted(together, key=lambda vote: (places[vote.exposure.group], vote.exposure_id))
