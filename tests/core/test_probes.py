"""What machines see that watch this one."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from evalapp.core.domain.log_format import JsonLines, TextLines, request_id
from evalapp.core.pages import probes

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture(autouse=True)
def _broker(settings: LazySettings, tmp_path: Path) -> None:
    settings.BROKER_IS_EMBEDDED, settings.BROKER_DIR = True, tmp_path / "broker"
    (tmp_path / "broker" / "messages").mkdir(parents=True)


def test_alive_asks_nobody(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/livez")
    assert (answer.status_code, answer.content) == (200, b"ok")


def test_ready_means_database_tables_and_broker(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.json() == {"ready": True, "database": "ok", "migrations": "ok", "broker": "ok"}
    assert answer.status_code == 200


@pytest.mark.parametrize("part", ["database", "migrations", "broker"])
def test_what_is_not_ready_is_named_and_its_secrets_are_not(
    client: Client, monkeypatch: pytest.MonkeyPatch, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("password of ada: hush")

    monkeypatch.setitem(probes._ASKED, part, fail)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()[part] == "failed"
    assert [name for name, said in answer.json().items() if said == "failed"] == [part]
    assert b"hush" not in answer.content
    assert "hush" in caplog.text
    assert client.get("/livez").status_code == 200


def test_a_broker_that_cannot_be_written_is_not_ready(client: Client, settings: LazySettings, tmp_path: Path) -> None:
    settings.BROKER_DIR = tmp_path / "nowhere"
    assert client.get("/readyz").json()["broker"] == "failed"


def test_a_broker_of_ones_own_that_does_not_answer_is_not_ready(client: Client, settings: LazySettings) -> None:
    settings.BROKER_IS_EMBEDDED = False
    from celery import current_app

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(current_app.conf, "broker_url", "redis://127.0.0.1:1/0")
        patch.setattr(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
        assert client.get("/readyz").json()["broker"] == "failed"


def test_an_answer_has_the_id_of_its_request(client: Client) -> None:
    first, second = (client.get("/livez").headers["X-Request-ID"] for _ in range(2))
    assert len(first) == 32
    assert first != second
    assert client.get("/livez", headers={"x-request-id": "proxy-7.1234"}).headers["X-Request-ID"] == "proxy-7.1234"
    for strange in ("short", "x" * 65, "a b c d e f g h", "ünïcode-and-long"):
        assert client.get("/livez", headers={"x-request-id": strange}).headers["X-Request-ID"] != strange


def test_a_line_of_the_log_has_the_request_and_is_one_json_object() -> None:
    record = logging.LogRecord("evalapp.x", logging.WARNING, "x.py", 1, "two\nlines of %s", ("é",), None)
    token = request_id.set("abc12345")
    try:
        told = json.loads(JsonLines().format(record))
        text = TextLines("%(levelname)s %(name)s:%(request_mark)s %(message)s").format(record)
    finally:
        request_id.reset(token)
    assert told["message"] == "two\nlines of é"
    assert (told["level"], told["logger"], told["request_id"]) == ("WARNING", "evalapp.x", "abc12345")
    assert "\n" not in JsonLines().format(record)
    assert text.startswith("WARNING evalapp.x: [abc12345] two")
    assert "request_id" not in json.loads(JsonLines().format(record))
