"""Delivering what is due."""

from __future__ import annotations

import json
import logging
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from django.utils import timezone

from evalapp.core.domain.errors import Problem
from evalapp.webhooks import services
from evalapp.webhooks.domain.callable_addresses import resolve_target
from evalapp.webhooks.domain.signatures import signed_headers
from evalapp.webhooks.models import Delivery
from evalapp.webhooks.pipeline.http_post import post

logger = logging.getLogger(__name__)


def deliver_due() -> int:
    """Try what is due; how many were tried.

    Attempts run side by side, one at a time to each webhook, and after one that failed the rest of that one waits for
    the next turn: a receiver that takes its time, however much waits for it, keeps neither another nor the worker.
    """
    tried = 0
    running: dict[Future[str], Delivery] = {}
    failed: set[int] = set()
    with ThreadPoolExecutor(services.AT_ONCE, thread_name_prefix="webhook") as pool:
        while True:
            busy = failed | {delivery.webhook_id for delivery in running.values()}
            for delivery in services.claim_due(timezone.now(), services.AT_ONCE - len(running), busy):
                running[pool.submit(_attempt_delivery, delivery)] = delivery
            if not running:
                return tried
            for ended in wait(running, return_when=FIRST_COMPLETED).done:
                delivery, error = running.pop(ended), ended.result()
                _note_outcome(delivery, error)
                if error:
                    failed.add(delivery.webhook_id)
                tried += 1


def _attempt_delivery(delivery: Delivery) -> str:
    """Send it; what went wrong, empty where nothing did. In a thread: no database here."""
    try:
        post(resolve_target(delivery.webhook.url), *_signed_message(delivery))
    except Problem as problem:
        return problem.message
    except Exception as error:
        logger.exception("Delivery %s to %s failed", delivery.name, delivery.webhook.url)
        return f"It could not be sent ({type(error).__name__}); the worker's log says more."
    return ""


def _note_outcome(delivery: Delivery, error: str) -> None:
    if not error:
        services.mark_delivered(delivery)
        return
    logger.warning("Delivery %s to %s, attempt %s: %s", delivery.name, delivery.webhook.url, delivery.attempts, error)
    services.mark_failed(delivery, error)


def _signed_message(delivery: Delivery) -> tuple[bytes, dict[str, str]]:
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
        **signed_headers(delivery.webhook.secret, str(delivery.name), int(timezone.now().timestamp()), body),
    }
