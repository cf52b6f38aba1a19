"""Every operation of the schema with generated input: nothing an operator or a visitor sends is our failure."""

from __future__ import annotations

import json
from typing import Any

import pytest
import schemathesis
from django.contrib.auth import get_user_model
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings
from rest_framework.authtoken.models import Token

from evalapp.config.wsgi import application
from tests import cast
from tests.attacks import note, sized

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

_EXAMPLES = sized(4, 10)
_KNOWN = {"catalogues": "wardrobe", "studies": "match"}
"""What is there, by the first part of the path: a made-up name leads to 404 and no further."""


@pytest.mark.parametrize("who", ["stranger", "operator"])
def test_no_operation_answers_generated_input_with_our_failure(who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The folder of messages is shared with tests that run beside this one, and emptied by some.
    monkeypatch.setattr("celery.app.task.Task.apply_async", lambda *_, **__: None)
    cast.open_study()
    headers = _token() if who == "operator" else {}
    document = json.loads(Client().get("/api/schema/", {"format": "json"}).content)
    schema = schemathesis.openapi.from_dict(document)
    schema.app = application
    answers = [answer for found in schema.get_all_operations() for answer in _asked(found.ok(), headers)]
    failed = [told for status, told in answers if status >= 500 and status != 503]
    what = f"every operation of the schema, {_EXAMPLES} times with generated input: {who}"
    note(what, "no 500", f"{len(answers):,} requests, {len(failed)} failures")
    assert failed == []
    assert {status for status, _ in answers} >= ({200, 400, 404} if who == "operator" else {200, 401})


def _asked(operation: Any, headers: dict[str, str]) -> list[tuple[int, str]]:
    """The statuses that an operation answered with, each with what was asked."""
    answers: list[tuple[int, str]] = []

    @seed(1)
    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def call(case: Any) -> None:
        known = _KNOWN.get(operation.path.removeprefix("/api/v1/").partition("/")[0])
        if known and "slug" in case.path_parameters:
            case.path_parameters["slug"] = known
        answer = case.call(headers={**(case.headers or {}), **headers})
        told = f"{answer.status_code} {case.method} {case.formatted_path} {case.query} {case.body!r:.300}"
        answers.append((answer.status_code, told))

    call()
    return answers


def _token() -> dict[str, str]:
    operator = get_user_model().objects.create_user("operator", is_staff=True)
    return {"Authorization": f"Token {Token.objects.create(user=operator).key}"}
