"""Which addresses may be called: a webhook must not become a way into the operator's own network."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from evalapp.core.errors import InvalidInput, Problem


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect, decided once: `ip` is called, whatever the name means a moment later."""

    scheme: str
    host: str
    ip: str
    port: int
    path: str


def check_url(url: str) -> None:
    """Raises InvalidInput for an address that can never be called."""
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise InvalidInput(f"{url!r} is no address; write https://host/path.", fields={"url": ["Not an http address."]})
    if parts.username or parts.password:
        raise InvalidInput(
            "Leave user and password out of the address; what is sent is signed.",
            fields={"url": ["Holds a user or password."]},
        )


def resolve(url: str) -> Target:
    """Look the host up and choose an address that may be called.

    Raises Problem where the host is unknown or where any of its addresses is not public: a name that means both a
    public and a private address is not to be trusted. `WEBHOOK_PRIVATE_HOSTS` names hosts that are the operator's own.
    """
    check_url(url)
    parts = urlsplit(url)
    host = str(parts.hostname)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Problem(f"{host} is not known.") from error
    addresses = [str(entry[4][0]) for entry in found]
    if host not in settings.WEBHOOK_PRIVATE_HOSTS and not all(map(_is_public, addresses)):
        raise Problem(f"{host} is not a public address; name it in WEBHOOK_PRIVATE_HOSTS if it is yours.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, addresses[0], port, path)


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if mapped is not None:
        address = mapped
    return address.is_global and not address.is_multicast
