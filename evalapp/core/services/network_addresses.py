"""Under which addresses other machines find this one."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit


@dataclass(frozen=True, slots=True)
class LinkToSend:
    """An address for other people. `reaches` is false where it opens on this machine alone.

    `elsewhere` is then what it would be once the server listens to the network; empty where there is no network.
    """

    address: str
    reaches: bool = True
    elsewhere: str = ""


def link_to_send(address: str, answers_to: Collection[str]) -> LinkToSend:
    """What to send to people for a page that the operator sees at `address`.

    An operator on the same machine looks at `localhost`, which on a phone is the phone. `answers_to` are the names
    under which the server takes requests: where this network's address is among them, that one is sent.
    """
    parts = urlsplit(address)
    if not is_loopback(parts.hostname or ""):
        return LinkToSend(address)
    # The last of them is this host's name, not an address.
    network_name = next((name for name in own_addresses()[:-1] if not is_loopback(name)), "")
    netloc = network_name if parts.port is None else f"{network_name}:{parts.port}"
    elsewhere = urlunsplit(parts._replace(netloc=netloc)) if network_name else ""
    if network_name and (network_name in answers_to or "*" in answers_to):
        return LinkToSend(elsewhere)
    return LinkToSend(address, reaches=False, elsewhere=elsewhere)


def is_loopback(host: str) -> bool:
    """Whether nothing but this machine is reached under this host name or address, given without a port."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def own_addresses() -> list[str]:
    """Addresses under which other machines of the network may know this one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # No packet is sent: connecting a datagram socket only picks the outgoing address.
            probe.connect(("192.0.2.1", 9))
            addresses = [str(probe.getsockname()[0])]
        except OSError:
            addresses = []
    return [*addresses, socket.gethostname()]
