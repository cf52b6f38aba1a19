"""The envelope of deliveries: a beat task, and a nudge where somebody waits."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from evalapp.webhooks import services


@shared_task(name="webhooks.deliver")
def deliver_webhooks() -> None:
    """Deliver what is due."""
    from evalapp.webhooks.pipeline import deliveries

    deliveries.deliver_due()


@shared_task(name="webhooks.forget")
def forget_old_deliveries() -> None:
    """Delete deliveries that ended long ago."""
    services.forget_deliveries(settings.DELIVERIES_KEPT)
