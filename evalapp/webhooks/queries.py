"""Which webhooks there are, and how their deliveries went."""

from __future__ import annotations

from django.db.models import QuerySet

from evalapp.core.errors import NotFound
from evalapp.webhooks.models import Delivery, Webhook


def webhooks() -> QuerySet[Webhook]:
    """All of them, in the order they were made."""
    return Webhook.objects.all()


def webhook_by_id(webhook_id: int) -> Webhook:
    """Raises NotFound."""
    found = Webhook.objects.filter(pk=webhook_id).first()
    if found is None:
        raise NotFound(f"There is no webhook {webhook_id}.")
    return found


def recent_deliveries(limit: int = 50) -> list[Delivery]:
    """The newest first, with their webhooks."""
    return list(Delivery.objects.select_related("webhook").order_by("-pk")[:limit])
