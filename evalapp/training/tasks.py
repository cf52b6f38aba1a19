"""The loop, unattended: the beat looks what is due and tells workers."""

from __future__ import annotations

from celery import shared_task

from evalapp.core.tasks import nudge
from evalapp.training.services.checkpoints import drop_stale_snapshots
from evalapp.training.services.retraining import advance_turn, live_turns
from evalapp.training.services.schedules import begin_due_turns
from evalapp.training.services.voter_tastes import forget_tastes


@shared_task(name="training.turn")
def turn_loop() -> None:
    """Begin the turns that are due, and take the next step of each that is under way."""
    forget_tastes()
    drop_stale_snapshots()
    for started in begin_due_turns():
        if started.run.job is not None:
            nudge(started.run.job)
    for row in live_turns():
        for job in advance_turn(row):
            nudge(job)
