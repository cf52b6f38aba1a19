"""Hostile receivers among good ones: the good ones are told in time, and nothing inside the network is called."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from time import monotonic
from typing import Any

import pytest
from django.conf import LazySettings

from evalapp.webhooks import services
from evalapp.webhooks.domain import callable_addresses
from evalapp.webhooks.models import Delivery, Webhook
from evalapp.webhooks.pipeline import deliveries, http_post
from tests.attacks import note, sized

pytestmark = [pytest.mark.django_db, pytest.mark.database]

NAMED, REBOUND = "receivers.example", "rebind.example"
SLOW, EACH, GOOD = 12, 5, 3
"""Receivers that never come to an end, deliveries that wait for each of them, and receivers that are well."""

INSIDE = (
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "localhost", "①②⑦.⓪.⓪.①",
    "127。0。0。1", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]", "[64:ff9b:1::127.0.0.1]", "[2002:7f00:1::]", "[fe80::1]", "[fec0::1]", "[fd00::1]",
    "10.0.0.1", "100.64.0.1", "169.254.169.254", "192.0.0.8", "192.168.0.1", "224.0.0.1", REBOUND,
)  # fmt: skip
NO_ADDRESSES = (
    "http://example.org:99999/",
    "http://example.org:port/",
    "http://[",
    "http://a..ö/",
    "http://me:secret@127.0.0.1/",
    "file:///etc/passwd",
)


class Receivers:
    """One server that plays them all, by the path that is called, and remembers when what was called."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, float]] = []
        self.let_go: list[float] = []
        self.over = Event()
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                ours.heard.append((self.path, monotonic()))
                if self.path.startswith("/slow"):
                    ours.drip(self.connection, silent=self.path.endswith("silent"))
                    return
                self.send_response(302 if self.path == "/away" else 204)
                self.send_header("Location", f"http://127.0.0.1:{ours.port}/inside")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port

    def drip(self, link: socket.socket, *, silent: bool) -> None:
        """A byte now and then, or none at all, until the other side has had enough."""
        link.settimeout(0.1)
        while not self.over.is_set():
            try:
                if not silent:
                    link.sendall(b"H")
                if link.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        self.let_go.append(monotonic())

    def url(self, path: str) -> str:
        return f"http://{NAMED}:{self.port}{path}"

    def times_of(self, path: str) -> list[float]:
        return [at for called, at in self.heard if called.startswith(path)]


@pytest.fixture
def receivers(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receivers]:
    settings.WEBHOOK_PRIVATE_HOSTS = [NAMED]
    look_up = socket.getaddrinfo

    def names(host: str, port: int, *more: Any, **words: Any) -> list[Any]:
        known = {NAMED: ["127.0.0.1"], REBOUND: ["93.184.216.34", "127.0.0.1"]}.get(host)
        if known is None:
            return look_up(host, port, *more, **words)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known]

    monkeypatch.setattr(callable_addresses.socket, "getaddrinfo", names)
    with ExitStack() as stack:
        ours = Receivers()
        stack.callback(ours.server.server_close)
        stack.callback(ours.server.shutdown)
        stack.callback(ours.over.set)
        Thread(target=ours.server.serve_forever, daemon=True).start()
        yield ours


def _due(url: str, times: int = 1) -> None:
    """As a version that checked nothing left it: even what can no longer be added is there."""
    webhook = Webhook.objects.create(url=url, events=["study.closed"])
    for _ in range(times):
        services.try_webhook(webhook)


def test_good_receivers_are_told_before_a_slow_one_is_let_go(
    receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_post, "SECONDS", sized(4, 10))
    for number in range(SLOW):
        _due(receivers.url(f"/slow/{number}/{'silent' if number % 2 else 'drips'}"), EACH)
    for url in (*NO_ADDRESSES, *(f"http://{host}:{receivers.port}/inside" for host in INSIDE)):
        _due(url)
    _due(receivers.url("/away"))
    for number in range(GOOD):
        _due(receivers.url(f"/good/bestätigt/{number}"), EACH)
    begin = monotonic()
    deliveries.deliver_due()
    took = monotonic() - begin
    good = receivers.times_of("/good")
    hostile = SLOW + len(NO_ADDRESSES) + len(INSIDE) + 1
    note(
        f"{GOOD} good receivers beside {hostile} hostile ones: dripping, silent, redirecting, no address, private in "
        f"{len(INSIDE)} spellings",
        "the good ones are told before a slow one is let go, nothing private is called",
        f"told after {max(good) - begin:.1f} s, the slow ones let go after {min(receivers.let_go) - begin:.1f} s",
    )
    assert len(good) == Delivery.objects.filter(delivered_at__isnull=False).count() == GOOD * EACH
    assert max(good) < min(receivers.let_go)
    assert receivers.times_of("/inside") == []
    # Each slow one once: what else waits for it must not hold the worker as many times as long.
    assert len(receivers.times_of("/slow")) == SLOW
    assert took < 3 * http_post.SECONDS
    failed = Delivery.objects.filter(delivered_at=None, attempts=1).exclude(error="")
    assert failed.count() == hostile


def test_private_addresses_are_called_where_nobody_looks(receivers: Receivers, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack works without the guard: several of the spellings lead to this very machine."""
    monkeypatch.setattr(callable_addresses, "_is_public", lambda _address: True)
    monkeypatch.setattr(http_post, "SECONDS", 1.0)
    for host in INSIDE[:10]:
        _due(f"http://{host}:{receivers.port}/inside")
    deliveries.deliver_due()
    assert len(receivers.times_of("/inside")) > 5
