"""The web server's worker: a thread is given a request only once it has arrived, and never waits for who reads slowly.

gunicorn's own threads read from the socket and write to it, so sixteen phones that lose the network in the middle of a
POST, or of a picture, hold all sixteen threads. Here the main loop, which waits for all sockets at once, collects each
request, passes on what a client did not take of its answer at once, and parts from who leaves; threads meet whole
requests only. Searches, which wait for another process, have threads of their own, and are refused unread where they
would come too late: however many there are, voting does not stand behind them. Use it as
`gunicorn --worker-class evalapp.core.services.web_server.BufferingWorker`.
"""

from __future__ import annotations

import errno
import re
import selectors
import socket
import struct
import time
from concurrent.futures import Future
from contextlib import suppress
from functools import cached_property, partial
from typing import IO, Any

from django.conf import settings
from gunicorn import http  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from evalapp.core.services.slow_lane import SlowLane

ARRIVAL_SECONDS = 20.0
"""A request that has not arrived this long after its first byte was awaited is refused with 408."""
LARGEST_BUFFERED = 1_114_112
"""Requests up to 1 MiB of body and 64 KiB of head are collected. A larger one, an operator's upload, goes to a thread
when its head is there: pages and API look at who sends it before they read on."""
LARGEST_KEPT = 4_194_304
"""So much of an answer is kept for a client that takes its time; beyond, an operator's download, a thread waits."""
MOST_BUFFERED = 67_108_864
"""All requests that are arriving at one process and all answers that are leaving it; beyond, the oldest is let go."""
TAKING_SECONDS = 60.0
"""A client that has not taken its answer this long after it was ready is let go."""
PARTING_SECONDS = 2.0
"""A connection that ends is closed when the client has closed it, or after this: sooner, the answer could be lost."""
STALL_SECONDS = 10
"""A thread waits this long for the next bytes of an upload, or for a client to take more of a large answer."""

_HEAD_END = b"\r\n\r\n"
_LONGEST_HEAD = _PIECE = 65_536
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,12})[ \t]*\r$", re.IGNORECASE | re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding:", re.IGNORECASE | re.MULTILINE)
_EXPECTS = re.compile(rb"^expect:[ \t]*100-continue", re.IGNORECASE | re.MULTILINE)
_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


def _refusal_bytes(status: bytes, code: bytes, message: bytes, headers: bytes = b"") -> bytes:
    body = b'{"error": {"code": "%s", "message": "%s", "fields": {}}}' % (code, message)
    head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nConnection: close\r\n%sContent-Length: %d\r\n\r\n"
    return head % (status, headers, len(body)) + body


_TOO_SLOW = _refusal_bytes(b"408 Request Timeout", b"timeout", b"The request did not arrive in time. Send it again.")
_TOO_LONG = _refusal_bytes(
    b"431 Request Header Fields Too Large", b"too_large", b"The head of the request is too large."
)
# Known by its address only: search stands above the floor.
_SEARCH = re.compile(rb"POST /api/v1/search/[^/ ]+/(?:photo|item|vector)/")
_TOO_MANY = _refusal_bytes(
    b"503 Service Unavailable", b"overloaded",
    b"More is being searched than can be answered in time; try again in a few seconds.",
    b"Retry-After: 2\r\nCache-Control: no-store\r\n",
)  # fmt: skip


def is_complete(received: bytes | bytearray) -> bool:
    """Whether a thread can take the request: all of it has arrived, or the rest is for a thread to read or refuse.

    >>> is_complete(b"POST / HTTP/1.1\\r\\nContent-Length: 2\\r\\n\\r\\n{"), is_complete(b"GET / HTTP/1.1\\r\\n\\r\\n")
    (False, True)
    """
    head = received.find(_HEAD_END)
    if head < 0:
        return False
    lines = bytes(received[: head + 2])
    length = _LENGTH.search(lines)
    if length is None or _CHUNKED.search(lines):
        return True
    whole = head + len(_HEAD_END) + int(length.group(1))
    return len(received) >= whole or whole > LARGEST_BUFFERED


class _Arriving:
    """A connection whose next request is on its way, and what of it is here. `deadline` is on the monotonic clock."""

    def __init__(self, conn: _Connection) -> None:
        self.conn = conn
        self.received = bytearray()
        self.deadline = time.monotonic() + ARRIVAL_SECONDS
        self.told_to_go_on = False

    @property
    def waits_to_be_told(self) -> bool:
        """Whether the client holds its body back until it is asked for it; a thread must not wait for that."""
        head = self.received.find(_HEAD_END)
        return head >= 0 and not self.told_to_go_on and bool(_EXPECTS.search(bytes(self.received[: head + 2])))


class _Connection(TConn):  # gunicorn comes without types
    """A connection, and what of its answers the client has not taken yet."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.unsent = bytearray()


class _Outgoing:
    """Stands for the socket while a thread writes an answer: pieces go out together, nothing waits for the client."""

    def __init__(self, sock: socket.socket, unsent: bytearray) -> None:
        self._sock, self._unsent = sock, unsent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, data: bytes) -> None:
        """Keep it, and send from time to time what can be sent without waiting; wait only where too much is kept."""
        self._unsent += data
        if len(self._unsent) >= _PIECE:
            _send_some(self._sock, self._unsent)
        if len(self._unsent) > LARGEST_KEPT:
            self._flush_unsent()

    def sendfile(self, file: IO[bytes], offset: int = 0, count: int | None = None) -> None:
        """The same for a file."""
        if count is not None and count <= LARGEST_KEPT:
            file.seek(offset)
            self.sendall(file.read(count))
            return
        self._flush_unsent()
        self._sock.sendfile(file, offset=offset, count=count)

    def _flush_unsent(self) -> None:
        unsent_bytes = bytes(self._unsent)
        # First: what was sent in part must not be sent once more.
        self._unsent.clear()
        self._sock.sendall(unsent_bytes)


class _InJson:
    """Stands for the socket where gunicorn would write a page about a request that it cannot read."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, page: bytes) -> None:
        """The same status."""
        status = page.partition(b"\r\n")[0].partition(b" ")[2]
        ours = status.startswith(b"5")
        code_and_message = (
            (b"server_error", b"Something broke on our side.") if ours else (b"malformed", b"It cannot be read.")
        )
        self._sock.sendall(_refusal_bytes(status, *code_and_message))


def _send_some(sock: socket.socket, unsent: bytearray) -> None:
    """Send from the front what the client takes without waiting; OSError where it has gone."""
    with suppress(BlockingIOError):
        while unsent:
            del unsent[: sock.send(unsent, socket.MSG_DONTWAIT)]


class BufferingWorker(ThreadWorker):  # gunicorn comes without types
    """Collects requests and passes on answers in the main loop. Everything else is gunicorn's threaded worker."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Each in the order of its deadlines: all wait equally long.
        self._arriving: dict[_Connection, _Arriving] = {}
        self._taking: dict[_Connection, float] = {}
        self._parting: dict[_Connection, float] = {}
        self._buffered = 0

    @cached_property
    def _search_lane(self) -> SlowLane:
        # Half of the time that somebody waits for is for the line, half for the answer. Not before the application is
        # there, which says where the settings are.
        return SlowLane(max(1, self.cfg.threads // 2), settings.SEARCH_SECONDS / 2)

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        super().check_config(cfg, log)
        if cfg.is_ssl:
            # Bytes on an encrypted socket are no request; a proxy in front does this better.
            raise RuntimeError("BufferingWorker speaks plain HTTP: let a proxy in front of it do the encryption.")

    def accept(self, listener: socket.socket) -> None:
        """Take a connection and wait for its first request."""
        try:
            client, address = listener.accept()
        except OSError as problem:
            if problem.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        _limit_stalls(client)
        self._await_request(_Connection(self.cfg, client, address, listener.getsockname()))
        if self.nr_conns >= self.worker_connections:
            # Better that the slowest goes than that nobody else gets in.
            self._let_the_oldest_go()

    def on_client_socket_readable(self, conn: _Connection, client: socket.socket) -> None:
        """The next request on a kept connection begins."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await_request(conn)

    def handle_request(self, req: Any, conn: _Connection) -> Any:
        """Answer it, in a thread, without waiting for the client to take the answer."""
        sock, conn.sock = conn.sock, _Outgoing(conn.sock, conn.unsent)
        try:
            keepalive = super().handle_request(req, conn)
            _send_some(sock, conn.unsent)
            return keepalive
        finally:
            conn.sock = sock

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Say in JSON what cannot be read, whatever its address: programs are promised it, and people never see it."""
        super().handle_error(req, _InJson(client), addr, exc)

    def _keepalive_after(self, conn: _Connection, keepalive: bool) -> bool:
        """Whether the connection can be used again. A body that nobody read is skipped if it is here."""
        if not keepalive:
            return False
        conn.sock.setblocking(False)
        try:
            return bool(conn.parser.finish_body(max_bytes=LARGEST_BUFFERED))
        except BlockingIOError:
            return False

    def finish_request(self, conn: _Connection, fs: Future[Any]) -> None:
        """Back in the main loop: the client takes the rest of its answer, then sends its next request or leaves."""
        if conn.sock.fileno() < 0:
            # An answer that broke off was ended on the spot.
            self._close_connection(conn)
            return
        conn.sock.setblocking(False)
        if not conn.unsent:
            self._go_on(conn, fs)
            return
        self._buffered += len(conn.unsent)
        self._taking[conn] = time.monotonic() + TAKING_SECONDS
        self.poller.register(conn.sock, selectors.EVENT_WRITE, partial(self._on_room, conn, fs))
        if self._buffered > MOST_BUFFERED:
            self._let_the_oldest_go()

    def murder_pending(self) -> None:
        """Let go who has had its time; the base class calls this every second."""
        super().murder_pending()
        now = time.monotonic()
        while self._arriving and next(iter(self._arriving.values())).deadline < now:
            self._refuse_request(next(iter(self._arriving)), _TOO_SLOW)
        for leaving in (self._taking, self._parting):
            while leaving and next(iter(leaving.values())) < now:
                self._close_connection(next(iter(leaving)))

    def _cap_keepalive(self, deadline: float) -> None:
        """A stopping process waits for what has begun to arrive, and not for more."""
        super()._cap_keepalive(deadline)
        for arriving in list(self._arriving.values()):
            arriving.deadline = min(arriving.deadline, deadline)
            if not arriving.received:
                self._close_connection(arriving.conn)

    def _await_request(self, conn: _Connection, received: bytes = b"") -> None:
        self._arriving[conn] = _Arriving(conn)
        conn.sock.setblocking(False)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_bytes, conn))
        if received:
            self._take_in(self._arriving[conn], received)

    def _on_bytes(self, conn: _Connection, _client: socket.socket) -> None:
        arriving = self._arriving.get(conn)
        if arriving is None:
            # Let go by an event of the same moment.
            return
        try:
            more = conn.sock.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        if more:
            self._take_in(arriving, more)
        else:
            self._close_connection(conn)

    def _take_in(self, arriving: _Arriving, more: bytes) -> None:
        arriving.received += more
        self._buffered += len(more)
        if is_complete(arriving.received):
            self._forget_waiting(arriving.conn)
            self._hand_over(arriving.conn, bytes(arriving.received))
        elif len(arriving.received) > _LONGEST_HEAD and _HEAD_END not in arriving.received:
            self._refuse_request(arriving.conn, _TOO_LONG)
        elif self._buffered > MOST_BUFFERED:
            self._let_the_oldest_go()
        elif arriving.waits_to_be_told:
            arriving.told_to_go_on = True
            with suppress(OSError):
                arriving.conn.sock.send(_GO_ON)

    def _hand_over(self, conn: _Connection, received: bytes) -> None:
        if conn.parser is None:
            conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
            conn.initialized = conn.data_ready = True
        conn.parser.unreader.unread(received)
        if not _SEARCH.match(received):
            self.enqueue_req(conn)
        elif self._search_lane.is_full:
            self._answer_and_part(conn, _TOO_MANY)
        else:
            done = self._search_lane.submit(partial(self.handle, conn))
            done.add_done_callback(lambda found: self.method_queue.defer(self.finish_request, conn, found))

    def _on_room(self, conn: _Connection, fs: Future[Any], _client: socket.socket) -> None:
        if conn not in self._taking:
            return
        before = len(conn.unsent)
        try:
            _send_some(conn.sock, conn.unsent)
        except OSError:
            self._close_connection(conn)
            return
        self._buffered -= before - len(conn.unsent)
        if not conn.unsent:
            self._forget_waiting(conn)
            self._go_on(conn, fs)

    def _go_on(self, conn: _Connection, fs: Future[Any]) -> None:
        if fs.cancelled() or fs.exception() or not fs.result():
            self._begin_parting(conn)
        elif ahead := conn.parser.unreader.take_buffered():
            # Of the next request, perhaps not all of it.
            self._await_request(conn, ahead)
        else:
            super().finish_request(conn, fs)

    def _begin_parting(self, conn: _Connection) -> None:
        """Say that nothing more comes, and wait for the client to close, as gunicorn does, but not in the main loop."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
        except OSError:
            self._close_connection(conn)
            return
        self._parting[conn] = time.monotonic() + PARTING_SECONDS
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_parting, conn))

    def _on_parting(self, conn: _Connection, _client: socket.socket) -> None:
        if conn not in self._parting:
            return
        try:
            more = conn.sock.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        if not more:
            self._close_connection(conn)

    def _refuse_request(self, conn: _Connection, answer: bytes) -> None:
        """Say why, if there was a request at all, and part."""
        begun = bool(self._arriving[conn].received)
        self._forget_waiting(conn)
        if begun:
            self._answer_and_part(conn, answer)
        else:
            self._close_connection(conn)

    def _answer_and_part(self, conn: _Connection, answer: bytes) -> None:
        """Answer without a thread, and part."""
        with suppress(OSError):
            conn.sock.send(answer)
        self._begin_parting(conn)

    def _let_the_oldest_go(self) -> None:
        for waiting in (self._parting, self._arriving, self._taking):
            if waiting:
                oldest = next(iter(waiting))
                if waiting is self._arriving and self._arriving[oldest].received:
                    with suppress(OSError):
                        oldest.sock.send(_TOO_SLOW)
                self._close_connection(oldest)
                return

    def _forget_waiting(self, conn: _Connection) -> None:
        """Wait for nothing more from it here."""
        arriving = self._arriving.pop(conn, None)
        if arriving:
            self._buffered -= len(arriving.received)
        if self._taking.pop(conn, None):
            self._buffered -= len(conn.unsent)
        self._parting.pop(conn, None)
        self.poller.unregister(conn.sock)

    def _close_connection(self, conn: _Connection) -> None:
        if conn in self._arriving or conn in self._taking or conn in self._parting:
            self._forget_waiting(conn)
        self.nr_conns -= 1
        conn.close()


def _limit_stalls(client: socket.socket) -> None:
    """By socket options: gunicorn's threads make the socket blocking again, which would take a Python timeout away."""
    limit = struct.pack("@ll", STALL_SECONDS, 0)
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        client.setsockopt(socket.SOL_SOCKET, option, limit)
