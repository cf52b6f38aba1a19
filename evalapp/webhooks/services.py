"""Webhooks are made and removed; what happened is written down for each that wants to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from evalapp.core.errors import InvalidInput
from evalapp.webhooks.addresses import check_url
from evalapp.webhooks.events import EVENTS, PING
from evalapp.webhooks.models import Delivery, Webhook

MOST_ATTEMPTS = 10
_FIRST_WAIT = timedelta(seconds=30)
_LEASE = timedelta(minutes=2)
"""Longer than an attempt can last: a worker that dies with a delivery in hand leaves it to the next after that."""


def add_webhook(url: str, events: Sequence[str]) -> Webhook:
    """A webhook with a secret of its own. Raises InvalidInput for an address or an event that cannot be."""
    check_url(url)
    unknown = sorted(set(events) - set(EVENTS))
    if unknown or not events:
        raise InvalidInput(
            f"{', '.join(unknown) or 'No event'} cannot be listened to; choose among {', '.join(EVENTS)}.",
            fields={"events": [f"One or more of {', '.join(EVENTS)}."]},
        )
    return Webhook.objects.create(url=url, events=sorted(set(events)))


def announce(event: str, payload: Mapping[str, Any]) -> None:
    """Write down what happened, in the transaction in which it happens; it is delivered soon after."""
    listening = Webhook.objects.filter(active=True, events__contains=[event])
    Delivery.objects.bulk_create(Delivery(webhook=webhook, event=event, payload=dict(payload)) for webhook in listening)


def try_webhook(webhook: Webhook) -> Delivery:
    """Write down a `ping` for this address alone."""
    return Delivery.objects.create(webhook=webhook, event=PING, payload={"message": "It works."})


def claim_due(now: datetime, limit: int = 20) -> list[Delivery]:
    """Deliveries whose time has come, now the caller's; each counts as an attempt."""
    with transaction.atomic():
        due = Delivery.objects.select_for_update(skip_locked=True, of=("self",)).filter(due_at__lte=now)
        claimed = list(due.select_related("webhook").order_by("due_at")[:limit])
        for delivery in claimed:
            delivery.attempts += 1
            delivery.due_at = now + _LEASE
        Delivery.objects.bulk_update(claimed, ["attempts", "due_at"])
    return claimed


def mark_delivered(delivery: Delivery) -> None:
    """It was taken."""
    Delivery.objects.filter(pk=delivery.pk).update(delivered_at=timezone.now(), due_at=None, error="")


def mark_failed(delivery: Delivery, error: str) -> None:
    """It was not: again after twice as long a wait as before, and never more after the last attempt."""
    wait = _FIRST_WAIT * 2 ** (delivery.attempts - 1)
    due = None if delivery.attempts >= MOST_ATTEMPTS else timezone.now() + wait
    Delivery.objects.filter(pk=delivery.pk).update(error=error[:300], due_at=due)
