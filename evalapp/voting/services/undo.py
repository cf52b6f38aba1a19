"""Taking answers back: nothing is deleted, and the exposure can be answered again."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max
from django.db.models.functions import Coalesce
from django.utils import timezone

from evalapp.studies.models import Study, StudyState
from evalapp.voting.domain.void_reasons import UNDONE
from evalapp.voting.models import Correction, Exposure, Vote, Voter
from evalapp.voting.services.pair_counts import change_counts, counts_of

MOST_UNDONE = 10
"""So many answers back, and no further."""


@dataclass(frozen=True, slots=True)
class Undone:
    """An exposure to be answered again, and what had been said."""

    exposure: Exposure
    verdict: str


def undo_votes(voter: Voter, n: int, study: Study | None = None) -> list[Undone]:
    """Take back the voter's last `n` answers, newest first, in open studies or in the one given.

    However often it is called, only the last ten answers can be taken back. What was shown together is one answer. The
    votes stay as rows that do not count, with their reason; the counts of the pairs are taken back.
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
    """The votes of the last `n` answers that stand, of the last ten that were given: those taken back are among these.

    What was shown together was answered together, and is taken back together.
    """
    own_votes = Vote.objects.filter(voter=voter, study__state=StudyState.OPEN)
    if study is not None:
        own_votes = own_votes.filter(study=study)
    answers = own_votes.annotate(answer=Coalesce("exposure__group", "exposure__token"))
    newest_answers = (
        answers.values("answer").annotate(last=Max("voted_at"), newest=Max("pk")).order_by("-last", "-newest")
    )
    within = list(newest_answers.values_list("answer", flat=True)[:MOST_UNDONE])
    standing = answers.filter(answer__in=within).exclude(void_reason=UNDONE).select_related("exposure__study")
    by_answer: dict[uuid.UUID, list[Vote]] = {}
    # Candidates as they stood.
    for vote in standing.order_by("exposure_id"):
        by_answer.setdefault(vote.answer, []).append(vote)
    return [vote for answer in [one for one in within if one in by_answer][:n] for vote in by_answer[answer]]
