"""Whoever brings an item in is told at once what it doubles; what was decided is not told again."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from rest_framework.test import APIClient

from evalapp.catalog.services.arrival_checks import check_arrivals
from evalapp.catalog.services.items import upsert_items
from evalapp.contenders.services.registration import register_model
from evalapp.core.domain.errors import InvalidInput
from evalapp.core.models import Job
from evalapp.core.pipeline.chunk_work import work_on
from evalapp.search.domain.circuit_breaker import CircuitBreaker
from evalapp.search.models import DuplicatePair
from evalapp.search.queries import service_client
from evalapp.search.services import arrivals
from evalapp.search.services.arrivals import doubles_of
from evalapp.search.services.duplicates import decide_pair, request_scan
from evalapp.search.services.search_indexes import IndexPlan, create_index, request_build
from tests.search.shop import ServiceHere, draft
from tests.search.test_duplicates import printed

pytestmark = [pytest.mark.django_db, pytest.mark.database]

ITEMS = "/api/v1/catalogues/prints/items/"


@pytest.fixture
def prints(db: None, monkeypatch: pytest.MonkeyPatch) -> ServiceHere:
    """Forty prints like no other, looked through once, and the service that serves them."""
    upsert_items("prints", [draft(f"print-{number:02d}", printed(number), product=str(number)) for number in range(40)])
    register_model(source="colour-histogram", name="colours", options={})
    index = create_index(IndexPlan(slug="prints", catalogue="prints", encoder="colours"))
    work_on(request_build(index).pk)
    work_on(request_scan(index.catalogue, "picture").pk)
    here = ServiceHere()
    monkeypatch.setattr(service_client, "_post_message", here.post)
    monkeypatch.setattr(service_client, "breaker", CircuitBreaker())
    here.served.look_at_rows()
    return here


def bring(operator: APIClient, key: str, data: bytes, check: str = "duplicates") -> dict[str, Any]:
    form = {"picture": SimpleUploadedFile("x.jpg", data, "image/jpeg"), "key": key}
    answer = operator.post(f"{ITEMS}?check={check}" if check else ITEMS, form, format="multipart")
    assert answer.status_code in {200, 201}, answer.content
    found: dict[str, Any] = answer.json()
    return found


def told(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(pair["item"], pair["other"], pair["level"]) for pair in answer["duplicates"]["pairs"]]


def test_an_item_that_comes_in_is_told_what_it_doubles(prints: ServiceHere, operator: APIClient) -> None:
    again = bring(operator, "again", printed(7, quality=40, size=64))
    assert (again["duplicates"]["checked"], told(again)) == ("picture", [("again", "print-07", "picture")])
    assert again["duplicates"]["pairs"][0]["distance"] > 0
    same = bring(operator, "same", printed(3))
    assert told(same) == [("same", "print-03", "bytes")]
    assert told(bring(operator, "new", printed(99))) == []
    assert "duplicates" not in bring(operator, "unasked", printed(98), check="")
    waiting = DuplicatePair.objects.order_by("pk").values_list("first__key", "second__key", "level", "state")
    assert list(waiting) == [
        ("print-07", "again", "picture", "proposed"), ("print-03", "same", "bytes", "proposed")
    ]  # fmt: skip


def test_what_was_decided_is_not_told_again(prints: ServiceHere, operator: APIClient) -> None:
    bring(operator, "again", printed(7, quality=40, size=64))
    pair = DuplicatePair.objects.select_related("catalogue").get()
    decide_pair(pair.catalogue, pair.pk, "different", who="olga")
    prints.served.look_at_rows()
    assert told(bring(operator, "again", printed(7, quality=40, size=64))) == []
    assert DuplicatePair.objects.get().state == "different"


def test_the_same_bytes_in_another_box_are_another_thing(prints: ServiceHere) -> None:
    upsert_items(
        "prints", [draft(key, printed(77), box=box) for key, box in (("a", (0, 0, 40, 40)), ("b", (50, 50, 90, 90)))]
    )
    prints.is_up = False
    assert doubles_of("prints", ["a", "b"])["pairs"] == []
    upsert_items("prints", [draft("c", printed(77), box=(0, 0, 40, 40))])
    assert [pair["other"] for pair in doubles_of("prints", ["c"])["pairs"]] == ["a"]


def test_without_the_service_or_a_look_through_only_bytes_are_compared_and_that_is_said(
    prints: ServiceHere, operator: APIClient
) -> None:
    prints.is_up = False
    found = bring(operator, "again", printed(7, quality=40, size=64))["duplicates"]
    assert (found["checked"], found["pairs"]) == ("bytes", [])
    assert "not available" in found["why"]
    upsert_items("attic", [draft("a", printed(1)), draft("b", printed(1))])
    found = doubles_of("attic", ["b"])
    assert (found["checked"], [pair["other"] for pair in found["pairs"]]) == ("bytes", ["a"])
    assert "run find_duplicates once" in found["why"]


def test_an_import_tells_as_well_and_leaves_many_to_a_job(
    prints: ServiceHere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def brought(name: str, *seeds: int) -> dict[str, Any]:
        for seed in seeds:
            (tmp_path / f"{name}-{seed}.jpg").write_bytes(printed(seed, quality=60, size=72))
        with (tmp_path / f"{name}.csv").open("w", newline="") as lines:
            csv.writer(lines).writerows([["path"], *([f"{name}-{seed}.jpg"] for seed in seeds)])
        capsys.readouterr()
        call_command("import_catalogue", "prints", str(tmp_path / f"{name}.csv"), "--check", "duplicates", "--json")
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    assert told(brought("few", 5, 55)) == [("few-5.jpg", "print-05", "picture")]
    monkeypatch.setattr(arrivals, "MOST_AT_ONCE", 2)
    many = brought("many", 10, 11, 12)["duplicates"]
    assert (many["checked"], many["pairs"]) == ("later", [])
    assert Job.objects.get(pk=many["job"]).kind == "duplicates"


def test_a_check_that_there_is_not_is_refused(prints: ServiceHere, operator: APIClient) -> None:
    form = {"picture": SimpleUploadedFile("x.jpg", printed(9), "image/jpeg"), "key": "x"}
    assert operator.post(f"{ITEMS}?check=soul", form, format="multipart").status_code == 400
    with pytest.raises(InvalidInput, match="There is no check 'soul'"):
        check_arrivals("soul", "prints", [])
