"""Settings that are addresses: what is wrong with one is said in a line that names the variable, never its secret."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

_HOST = re.compile(r"\*|\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\]")


def database_entry(url: str) -> dict[str, Any]:
    """The entry of `DATABASES` for DATABASE_URL."""
    parts = _address_parts("DATABASE_URL", url, ("postgresql", "postgres"), "postgresql://user:password@host:5432/name")
    if not parts.path.strip("/"):
        raise ImproperlyConfigured("DATABASE_URL names no database; write postgresql://user:password@host:5432/name.")
    return dict(dj_database_url.parse(url))


def broker_address(url: str) -> str:
    """CELERY_BROKER_URL, if it is one."""
    _address_parts("CELERY_BROKER_URL", url, ("redis", "rediss", "sentinel", "amqp", "amqps"), "redis://host:6379/0")
    return url


def host_names(names: Sequence[str]) -> list[str]:
    """ALLOWED_HOSTS, if all of them are names."""
    for name in names:
        if not _HOST.fullmatch(name):
            raise ImproperlyConfigured(
                f"ALLOWED_HOSTS has {name!r}, which is no host name; write such as swipe.example.org, "
                "without https://, port or path."
            )
    return list(names)


def trusted_origins(names: Sequence[str]) -> list[str]:
    """CSRF_TRUSTED_ORIGINS, if all of them are origins; a slash at the end does no harm."""
    for name in names:
        parts = urlsplit(name)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/") or parts.query:
            raise ImproperlyConfigured(
                f"CSRF_TRUSTED_ORIGINS has {name!r}, which is no origin; write such as https://swipe.example.org."
            )
    return [name.rstrip("/") for name in names]


def _address_parts(name: str, url: str, schemes: Sequence[str], form: str) -> SplitResult:
    if url[0] in "'\"" or url[-1] in "'\"":
        raise ImproperlyConfigured(f"{name} has quotation marks around it that belong to it; take them away.")
    if "#" in url:
        raise ImproperlyConfigured(f"{name} has a #, which ends an address; in a password write %23 for it.")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ImproperlyConfigured(
            f"{name} is not understood; write {form}, with %2F, %3A and %40 for /, : and @ in a password."
        ) from None
    if parts.scheme not in schemes:
        raise ImproperlyConfigured(f"{name} begins with {parts.scheme or url[:8]!r}, not understood; write {form}.")
    return parts
