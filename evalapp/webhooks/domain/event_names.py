"""The events that webhooks can listen to. Names are stable and documented."""

from __future__ import annotations

STUDY_CLOSED = "study.closed"
EXPORT_READY = "export.ready"
TRAINING_DONE = "training.done"
WINNER_DECIDED = "winner.decided"
REPORTS_WAITING = "reports.waiting"
"""As many pairs are out of play by voters' reports as may be before an operator looks."""
PING = "ping"
"""Sent on demand, to try an address."""

EVENTS = (STUDY_CLOSED, EXPORT_READY, TRAINING_DONE, WINNER_DECIDED, REPORTS_WAITING)
