"""The envelope of deliveries: a beat task, and a nudge where somebody waits."""

from __future__ import annotations

from celery import shared_task


@shared_task(name="webhooks.deliver")
def deliver() -> None:
    """Deliver what is due."""
    from evalapp.webhooks import pipeline

    pipeline.deliver_due()
