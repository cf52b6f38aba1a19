"""What operators may send: what cannot be stored is refused with a line, and never our failure."""

from __future__ import annotations

import io
import json

import pytest
from django.db import DataError
from django.test import Client

from evalapp.core.models import Job
from evalapp.studies import services
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def code_of(answer: object) -> str:
    return str(json.loads(answer.content)["error"]["code"])  # type: ignore[attr-defined]


@pytest.fixture
def operator(admin_user: object) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(admin_user)  # type: ignore[arg-type]
    return client


LONG = "9" * 5000
FORMS = [
    ("/lab/studies/match/change/", {"title": "x" * 300}),
    ("/lab/studies/match/change/", {"question": "x" * 300}),
    ("/lab/studies/match/change/", {"title": "a\0b"}),
    ("/lab/studies/match/archive/", {"contender": "a\0b"}),
    ("/lab/webhooks/add/", {"url": "http://example.org/\0", "events": "study.closed"}),
    ("/lab/webhooks/add/", {"url": "http://example.org:99999/", "events": "study.closed"}),
    ("/lab/exports/add/", {"study": "a\0b", "format": "csv"}),
    ("/lab/maps/new/", {"catalogue": "wardrobe", "embedding": "a\0b", "items": "9"}),
    ("/lab/maps/new/", {"catalogue": "wardrobe", "embedding": "1", "items": LONG}),
    ("/lab/catalogues/wardrobe/review/decide/", {"triplet": LONG, "state": "accepted"}),
    ("/lab/catalogues/wardrobe/review/decide/", {"triplet": str(2**63), "state": "accepted"}),
]


@pytest.mark.parametrize(("address", "form"), FORMS, ids=str)
def test_no_form_of_an_operator_is_our_failure(operator: Client, address: str, form: dict[str, str]) -> None:
    cast.open_study()
    assert operator.post(address, form).status_code < 500


BODIES = [
    ("studies/", {"slug": "s", "catalogue": "wardrobe", "contenders": ["net.fc6:l2"], "gallery": 2**31}),
    ("studies/", {"slug": "s", "catalogue": "wardrobe", "contenders": ["net.fc6:l2"], "queries": 2**31}),
    ("studies/", {"slug": "A B", "catalogue": "wardrobe", "contenders": ["net.fc6:l2"]}),
    ("studies/match/rounds/", {"slug": "A B"}),
    ("studies/match/rounds/", {"slug": "a\0b"}),
    ("studies/match/contenders/archive/", {"contender": "a\0b"}),
    ("exports/", {"study": "a\0b", "format": "csv"}),
    ("webhooks/", {"url": "http://[", "events": ["study.closed"]}),
]


@pytest.mark.parametrize(("address", "body"), BODIES, ids=str)
def test_what_an_operator_sends_and_cannot_be_stored_is_refused_with_a_code(
    operator: Client, address: str, body: dict[str, object]
) -> None:
    cast.open_study()
    answer = operator.post(f"/api/v1/{address}", body, content_type="application/json")
    assert 400 <= answer.status_code < 500
    assert code_of(answer)


@pytest.mark.parametrize(
    "address", [f"jobs/1/?after={2**63 - 1}", f"jobs/?before={2**70}", "catalogues/wardrobe/items/?after=a%C3%80"]
)
def test_numbers_in_addresses_have_an_end(operator: Client, address: str) -> None:
    cast.open_study()
    Job.objects.create(pk=1, kind="precompute")
    assert operator.get(f"/api/v1/{address}").status_code < 500
    assert operator.get(f"/lab/jobs/?before={LONG}").status_code < 500


def test_attributes_nested_without_end_are_malformed(operator: Client) -> None:
    cast.wardrobe()
    form = {"key": "a", "attributes": "[" * 100_000, "picture": io.BytesIO(b"x")}
    answer = operator.post("/api/v1/catalogues/wardrobe/items/", form)
    assert answer.status_code == 400


@pytest.mark.parametrize("name", ["é" * 240 + ".csv", "..", "/etc/passwd", "a\0b.csv"])
def test_a_file_may_be_called_anything(operator: Client, name: str) -> None:
    cast.open_study()
    rows = io.BytesIO(b"query,candidate,verdict,voter,response_ms\nitem-0000,a\0b,dope,ann,9\n")
    rows.name = name
    answer = operator.post("/api/v1/studies/match/import/votes/", {"file": rows})
    assert answer.status_code in {200, 400}


def test_what_no_column_holds_is_the_senders_failure_at_both_kinds_of_doors(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise DataError("integer out of range")

    cast.open_study()
    monkeypatch.setattr(services, "change_study", refuse)
    assert operator.post("/lab/studies/match/change/", {"title": "x"}).status_code == 400
    answer = operator.patch("/api/v1/studies/match/details/", {"title": "x"}, content_type="application/json")
    assert answer.status_code in {400, 405}
