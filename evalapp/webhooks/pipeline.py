"""Delivering what is due."""

from __future__ import annotations

import json
import logging

from django.utils import timezone

from evalapp.core.errors import Problem
from evalapp.webhooks import services
from evalapp.webhooks.addresses import resolve
from evalapp.webhooks.models import Delivery
from evalapp.webhooks.sending import post, signature

logger = logging.getLogger(__name__)


def deliver_due() -> int:
    """Try every delivery whose time has come; how many were tried."""
    tried = 0
    while claimed := services.claim_due(timezone.now()):
        for delivery in claimed:
            _deliver(delivery)
        tried += len(claimed)
    return tried


def _deliver(delivery: Delivery) -> None:
    try:
        post(resolve(delivery.webhook.url), *_message(delivery))
    except Problem as problem:
        logger.warning(
            "Delivery %s to %s, attempt %s: %s", delivery.name, delivery.webhook.url, delivery.attempts, problem
        )
        services.mark_failed(delivery, problem.message)
    else:
        services.mark_delivered(delivery)


def _message(delivery: Delivery) -> tuple[bytes, dict[str, str]]:
    """The body and the headers that say what it is, which attempt does not matter, and who sent it."""
    document = {
        "id": str(delivery.name),
        "event": delivery.event,
        "created_at": delivery.created_at.isoformat(),
        "data": delivery.payload,
    }
    body = json.dumps(document, ensure_ascii=False).encode()
    return body, {
        "Content-Type": "application/json",
        "User-Agent": "DopeOrNope-Webhooks/1",
        "DopeOrNope-Event": delivery.event,
        "DopeOrNope-Delivery": str(delivery.name),
        "DopeOrNope-Signature": signature(delivery.webhook.secret, int(timezone.now().timestamp()), body),
    }
