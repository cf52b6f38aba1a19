"""One POST to one address that was looked up beforehand: no redirects, no proxies, no long answers."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from threading import Event, Timer

from evalapp.core.domain.errors import Problem
from evalapp.webhooks.domain.callable_addresses import Target

SECONDS = 10.0
"""For the whole attempt once the name is known: a limit per read lets a receiver that drips hold a worker for hours."""


def post(target: Target, body: bytes, headers: Mapping[str, str]) -> None:
    """Deliver the body; raises Problem, saying why, unless the answer's status is 2xx within `SECONDS`."""
    late = Event()
    try:
        status = _send_request(target, body, headers, late)
    except (OSError, ValueError, http.client.HTTPException) as error:
        why = f"no answer within {SECONDS:g} seconds" if late.is_set() else str(error) or type(error).__name__
        raise Problem(f"{target.host} did not take it: {why}.") from error
    if not 200 <= status < 300:
        raise Problem(f"{target.host} answered {status}.")


def _send_request(target: Target, body: bytes, headers: Mapping[str, str], late: Event) -> int:
    with _ended_when_late(_open_connection(target), late) as link:
        if isinstance(link, ssl.SSLSocket):
            link.do_handshake()
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = link
        connection.request("POST", target.path, body, {**headers, "Host": _host_header(target), "Connection": "close"})
        return connection.getresponse().status


def _host_header(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port in {80, 443} else f"{host}:{target.port}"


def _open_connection(target: Target) -> socket.socket:
    """A connection to the address that was checked; TLS asks for the certificate of the name, once it begins."""
    plain = socket.create_connection((target.ip, target.port), SECONDS / 2)
    plain.settimeout(SECONDS)
    if target.scheme == "http":
        return plain
    tls = ssl.create_default_context()
    return tls.wrap_socket(plain, server_hostname=target.host, do_handshake_on_connect=False)


@contextmanager
def _ended_when_late(link: socket.socket, late: Event) -> Iterator[socket.socket]:
    """Shut the connection down after what remains of `SECONDS`, whatever is being read or written then."""

    def end_link() -> None:
        late.set()
        try:
            # The plain socket's method: that of TLS takes the reading side away under the hands of who reads.
            socket.socket.shutdown(link, socket.SHUT_RDWR)
        except OSError:
            return

    timer = Timer(SECONDS / 2, end_link)
    timer.daemon = True
    timer.start()
    try:
        with closing(link):
            yield link
    finally:
        timer.cancel()
