"""Which webhooks there are, and how their deliveries went."""

from __future__ import annotations

from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone

from evalapp.core.domain.errors import NotFound
from evalapp.core.domain.measures import Measure
from evalapp.webhooks.models import Delivery, Webhook


def all_webhooks() -> QuerySet[Webhook]:
    """All of them, in the order they were made."""
    return Webhook.objects.all()


def webhook_by_id(webhook_id: int) -> Webhook:
    """Raises NotFound."""
    webhook = Webhook.objects.filter(pk=webhook_id).first()
    if webhook is None:
        raise NotFound(f"There is no webhook {webhook_id}.")
    return webhook


def recent_deliveries(limit: int = 50) -> list[Delivery]:
    """The newest first, with their webhooks."""
    return list(Delivery.objects.select_related("webhook").order_by("-pk")[:limit])


def measures() -> list[Measure]:
    """Deliveries by state, and how long the oldest that is due has waited."""
    waiting = Q(due_at__isnull=False)
    counts = Delivery.objects.aggregate(
        delivered=Count("pk", filter=Q(delivered_at__isnull=False)),
        waiting=Count("pk", filter=waiting),
        given_up=Count("pk", filter=Q(delivered_at__isnull=True, due_at__isnull=True)),
        oldest=Min("created_at", filter=waiting),
    )
    oldest = counts.pop("oldest")
    age = (timezone.now() - oldest).total_seconds() if oldest else 0.0
    about = "How long the oldest that waits was written down."
    return [
        *(Measure("dopeornope_deliveries", "Webhook deliveries.", counts[state], {"state": state}) for state in counts),
        Measure("dopeornope_oldest_message_seconds", about, age, {"of": "deliveries"}),
    ]
