"""The loop, unattended: the beat looks what is due and tells workers."""

from __future__ import annotations

from celery import shared_task

from evalapp.core.tasks import nudge
from evalapp.training.retraining import advance, live_turns
from evalapp.training.schedules import begin_due_turns
from evalapp.training.tastes import forget_tastes


@shared_task(name="training.turn")
def turn() -> None:
    """Begin the turns that are due, and take the next step of each that is under way."""
    forget_tastes()
    for begun in begin_due_turns():
        if begun.run.job is not None:
            nudge(begun.run.job)
    for row in live_turns():
        for job in advance(row):
            nudge(job)
