"""People are served while others send nothing, or send it drop by drop."""

from __future__ import annotations

import http.client
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from evalapp.core.services.web_server import LARGEST_BUFFERED, is_complete
from tests.journeys.installation import free_port
from tests.servers import Web

_APPLICATION = """
import time
from pathlib import Path
from types import SimpleNamespace
import evalapp.core.services.web_server as server
SIZES = {"/large": 400_000, "/huge": 9_000_000}
server.ARRIVAL_SECONDS = server.TAKING_SECONDS = 4.0
server.settings = SimpleNamespace(SEARCH_SECONDS=1)
HELD = Path(__file__).with_name("held")

def application(environ, start_response):
    if environ["PATH_INFO"].startswith("/api/v1/search/"):
        time.sleep(0.3)
        while HELD.exists():
            time.sleep(0.05)
    read = environ["PATH_INFO"] != "/unread"
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) if read else b""
    answer = b"x" * SIZES[environ["PATH_INFO"]] if environ["PATH_INFO"] in SIZES else b"ok" + body
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]
"""
SEARCH = "/api/v1/search/clothes/photo/"
HALVES = {
    "half a head": b"POST /votes HTTP/1.1\r\nHost: x\r\nContent-Le",
    "half a body": b"POST /votes HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{",
    "half a body that was announced": (
        b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n{"
    ),
    "nothing": b"",
    "a body in chunks that nobody reads": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
    "a large body that nobody reads": b"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\nx",
    "half a head behind a whole request": b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HT",
    "a head that never ends": b"GET / HTTP/1.1\r\n" + b"X: %s\r\n" % (b"x" * 8000) * 9,
    "a last request, and staying": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "answers that nobody takes": b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n" * 20,
}


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "echo_app.py").write_text(_APPLICATION)
    found = free_port()
    path = f"{tmp_path}:{Path(sys.executable).parents[2]}"
    web = Web(found, {"PYTHONPATH": path}, workers=1, application="echo_app")
    web.start()
    yield found
    web.stop()


def ask(port: int, body: bytes = b"") -> bytes:
    return sent(port, "/", body)[1]


def sent(port: int, path: str, body: bytes) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=15)) as connection:
        connection.request("POST" if body else "GET", path, body=body or None)
        answer = connection.getresponse()
        return answer.status, answer.read()


def hear(client: socket.socket, end: bytes) -> bytes:
    client.settimeout(15)
    heard = b""
    while not heard.endswith(end):
        more = client.recv(4096)
        assert more, heard
        heard += more
    return heard


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
def test_sixty_four_that_stall_keep_nobody_waiting(port: int, half: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(64):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(half)
        for _ in range(20):
            assert ask(port, b"a vote") == b"oka vote"


def test_a_whole_answer_reaches_who_takes_it_slowly(port: int) -> None:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.connect(("127.0.0.1", port))
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.5)
        heard = hear(client, b"ok")
    assert heard.count(b"HTTP/1.1 200") == 2
    assert heard.count(b"x" * 400_000) == 1


def test_an_answer_too_large_to_keep_is_whole_as_well(port: int) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        for _ in range(2):
            connection.request("GET", "/huge")
            assert connection.getresponse().read() == b"x" * 9_000_000


def test_who_never_takes_an_answer_is_let_go(port: int) -> None:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.connect(("127.0.0.1", port))
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        # The limit is short here; the rest of what was asked for is not made any more.
        time.sleep(6)
        client.settimeout(15)
        heard = 0
        with suppress(ConnectionResetError):
            while more := client.recv(1 << 20):
                heard += len(more)
    assert heard < 20 * 400_000


def test_a_head_that_is_too_long_is_refused_in_words(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(HALVES["a head that never ends"])
        head, _, body = hear(client, b"}}").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    assert json.loads(body)["error"]["code"] == "too_large"


@pytest.mark.parametrize(
    ("request_line", "status"),
    [(b"GET /api/v1/studies/?" + b"x" * 5000 + b" HTTP/1.1", b"414"), (b"GET /api/ HTTP/9.9", b"400")],
)
def test_what_cannot_be_read_is_refused_in_json(port: int, request_line: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(request_line + b"\r\nHost: x\r\n\r\n")
        head, _, body = hear(client, b"}}").partition(b"\r\n\r\n")
    assert head.split()[1] == status
    assert json.loads(body)["error"]["code"] == "malformed"


def test_one_that_drips_keeps_nobody_waiting_and_is_told_so(port: int) -> None:
    over = threading.Event()
    with socket.create_connection(("127.0.0.1", port)) as client:

        def drip() -> None:
            client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n")
            while not over.wait(0.2):
                try:
                    client.sendall(b".")
                except OSError:
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            assert ask(port) == b"ok"
            answer = hear(client, b"}}")
        finally:
            over.set()
            dripping.join()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(body)["error"]["code"] == "timeout"


def test_somebody_slow_is_served_within_the_limit(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        for piece in (b"POST / HTT", b"P/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r", b"\na vo", b"te"):
            client.sendall(piece)
            time.sleep(0.3)
        hear(client, b"oka vote")


def test_a_body_that_waits_to_be_asked_for_is_asked_for(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n")
        assert hear(client, b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        client.sendall(b"a vote")
        hear(client, b"oka vote")


def test_connections_are_kept_and_requests_may_be_sent_ahead(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        one = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n%s"
        client.sendall(one % b"one" + one % b"two")
        assert hear(client, b"oktwo").count(b"HTTP/1.1 200") == 2
        client.sendall(one % b"tri")
        hear(client, b"oktri")


def test_votes_do_not_stand_behind_searches_that_nobody_answers(port: int, tmp_path: Path) -> None:
    (tmp_path / "held").touch()
    with ThreadPoolExecutor(30) as people:
        searches = [people.submit(sent, port, SEARCH, b"a photo") for _ in range(30)]
        try:
            while not any(search.running() for search in searches):
                time.sleep(0.01)
            for _ in range(20):
                assert ask(port, b"a vote") == b"oka vote"
        finally:
            (tmp_path / "held").unlink()


def test_searches_that_would_come_too_late_are_refused_and_every_one_is_answered(port: int) -> None:
    assert sent(port, SEARCH, b"a photo") == (200, b"oka photo")
    with ThreadPoolExecutor(40) as people:
        answers = list(people.map(lambda _: sent(port, SEARCH, b"a photo"), range(40)))
    told = dict(answers)
    assert told.keys() == {200, 503}
    assert json.loads(told[503])["error"]["code"] == "overloaded"
    # The line is short again.
    assert sent(port, SEARCH, b"a photo") == (200, b"oka photo")


def test_what_is_too_large_to_collect_is_read_by_a_thread(port: int) -> None:
    body = b"x" * (LARGEST_BUFFERED + 1)
    assert ask(port, body) == b"ok" + body


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (b"", False),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\ncontent-LENGTH:  3\r\n\r\nab", False),
        (b"POST / HTTP/1.1\r\ncontent-LENGTH:  3\r\n\r\nabc", True),
        (b"POST / HTTP/1.1\r\nContent-Length: nonsense\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nX: Content-Length: 9\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n", True),
        (b"x" * 70_000, False),
    ],
)
def test_when_a_request_has_arrived(received: bytes, expected: bool) -> None:
    assert is_complete(received) is expected
