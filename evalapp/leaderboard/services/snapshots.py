"""Keeping the board as it was: by the growth of the votes, and at moments that were promised beforehand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from evalapp.core.domain.errors import Conflict
from evalapp.core.domain.software import software
from evalapp.core.domain.values.moments import check_coming
from evalapp.core.services.deeds import recorded
from evalapp.leaderboard.models import Appointment, Snapshot
from evalapp.leaderboard.services.board import board_of
from evalapp.leaderboard.services.reports.categories import whole_of
from evalapp.leaderboard.services.sums.accumulate import update_sums
from evalapp.stats.intervals.fixed_time import wilson_of_error
from evalapp.studies.models import Study

GROWTH = 1.05
STEP = 10
"""A snapshot is due when the votes have grown by a twentieth and by ten: few while many vote, never more than the plot
of them can use, and of a number that grows with the logarithm of the votes."""


@recorded("took snapshot", "study {study}")
def take_snapshot(study: Study) -> Snapshot:
    """Keep the board as it is now."""
    return _keep_document(study, _document_of(study), declared=False)


def _document_of(study: Study) -> dict[str, Any]:
    """The board with all votes there are."""
    update_sums(study)
    return board_of(study).as_json()


def snapshot_if_due(study: Study) -> Snapshot | None:
    """Keep the board if enough votes came since the last snapshot, or if the study ended with any."""
    update_sums(study)
    with transaction.atomic():
        # Two workers at the same time keep one snapshot, not two.
        Study.objects.select_for_update(no_key=True).get(pk=study.pk)
        last = Snapshot.objects.filter(study=study).order_by("-pk").values_list("votes", flat=True).first() or 0
        document = board_of(study).as_json()
        votes = document["votes"]
        grown = votes >= last * GROWTH and votes >= last + STEP
        ended = not study.is_open and votes != last
        return _keep_document(study, document, declared=False) if grown or ended else None


@recorded("declared snapshot", "study {study}", "{due_at:%Y-%m-%d %H:%M %Z}")
def declare_snapshot(study: Study, due_at: datetime) -> Appointment:
    """Promise a snapshot for a moment to come. Raises InvalidInput for one that is past, Conflict if it is promised."""
    check_coming(due_at)
    try:
        with transaction.atomic():
            return Appointment.objects.create(study=study, due_at=due_at)
    except IntegrityError as error:
        raise Conflict(f"A snapshot of {study} is declared for that moment already.") from error


def keep_appointments(now: datetime | None = None) -> list[Snapshot]:
    """Take the snapshots that are due, each once; they bear fixed-time intervals beside the others."""
    due = Appointment.objects.filter(snapshot=None, due_at__lte=now or timezone.now()).select_related("study")
    return [kept for appointment in due if (kept := _keep_appointment(appointment))]


def _keep_appointment(appointment: Appointment) -> Snapshot | None:
    with transaction.atomic():
        locked = Appointment.objects.select_for_update().filter(pk=appointment.pk, snapshot=None).first()
        if locked is None:
            return None
        document = _document_of(appointment.study)
        document["fixed_time"] = _fixed_time(appointment.study)
        locked.snapshot = _keep_document(appointment.study, document, declared=True)
        locked.save(update_fields=["snapshot"])
        return locked.snapshot


def _fixed_time(study: Study) -> list[dict[str, Any]]:
    """Wilson intervals (95 %) of all contenders, voters as clusters."""
    lines = []
    for name, estimate, error in whole_of(study):
        interval = wilson_of_error(estimate, error)
        lines.append({"contender": name, "approval": estimate, "low": interval.low, "high": interval.high})
    return lines


def _keep_document(study: Study, document: dict[str, Any], *, declared: bool) -> Snapshot:
    return Snapshot.objects.create(
        study=study,
        method_version=document["method"],
        declared=declared,
        votes=document["votes"],
        document={**document, "software": software()},
    )


def forget_snapshots(retention: timedelta) -> int:
    """Delete snapshots that are older, but the newest of each study and those that were declared beforehand; no time at
    all keeps all of them. How many there were."""
    if not retention:
        return 0
    newest = Snapshot.objects.order_by().values("study").annotate(newest=Max("pk")).values("newest")
    old_snapshots = Snapshot.objects.filter(declared=False, made_at__lt=timezone.now() - retention).exclude(
        pk__in=newest
    )
    return old_snapshots.delete()[0]
