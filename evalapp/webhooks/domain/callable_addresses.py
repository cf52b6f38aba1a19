"""Which addresses may be called: a webhook must not become a way into the operator's own network."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit

from django.conf import settings

from evalapp.core.domain.errors import InvalidInput, Problem

LONGEST_URL = 500
_UNWRITABLE = re.compile(r"[\x00-\x20\x7f]")
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
_IN_PATH = "/%:@!$&'()*+,;=~"

_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NOBODYS = (ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv6Network("3fff::/20"))
"""Set apart for protocols and for documentation; the standard library calls parts of them global."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect, decided once: `ip` is called, whatever the name means a moment later."""

    scheme: str
    host: str
    ip: str
    port: int
    path: str


def callable_url(url: str) -> str:
    """`url` as it can be called: the host in ASCII, the path quoted, nothing behind `#`.

    Raises InvalidInput for an address that can never be called.
    """
    parts, port = _split_url(url)
    if parts.username or parts.password:
        raise InvalidInput(
            "Leave user and password out of the address; what is sent is signed.",
            fields={"url": ["Holds a user or password."]},
        )
    host = _ascii_host(parts.hostname or "")
    if parts.scheme not in {"https", "http"} or not _HOST.fullmatch(host):
        raise _no_address(url)
    place = f"[{host}]" if ":" in host else host
    place += "" if port is None else f":{port}"
    query = f"?{quote(parts.query, safe=_IN_PATH + '?')}" if parts.query else ""
    called = f"{parts.scheme}://{place}{quote(parts.path, safe=_IN_PATH) or '/'}{query}"
    if len(called) > LONGEST_URL:
        raise InvalidInput(
            f"The address is longer than {LONGEST_URL} characters.",
            fields={"url": [f"At most {LONGEST_URL} characters."]},
        )
    return called


def resolve_target(url: str) -> Target:
    """Look the host up and choose an address that may be called.

    Raises Problem where the host is unknown or where any of its addresses is not public: a name that means both a
    public and a private address is not to be trusted. `WEBHOOK_PRIVATE_HOSTS` names hosts that are the operator's own.
    """
    parts = urlsplit(callable_url(url))
    host = str(parts.hostname)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Problem(f"{host} is not known.") from error
    addresses = [str(entry[4][0]) for entry in entries]
    if host not in map(_ascii_host, settings.WEBHOOK_PRIVATE_HOSTS) and not all(map(_is_public, addresses)):
        raise Problem(f"{host} is not a public address; name it in WEBHOOK_PRIVATE_HOSTS if it is yours.")
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, addresses[0], port, path)


def _split_url(url: str) -> tuple[SplitResult, int | None]:
    if _UNWRITABLE.search(url):
        raise _no_address(url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        # A port above 65535 or no number, brackets that are left open, a host that changes when it is normalised.
        raise _no_address(url) from error
    return parts, port


def _ascii_host(host: str) -> str:
    """`bücher.example` as `xn--bcher-kva.example`; empty for what is no host."""
    try:
        return host.lower() if host.isascii() else host.encode("idna").decode().lower()
    except UnicodeError:
        return ""


def _no_address(url: str) -> InvalidInput:
    return InvalidInput(f"{url[:100]!r} is no address; write https://host/path.", fields={"url": ["No http address."]})


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour
        if inside is None and address in _NAT64:
            # A gateway would call the address that the last 32 bits are.
            inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inside is not None:
            address = inside
        elif address not in _UNICAST:
            return False
    return address.is_global and not address.is_multicast and not any(address in network for network in _NOBODYS)
