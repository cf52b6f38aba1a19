"""Asking the search service: kept connections, one deadline, and no calls to what does not answer.

Standard library only: this runs in the web process.
"""

from __future__ import annotations

import json
import socket
import threading
from http.client import HTTPConnection, HTTPException
from time import monotonic
from urllib.parse import urlsplit

from django.conf import settings

from evalapp.core.domain.errors import InvalidInput, NotFound
from evalapp.search.domain.circuit_breaker import CircuitBreaker
from evalapp.search.domain.lookup_params import Found, LookupParams
from evalapp.search.domain.search_problems import BY_CODE, SearchUnavailable
from evalapp.search.domain.service_address import SECONDS_HEADER, SIGNATURE_HEADER, signature_of, socket_path

_CONNECT_SECONDS = 0.2
_AWAY = "Search is not available at this moment; try again in a few seconds."
_OWN_CODES = {"invalid": InvalidInput, "not_found": NotFound}

breaker = CircuitBreaker()
_kept = threading.local()


class _SocketConnection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_CONNECT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_CONNECT_SECONDS)
        self.sock.connect(self._path)


def look_up(params: LookupParams, blob: bytes = b"", *, seconds: float | None = None) -> Found:
    """The service's answer within so many seconds (SEARCH_SECONDS if None).

    Raises SearchUnavailable where it does not come in time, and what the service found wrong with the question.
    """
    if not breaker.may_ask():
        raise SearchUnavailable(_AWAY)
    message = params.to_message(blob)
    seconds_left = float(settings.SEARCH_SECONDS) if seconds is None else seconds
    try:
        status, body = _post_message(message, seconds_left)
    except (OSError, HTTPException) as error:
        breaker.note_failure()
        raise SearchUnavailable(_AWAY) from error
    breaker.note_success()
    if status == 200:
        return Found.from_json(body)
    raise _read_problem(body)


def is_ready(seconds: float = 2.0) -> bool:
    """Whether the service says that it is warm."""
    try:
        connection = _open_connection()
        try:
            connection.sock.settimeout(seconds)
            connection.request("GET", "/ready")
            return connection.getresponse().status == 200
        finally:
            connection.close()
    except (OSError, HTTPException):
        return False


def _post_message(message: bytes, seconds: float) -> tuple[int, bytes]:
    """One call; a kept connection that the service has closed meanwhile is opened anew, once."""
    deadline = monotonic() + seconds
    connection: HTTPConnection | None = getattr(_kept, "connection", None)
    if connection is not None:
        try:
            return _exchange_messages(connection, message, deadline)
        except TimeoutError:
            _forget_connection()
            raise
        except (OSError, HTTPException):
            _forget_connection()
    _kept.connection = _open_connection()
    try:
        return _exchange_messages(_kept.connection, message, deadline)
    except BaseException:
        _forget_connection()
        raise


def _exchange_messages(connection: HTTPConnection, message: bytes, deadline: float) -> tuple[int, bytes]:
    seconds_left = deadline - monotonic()
    if seconds_left <= 0:
        raise TimeoutError
    connection.sock.settimeout(seconds_left)
    headers = {SECONDS_HEADER: f"{seconds_left:.3f}", "Content-Type": "application/octet-stream"}
    if settings.SEARCH_URL:
        headers[SIGNATURE_HEADER] = signature_of(message)
    connection.request("POST", "/lookup", message, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def _open_connection() -> HTTPConnection:
    connection: HTTPConnection
    if settings.SEARCH_URL:
        address = urlsplit(settings.SEARCH_URL)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=_CONNECT_SECONDS)
    else:
        connection = _SocketConnection(str(socket_path()))
    connection.connect()
    return connection


def _forget_connection() -> None:
    connection = getattr(_kept, "connection", None)
    if connection is not None:
        connection.close()
    _kept.connection = None


def _read_problem(body: bytes) -> Exception:
    try:
        error = json.loads(body)["error"]
        kind = BY_CODE.get(error["code"]) or _OWN_CODES[error["code"]]
        return kind(error["message"], fields=error.get("fields"))
    except (ValueError, KeyError, TypeError):
        return SearchUnavailable(_AWAY)
