"""What workers do for boards by the clock: votes added to the sums, designs published, snapshots and reports kept."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings
from django.db.models import F, Q

from evalapp.leaderboard.services import (
    keep_appointments,
    publish_if_due,
    refresh_board,
    refresh_report,
    snapshot_if_due,
    update_sums,
)
from evalapp.leaderboard.services.snapshots import forget_snapshots
from evalapp.studies.models import Study, StudyState


@shared_task(name="leaderboard.refresh")
def refresh_boards() -> None:
    """Bring the sums of every open study up to date, and aim its draw anew where a batch of votes has come in."""
    for study in Study.objects.filter(state=StudyState.OPEN):
        refresh_board(study)


@shared_task(name="leaderboard.tend")
def tend_boards() -> None:
    """Keep and publish what is due of every study that people vote on, and once more of each that was closed.

    The report is renewed first: what is published holds it.
    Of closed ones votes may still be set aside, and those that were on their way arrive: their sums follow.
    """
    keep_appointments()
    for study in Study.objects.filter(state=StudyState.CLOSED):
        update_sums(study)
    closed = Q(state=StudyState.CLOSED)
    unread = closed & (Q(report=None) | Q(report__made_at__lte=F("closed_at")))
    for study in Study.objects.filter(Q(state=StudyState.OPEN) | unread):
        snapshot_if_due(study)
        refresh_report(study)
        publish_if_due(study)


@shared_task(name="leaderboard.forget")
def forget_old_snapshots() -> None:
    """Delete snapshots that are older than they are kept."""
    forget_snapshots(settings.SNAPSHOTS_KEPT)
