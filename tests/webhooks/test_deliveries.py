"""What happened is told to whoever listens: signed, again and again until it is taken, never to a private address."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Event, Thread
from time import monotonic
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from evalapp.core.domain.errors import InvalidInput, Problem
from evalapp.studies.services import close_study
from evalapp.webhooks import services
from evalapp.webhooks.domain import callable_addresses
from evalapp.webhooks.domain.event_names import EVENTS, STUDY_CLOSED
from evalapp.webhooks.domain.signatures import signed_headers
from evalapp.webhooks.models import Delivery, Webhook
from evalapp.webhooks.pipeline import deliveries, http_post
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@dataclass
class Receiver:
    """A program of the operator's that is told things."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver(settings: LazySettings) -> Iterator[Receiver]:
    settings.WEBHOOK_PRIVATE_HOSTS = ["127.0.0.1"]
    ours = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            ours.heard.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(ours.answers.pop(0) if ours.answers else 204)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    ours.url = f"http://127.0.0.1:{server.server_port}/hook?from=don"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield ours
    server.shutdown()
    server.server_close()


def test_closing_a_study_is_told_signed_and_once(receiver: Receiver) -> None:
    webhook = services.add_webhook(receiver.url, EVENTS)
    close_study(cast.open_study())
    assert deliveries.deliver_due() == 1
    assert deliveries.deliver_due() == 0
    ((headers, body),) = receiver.heard
    document = json.loads(body)
    assert (document["event"], document["data"]) == ("study.closed", {"study": "match"})
    assert headers["DopeOrNope-Delivery"] == document["id"]
    stamp, _, mac = headers["DopeOrNope-Signature"].partition(",v1=")
    signed = stamp.removeprefix("t=").encode() + b"." + body
    assert mac == hmac.new(webhook.secret.encode(), signed, hashlib.sha256).hexdigest()
    key = base64.b64decode(webhook.secret.removeprefix("whsec_"))
    standard = f"{document['id']}.{headers['webhook-timestamp']}.".encode() + body
    assert headers["webhook-id"] == document["id"]
    assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(key, standard, "sha256")).decode()
    assert Delivery.objects.get().state == "delivered"


def test_only_those_who_listen_are_told(receiver: Receiver) -> None:
    services.add_webhook(receiver.url, ["export.ready"])
    silent = services.add_webhook(receiver.url, [STUDY_CLOSED])
    Webhook.objects.filter(pk=silent.pk).update(active=False)
    close_study(cast.open_study())
    assert deliveries.deliver_due() == 0


def test_a_refusal_is_tried_again_later_with_longer_waits_and_given_up_at_last(receiver: Receiver) -> None:
    services.add_webhook(receiver.url, EVENTS)
    close_study(cast.open_study())
    receiver.answers = [500] * services.MOST_ATTEMPTS
    waits = []
    for _ in range(services.MOST_ATTEMPTS):
        Delivery.objects.update(due_at=timezone.now())
        assert deliveries.deliver_due() == 1
        due = Delivery.objects.get().due_at
        waits.append(None if due is None else round((due - timezone.now()).total_seconds()))
    assert waits[:3] == [30, 60, 120]
    assert waits[-1] is None
    given_up = Delivery.objects.get()
    assert (given_up.state, given_up.error) == ("given up", "127.0.0.1 answered 500.")
    assert len({json.loads(body)["id"] for _, body in receiver.heard}) == 1


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    services.add_webhook(receiver.url, EVENTS)
    receiver.answers = [302]
    close_study(cast.open_study())
    deliveries.deliver_due()
    assert len(receiver.heard) == 1
    assert Delivery.objects.get().error == "127.0.0.1 answered 302."


def test_a_worker_that_dies_with_a_delivery_leaves_it_to_the_next(receiver: Receiver) -> None:
    services.add_webhook(receiver.url, EVENTS)
    close_study(cast.open_study())
    now = timezone.now()
    assert len(services.claim_due(now)) == 1
    assert services.claim_due(now) == []
    assert len(services.claim_due(now + timedelta(minutes=3))) == 1


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.8",
        "192.168.1.1",
        "169.254.169.254",
        "::1",
        "fe80::1%lo",
        "::ffff:10.0.0.1",
        "0.0.0.1",
        "224.0.0.1",
        "192.0.0.8",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::10.0.0.1",
        "::10.0.0.1",
        "::ffff:0:10.0.0.1",
        "fec0::1",
        "2002:a00:1::",
        "2001:0:a00:1::",
        "100::1",
        "3fff::1",
        "ff02::1",
    ],
)
def test_no_private_address_is_called_even_behind_a_public_one(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    answers = [(socket.AF_INET, 1, 6, "", ("93.184.216.34", 443)), (family, 1, 6, "", (address, 443))]
    monkeypatch.setattr(callable_addresses.socket, "getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(Problem, match="not a public address; name it in WEBHOOK_PRIVATE_HOSTS"):
        callable_addresses.resolve_target("https://rebind.example/hook")


def test_the_address_that_was_checked_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that means another machine a moment later changes nothing."""
    answers = iter([[(socket.AF_INET, 1, 6, "", ("93.184.216.34", 443))]])
    monkeypatch.setattr(callable_addresses.socket, "getaddrinfo", lambda *_, **__: next(answers))
    target = callable_addresses.resolve_target("https://rebind.example:8443/hook?x=1")
    assert (target.ip, target.port, target.host, target.path) == ("93.184.216.34", 8443, "rebind.example", "/hook?x=1")


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1", "64:ff9b::93.184.216.34"])
def test_public_addresses_are_called_those_behind_a_gateway_too(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    monkeypatch.setattr(callable_addresses.socket, "getaddrinfo", lambda *_, **__: [(family, 1, 6, "", (address, 443))])
    assert callable_addresses.resolve_target("https://example.org/").ip == address


NO_ADDRESSES = [
    "ftp://example.org/",
    "file:///etc/passwd",
    "https://",
    "https://me:secret@example.org/",
    "http://example.org:99999/",
    "http://example.org:port/",
    "http://[",
    "http://[fe80::1%25lo]/",
    "http://exa mple.org/",
    "http://example.org/a b",
    "http://example.org/\nx",
    "http://example.org/\0",
    "http://a..ö/",
    "http://℀.example/",
    "http://example.org/" + "ä" * 200,
    "http://example.org/" + "a" * 600,
]


@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_what_is_no_address_is_refused_in_words(url: str) -> None:
    with pytest.raises(InvalidInput):
        services.add_webhook(url, EVENTS)


def test_umlauts_are_written_as_a_program_can_call_them() -> None:
    webhook = services.add_webhook("https://Bücher.example:8443/bestätigt%20x?für=alle#oben", EVENTS)
    assert webhook.url == "https://xn--bcher-kva.example:8443/best%C3%A4tigt%20x?f%C3%BCr=alle"


def test_no_delivery_keeps_the_next_from_being_sent(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    """Rows of a version that checked less, and whatever else nobody has thought of."""
    for url in NO_ADDRESSES[2:-2]:
        services.try_webhook(Webhook.objects.create(url=url.replace("\0", ""), events=EVENTS))
    services.try_webhook(services.add_webhook(receiver.url, EVENTS))
    assert deliveries.deliver_due() == len(NO_ADDRESSES) - 3
    assert len(receiver.heard) == 1
    assert (
        Delivery.objects.filter(delivered_at=None, due_at__gt=timezone.now(), attempts=1).exclude(error="").count()
        == len(NO_ADDRESSES) - 4
    )


def test_a_delivery_that_fails_as_nobody_thought_of_is_tried_again_later(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(url: str) -> None:
        raise RuntimeError(url)

    services.try_webhook(services.add_webhook(receiver.url, EVENTS))
    monkeypatch.setattr(deliveries, "resolve_target", broken)
    assert deliveries.deliver_due() == 1
    waiting = Delivery.objects.get()
    assert (waiting.state, waiting.error[:27]) == ("waiting", "It could not be sent (Runti")


def test_one_that_has_been_tried_more_often_than_ever_is_given_up_without_a_word_of_python(receiver: Receiver) -> None:
    delivery = services.try_webhook(services.add_webhook(receiver.url, EVENTS))
    delivery.attempts = 30_000
    services.mark_failed(delivery, "late")
    assert Delivery.objects.get().state == "given up"
    Delivery.objects.update(due_at=timezone.now(), attempts=services.MOST_ATTEMPTS)
    assert deliveries.deliver_due() == 0
    assert Delivery.objects.get().state == "given up"


def test_a_receiver_that_drips_has_one_deadline_and_keeps_nobody_waiting(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_post, "SECONDS", 1.0)
    stop = Event()

    def drip(listening: socket.socket) -> None:
        link, _ = listening.accept()
        with link:
            for _ in range(90):
                if stop.wait(0.1):
                    return
                try:
                    link.sendall(b"H")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        Thread(target=drip, args=(listening,), daemon=True).start()
        services.try_webhook(services.add_webhook(f"http://127.0.0.1:{listening.getsockname()[1]}/", EVENTS))
        services.try_webhook(services.add_webhook(receiver.url, EVENTS))
        began = monotonic()
        assert deliveries.deliver_due() == 2
        took = monotonic() - began
        stop.set()
    assert len(receiver.heard) == 1
    assert Delivery.objects.get(delivered_at=None).error == "127.0.0.1 did not take it: no answer within 1 seconds."
    assert took < 5, "without one deadline for the attempt it would have no end"


def test_standard_webhooks_can_tell_it_from_a_forgery() -> None:
    """The example of the specification's own libraries."""
    headers = signed_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330")


def test_operators_add_try_and_remove_one_over_http_and_visitors_cannot(receiver: Receiver) -> None:
    stranger, operator = Client(), Client()
    assert stranger.get("/api/v1/webhooks/").status_code in {401, 403}
    operator.force_login(get_user_model().objects.create_user("operator", is_staff=True))
    body = {"url": receiver.url, "events": ["export.ready"]}
    made = operator.post("/api/v1/webhooks/", body, content_type="application/json")
    assert made.status_code == 201
    assert len(made.json()["secret"]) > 40
    (listed,) = operator.get("/api/v1/webhooks/").json()
    assert "secret" not in listed
    assert operator.post(f"/api/v1/webhooks/{listed['id']}/ping/").status_code == 202
    deliveries.deliver_due()
    assert json.loads(receiver.heard[0][1])["event"] == "ping"
    unknown = operator.post("/api/v1/webhooks/", {**body, "events": ["moon.landing"]}, content_type="application/json")
    assert unknown.json()["error"]["code"] == "invalid"
    assert operator.delete(f"/api/v1/webhooks/{listed['id']}/").status_code == 204
    assert not Webhook.objects.exists()


def test_the_lab_page_does_the_same(receiver: Receiver) -> None:
    operator = Client()
    operator.force_login(get_user_model().objects.create_user("operator", is_staff=True))
    page = operator.post("/lab/webhooks/add/", {"url": receiver.url, "events": ["study.closed"]}, follow=True)
    webhook = Webhook.objects.get()
    assert webhook.secret in page.content.decode()
    assert webhook.secret not in operator.get("/lab/webhooks/").content.decode()
    bad = operator.post("/lab/webhooks/add/", {"url": "nonsense"}, follow=True)
    assert "is no address" in bad.content.decode()
    for url in NO_ADDRESSES:
        assert operator.post("/lab/webhooks/add/", {"url": url, "events": ["study.closed"]}).status_code in {302, 400}
        made = operator.post("/api/v1/webhooks/", {"url": url, "events": EVENTS}, content_type="application/json")
        assert made.status_code == 400, url
    operator.post(f"/lab/webhooks/{webhook.pk}/remove/")
    assert not Webhook.objects.exists()
