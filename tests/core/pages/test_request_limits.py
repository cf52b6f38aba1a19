"""What strangers may send: every refusal is a line with a code, and never our failure."""

from __future__ import annotations

import io
import json

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.http import UnreadablePostError
from django.test import Client, RequestFactory

from evalapp.config.wsgi import application

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def stranger() -> Client:
    return Client(raise_request_exception=False)


def code_of(answer: object) -> str:
    return str(json.loads(answer.content)["error"]["code"])  # type: ignore[attr-defined]


@pytest.mark.parametrize("address", ["/pictures/%00.webp", "/?next=%00", "/api/v1/studies/%00/"])
def test_an_address_with_nul_is_refused(stranger: Client, address: str) -> None:
    assert stranger.get(address).status_code == 400


@pytest.mark.parametrize("host", ["evil.example", "[", "a b"])
@pytest.mark.parametrize("address", ["/", "/play/none/", "/api/v1/studies/"])
def test_a_name_that_is_not_ours_is_refused(stranger: Client, address: str, host: str) -> None:
    assert stranger.get(address, headers={"host": host}).status_code == 400


@pytest.mark.parametrize("charset", ["rot13", "hex", "no-such-thing", '"', "undefined", "idna"])
def test_an_unknown_character_set_is_refused(stranger: Client, charset: str) -> None:
    answer = stranger.generic("POST", "/api/v1/votes/", b"{}", CONTENT_TYPE=f"application/json; charset={charset}")

    assert (answer.status_code, code_of(answer)) == (400, "malformed")


@pytest.mark.parametrize("charset", ["rot13", "zlib", "undefined", "punycode"])
def test_nor_does_it_matter_where_the_server_reads_the_address_in_it(charset: str) -> None:
    """Django does so before any middleware: what fails there is a page of the server's own."""
    environ = RequestFactory()._base_environ(QUERY_STRING="x=%ff", CONTENT_TYPE=f"text/plain; charset={charset}")
    told: list[str] = []
    body = b"".join(application(environ, lambda status, _headers: told.append(status)))

    assert told == ["400 Bad Request"]
    assert b"character set" in body


@pytest.mark.parametrize("charset", ['"UTF-8"', "ISO-8859-1", "us-ascii"])
def test_usual_character_sets_are_not(stranger: Client, charset: str) -> None:
    answer = stranger.get("/?x=1", headers={"Content-Type": f"text/plain; charset={charset}"})

    assert answer.status_code == 200


def test_brackets_in_brackets_are_malformed(stranger: Client) -> None:
    answer = stranger.post("/api/v1/votes/", data='{"votes": ' + "[" * 100_000, content_type="application/json")

    assert (answer.status_code, code_of(answer)) == (400, "malformed")


class Unread(io.BytesIO):
    """A body that nobody may read."""

    def read(self, *_: object) -> bytes:
        raise AssertionError("The body was read.")


@pytest.mark.parametrize("address", ["/language/", "/api/v1/votes/", "/admin/login/"])
def test_a_large_body_of_a_stranger_is_not_even_read(stranger: Client, address: str) -> None:
    answer = stranger.generic(
        "POST", address, content_type="multipart/form-data; boundary=x", CONTENT_LENGTH="60000000",
        **{"wsgi.input": Unread()},
    )  # fmt: skip

    assert answer.status_code == 413


def test_an_operator_may_send_one(settings: LazySettings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    olga = Client()
    olga.force_login(User.objects.create_user("olga", is_staff=True))
    answer = olga.post("/lab/nothing/", {"file": io.BytesIO(b"x" * 1000)})

    assert answer.status_code != 413


def test_a_body_that_never_came_is_the_senders_failure(stranger: Client) -> None:
    class Broken(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise UnreadablePostError("timed out")

    sent = {"wsgi.input": Broken(), "CONTENT_LENGTH": "20"}
    api = stranger.generic("POST", "/api/v1/votes/", CONTENT_TYPE="application/json", **sent)
    page = stranger.generic("POST", "/language/", CONTENT_TYPE="application/x-www-form-urlencoded", **sent)

    assert (api.status_code, code_of(api)) == (408, "timeout")
    assert page.status_code == 408


@pytest.mark.parametrize("address", ["/api/nothing/", "/api/v1/nothing/", "/api/v1/studies/nothing/"])
def test_what_is_not_there_is_told_programs_in_json(stranger: Client, address: str) -> None:
    answer = stranger.get(address)

    assert (answer.status_code, code_of(answer)) == (404, "not_found")


def test_what_breaks_is_told_programs_in_json(stranger: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("evalapp.studies.queries.study_reads.open_studies", broken)
    answer = stranger.get("/api/v1/studies/")

    assert (answer.status_code, code_of(answer)) == (500, "server_error")
