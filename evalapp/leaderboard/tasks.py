"""What workers do for boards by the clock: votes added to the sums, the next design published."""

from __future__ import annotations

from celery import shared_task

from evalapp.leaderboard.services import refresh_board
from evalapp.studies.models import Study, StudyState


@shared_task(name="leaderboard.refresh")
def refresh() -> None:
    """Bring the sums of every open study up to date, and aim its draw anew where a batch of votes has come in."""
    for study in Study.objects.filter(state=StudyState.OPEN):
        refresh_board(study)
