"""System checks: what is still embedded, and what would be unsafe in front of strangers."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, register
from django.core.checks import Warning as Caution


def is_public() -> bool:
    """Whether the product answers to a name that strangers can use."""
    return bool(set(settings.ALLOWED_HOSTS) - set(settings.LOCAL_HOSTS))


@register(Tags.security)
def unsafe_settings(**_: Any) -> list[CheckMessage]:
    """What must not be open to the public."""
    messages: list[CheckMessage] = []
    if is_public() and settings.DEBUG:
        messages.append(
            Error("DEBUG is on while ALLOWED_HOSTS names public hosts.", hint="Unset DEBUG.", id="don.E001")
        )
    if len(settings.SECRET_KEY) < 32:
        messages.append(
            Error(
                "SECRET_KEY is shorter than 32 characters.",
                hint="Set a longer one, or unset it to have one made.",
                id="don.E002",
            )
        )
    if is_public() and not settings.HTTPS:
        messages.append(
            Caution(
                "ALLOWED_HOSTS names public hosts, but HTTPS is not set: cookies travel in the clear.",
                hint="Put a proxy with a certificate in front and set HTTPS=true.",
                id="don.W001",
            )
        )
    return messages


@register()
def embedded_services(**_: Any) -> list[CheckMessage]:
    """What runs from `var/` because nothing else is configured: fine on one machine, said once."""
    messages: list[CheckMessage] = []
    if not settings.DATABASE_URL:
        messages.append(
            Info("PostgreSQL is embedded.", hint="Set DATABASE_URL to use a server of yours.", id="don.I001")
        )
    if settings.BROKER_IS_EMBEDDED:
        messages.append(
            Info(
                "The broker is a folder: workers must run on this machine.",
                hint="Set CELERY_BROKER_URL to Redis or RabbitMQ.",
                id="don.I002",
            )
        )
    return messages
