"""The API's description: made once for each form and language, and the same for everybody."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from evalapp.core.api import schema

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_it_is_made_once_for_each_form_and_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_texts", {})
    made: list[str] = []
    make = SchemaGenerator.get_schema

    def counted(self: SchemaGenerator, *args: object, **words: object) -> object:
        made.append(str(words["request"]))
        return make(self, *args, **words)

    monkeypatch.setattr(SchemaGenerator, "get_schema", counted)
    client = Client()
    first = client.get("/api/schema/", {"version": "mine"})
    assert first["Content-Type"] == "application/vnd.oai.openapi"
    assert b"mine" not in first.content
    for parameters in ({}, {"version": "other"}, {"lang": "no such"}):
        again = client.get("/api/schema/", parameters)
        assert (again.content, again["Content-Disposition"]) == (first.content, first["Content-Disposition"])
    assert len(made) == 1

    indented = [client.get("/api/schema/", headers={"accept": f"application/json; indent={n}"}) for n in (2, 3)]
    assert indented[0].content == indented[1].content
    assert json.loads(indented[0].content)["openapi"].startswith("3.")
    assert len(made) == 2

    assert client.get("/api/schema/", {"lang": "de"}).status_code == 200
    assert len(made) == 3
    assert len(schema._texts) == 3
