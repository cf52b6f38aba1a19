"""Every error of the API has one shape and a documented code."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from rest_framework import exceptions

from evalapp.core.api import errors as api
from evalapp.core.domain import errors
from tests.conftest import REPOSITORY

_RAISED = re.compile(r'raise (?:Problem|InvalidInput|NotFound|Conflict|Forbidden)\([^()]*code="([a-z_]+)"')


def test_nested_field_errors_become_paths() -> None:
    detail = {"votes": [{}, {"verdict": ["Choose one."]}], "n": ["Too many."]}
    answer = api.explain_error(exceptions.ValidationError(detail), {})
    assert answer is not None
    assert answer.data["error"]["fields"] == {"votes.1.verdict": ["Choose one."], "n": ["Too many."]}


def test_a_problem_keeps_its_code_words_and_status() -> None:
    answer = api.explain_error(errors.Conflict("It is taken."), {})
    assert answer is not None
    assert answer.status_code == 409
    assert answer.data == {"error": {"code": "conflict", "message": "It is taken.", "fields": {}}}


def test_an_unknown_exception_stays_a_server_error() -> None:
    assert api.explain_error(RuntimeError("?"), {}) is None


@pytest.mark.django_db
@pytest.mark.database
def test_strangers_are_told_that_an_operation_is_for_operators(client: Client) -> None:
    answer = client.get("/api/v1/models/")
    assert answer.status_code in {401, 403}
    assert answer.json()["error"]["code"] == "not_authenticated"


def test_every_code_is_documented() -> None:
    documented = set(
        re.findall(r"^\| `([a-z_]+)` \|", (REPOSITORY / "docs" / "api.md").read_text(), flags=re.MULTILINE)
    )
    codes = {problem.code for problem in (errors.Problem, *errors.Problem.__subclasses__())}
    codes |= set(api._CODES.values())
    for file in (REPOSITORY / "evalapp").rglob("*.py"):
        codes |= set(_RAISED.findall(file.read_text(encoding="utf-8")))
    assert codes <= documented, codes - documented
