"""Votes and answers from elsewhere, brought in by API and page: good rows are kept, bad ones told by line."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from evalapp.core.domain import csv_uploads
from evalapp.studies.models import Contender, Study
from evalapp.voting.models import Vote
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

VOTES = (
    "query,candidate,verdict,voter",
    "item-0000,item-0002,dope,ann",
    "item-0001,gone,nope,ann",
    "item-0001,item-0003,yes,bo",
)
ANSWERS = ("query,candidate,rank", "item-0000,item-0003,1", "item-0001,item-0001,1", "item-0002,item-0004,first")


def sheet(*lines: str, name: str = "rows.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, ("\n".join(lines) + "\n").encode(), content_type="text/csv")


@pytest.fixture
def study() -> Study:
    return cast.open_study()


def test_votes_come_over_http_and_bad_rows_are_told_by_line(study: Study, admin_client: Client) -> None:
    answer = admin_client.post("/api/v1/studies/match/import/votes/", {"file": sheet(*VOTES)})
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["recorded"], told["already_recorded"], told["left_out"]) == (1, 0, 2)
    assert [problem["line"] for problem in told["problems"]] == [3, 4]
    assert "'gone' is no other item" in told["problems"][0]["message"]
    again = admin_client.post("/api/v1/studies/match/import/votes/", {"file": sheet(*VOTES)}).json()
    assert (again["recorded"], again["already_recorded"]) == (0, 1)
    assert Vote.objects.count() == 1


def test_answers_come_over_http_as_a_contender(admin_client: Client) -> None:
    cast.ready_study()
    words = {"file": sheet(*ANSWERS), "name": "shop-search"}
    told = admin_client.post("/api/v1/studies/match/import/answers/", words).json()
    assert (told["contender"], told["answers"], told["queries"], told["left_out"]) == ("shop-search", 1, 1, 2)
    assert Contender.objects.filter(name="shop-search").exists()
    again = admin_client.post("/api/v1/studies/match/import/answers/", {**words, "file": sheet(*ANSWERS)})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({}, "file"),
        ({"file": sheet("query,verdict", "a,dope", name="short.csv")}, "short.csv lacks the column candidate"),
        ({"file": SimpleUploadedFile("odd.xlsx", b"PK\x03\x04\x14\x00\x06\x00\x08\x00")}, "odd.xlsx"),
    ],
)
def test_a_file_that_will_not_do_is_told(study: Study, admin_client: Client, words: dict[str, Any], told: str) -> None:
    answer = admin_client.post("/api/v1/studies/match/import/votes/", words)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "invalid"
    assert told in f"{error['message']} {error['fields']}"


def test_a_file_that_is_too_large_is_refused_with_the_way_out(
    study: Study, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_uploads, "MOST_BYTES", 10)
    answer = admin_client.post("/api/v1/studies/match/import/votes/", {"file": sheet(*VOTES)})
    assert answer.status_code == 400
    assert "send it in parts" in answer.json()["error"]["message"]
    assert not Vote.objects.exists()


def test_imports_are_for_operators(study: Study, client: Client) -> None:
    assert client.post("/api/v1/studies/match/import/votes/", {"file": sheet(*VOTES)}).status_code in (401, 403)
    assert client.post("/lab/studies/match/import/votes/", {"file": sheet(*VOTES)}).status_code == 302
    assert not Vote.objects.exists()


def test_the_page_tells_what_was_taken_and_what_was_not(study: Study, admin_client: Client) -> None:
    assert "Import votes" in admin_client.get("/lab/studies/match/import/").content.decode()
    page = admin_client.post("/lab/studies/match/import/votes/", {"file": sheet(*VOTES)}).content.decode()
    assert "1 votes recorded, 0 there already, 2 rows left out." in page
    assert "is no other item" in page
    refused = admin_client.post("/lab/studies/match/import/votes/", {})
    assert refused.status_code == 400
    assert "Choose a CSV file." in refused.content.decode()


def test_the_page_takes_answers_into_a_draft_only(admin_client: Client) -> None:
    study = cast.ready_study("draft")
    words = {"file": sheet(*ANSWERS), "name": "shop-search"}
    page = admin_client.post(f"/lab/studies/{study.slug}/import/answers/", words).content.decode()
    assert "shop-search answers 1 queries with 1 items" in page
    opened = cast.open_study("opened")
    assert "contenders are settled" in admin_client.get(f"/lab/studies/{opened.slug}/import/").content.decode()
