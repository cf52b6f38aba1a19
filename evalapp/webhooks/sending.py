"""One POST to one address that was looked up beforehand: no redirects, no proxies, no long answers."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import socket
import ssl
from collections.abc import Mapping

from evalapp.core.errors import Problem
from evalapp.webhooks.addresses import Target

SECONDS = 10.0


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """`t=TIMESTAMP,v1=HMAC-SHA256(secret, "TIMESTAMP." + body)`: the time is signed too, against replays."""
    mac = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},v1={mac.hexdigest()}"


def post(target: Target, body: bytes, headers: Mapping[str, str]) -> None:
    """Deliver the body; raises Problem, saying why, unless the answer's status is 2xx."""
    connection = _connection(target)
    host = target.host if target.port in {80, 443} else f"{target.host}:{target.port}"
    try:
        connection.request("POST", target.path, body, {**headers, "Host": host, "Connection": "close"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise Problem(f"{target.host} did not take it: {error or type(error).__name__}.") from error
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise Problem(f"{target.host} answered {status}.")


def _connection(target: Target) -> http.client.HTTPConnection:
    if target.scheme == "http":
        return http.client.HTTPConnection(target.ip, target.port, timeout=SECONDS)
    return _PinnedHttps(target)


class _PinnedHttps(http.client.HTTPSConnection):
    """Connects to the address that was checked, and asks for the certificate of the name."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._tls = ssl.create_default_context()
        super().__init__(target.host, target.port, timeout=SECONDS, context=self._tls)

    def connect(self) -> None:
        plain = socket.create_connection((self._target.ip, self._target.port), SECONDS)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self._target.host)
