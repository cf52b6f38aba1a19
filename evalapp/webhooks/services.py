"""Webhooks are made and removed; what happened is written down for each that wants to know."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from evalapp.core.domain.errors import InvalidInput
from evalapp.core.services.deeds import recorded
from evalapp.webhooks.domain.callable_addresses import callable_url
from evalapp.webhooks.domain.event_names import EVENTS, PING
from evalapp.webhooks.models import Delivery, Webhook

MOST_ATTEMPTS = 10
_FIRST_WAIT = timedelta(seconds=30)
_LEASE = timedelta(minutes=2)
"""Longer than an attempt can last: a worker that dies with a delivery in hand leaves it to the next after that."""
AT_ONCE = 20
"""So many attempts are under way at once in a worker, to as many webhooks."""


@recorded("added", "webhook {url}", "{events}")
def add_webhook(url: str, events: Sequence[str], *, is_live: bool = False) -> Webhook:
    """A webhook with a secret of its own. Raises InvalidInput for an address or an event that cannot be.

    `is_live`: only operators read what it is told.
    """
    url = callable_url(url)
    unknown = sorted(set(events) - set(EVENTS))
    if unknown or not events:
        raise InvalidInput(
            f"{', '.join(unknown) or 'No event'} cannot be listened to; choose among {', '.join(EVENTS)}.",
            fields={"events": [f"One or more of {', '.join(EVENTS)}."]},
        )
    return Webhook.objects.create(url=url, events=sorted(set(events)), is_live=is_live)


@recorded("removed", "webhook {webhook}")
def remove_webhook(webhook: Webhook) -> None:
    """Nothing more is sent there; what waits is dropped."""
    webhook.delete()


def announce(event: str, payload: Mapping[str, Any], *, is_live: bool | None = None) -> None:
    """Write down what happened, in the transaction in which it happens; it is delivered soon after.

    With `is_live` only to webhooks that are, or are not: what is true but not published yet is told to operators alone.
    """
    listening = Webhook.objects.filter(active=True, events__contains=[event])
    if is_live is not None:
        listening = listening.filter(is_live=is_live)
    Delivery.objects.bulk_create(Delivery(webhook=webhook, event=event, payload=dict(payload)) for webhook in listening)


@recorded("tried", "webhook {webhook}")
def try_webhook(webhook: Webhook) -> Delivery:
    """Write down a `ping` for this address alone."""
    return Delivery.objects.create(webhook=webhook, event=PING, payload={"message": "It works."})


def claim_due(now: datetime, limit: int = AT_ONCE, busy: Collection[int] = ()) -> list[Delivery]:
    """Deliveries whose time has come, now the caller's: the first of each webhook that is not `busy`, first attempts
    first. Each counts as an attempt.

    One whose last attempt took its worker with it is given up.
    """
    with transaction.atomic():
        Delivery.objects.filter(due_at__lte=now, attempts__gte=MOST_ATTEMPTS).update(due_at=None)
        due = Delivery.objects.filter(due_at__lte=now)
        first = due.exclude(webhook__in=busy).order_by("webhook_id", "due_at").distinct("webhook_id")
        chosen = list(first.values_list("pk", flat=True))
        unclaimed = due.filter(pk__in=chosen).select_for_update(skip_locked=True, of=("self",))
        claimed = list(unclaimed.select_related("webhook").order_by("attempts", "due_at")[:limit])
        for delivery in claimed:
            delivery.attempts += 1
            delivery.due_at = now + _LEASE
        Delivery.objects.bulk_update(claimed, ["attempts", "due_at"])
    return claimed


def mark_delivered(delivery: Delivery) -> None:
    """Note that the endpoint took it; nothing is sent again."""
    Delivery.objects.filter(pk=delivery.pk).update(delivered_at=timezone.now(), due_at=None, error="")


def mark_failed(delivery: Delivery, error: str) -> None:
    """Schedule a retry with exponential backoff, up to MOST_ATTEMPTS."""
    due = None
    if delivery.attempts < MOST_ATTEMPTS:
        due = timezone.now() + _FIRST_WAIT * 2 ** (delivery.attempts - 1)
    Delivery.objects.filter(pk=delivery.pk).update(error=error[:300], due_at=due)


def forget_deliveries(kept: timedelta) -> int:
    """Delete deliveries that ended and are older; no time at all keeps all of them. How many there were."""
    if not kept:
        return 0
    return Delivery.objects.filter(due_at=None, created_at__lt=timezone.now() - kept).delete()[0]
