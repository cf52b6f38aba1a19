"""An encoder is asked about a whole catalogue by page and over HTTP, and answers as the command does."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from evalapp.catalog.models import Catalogue, Flag, Item
from evalapp.contenders.models import Examination
from evalapp.contenders.services.examinations import examination_by_id, request_examination
from evalapp.core.domain.errors import InvalidInput
from evalapp.core.pipeline.chunk_work import work_on
from models_registry.evaluate.published_protocols import PROTOCOLS
from tests.catalog.importers import published

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


def answered(number: int) -> Examination:
    row = examination_by_id(number)
    assert row.job_id is not None
    while work_on(row.job_id):
        pass
    return examination_by_id(number)


def told(*words: str, **options: Any) -> Any:
    out = StringIO()
    call_command(*words, json=True, stdout=out, **options)
    return json.loads(out.getvalue())


def test_every_protocol_can_be_asked_for() -> None:
    assert set(Examination.Question.values) == {"faults", *PROTOCOLS}


def test_a_public_set_is_scored_over_http_as_by_command(admin_client: Client, tmp_path: Path) -> None:
    call_command("import_catalogue", "inshop", str(published.inshop(tmp_path)), format="inshop")
    call_command("register_model", "colour-histogram", name="colours", stdout=StringIO())
    words = {"catalogue": "inshop", "question": "inshop", "contender": "colours:l1"}
    begun = admin_client.post("/api/v1/examinations/", words, content_type="application/json")
    assert begun.status_code == 202
    assert admin_client.get(f"/api/v1/examinations/{begun.json()['id']}/").json()["result"] == {}
    row = answered(begun.json()["id"])
    assert row.job is not None
    assert (row.job.state, row.job.error) == ("done", "")

    found = admin_client.get(f"/api/v1/examinations/{row.pk}/").json()["result"]

    by_command = told("evaluate_protocol", "inshop", protocol="inshop", contenders=["colours:l1"])["contenders"][0]
    assert found == {name: value for name, value in by_command.items() if name != "contender"}
    page = admin_client.get(f"/lab/examinations/{row.pk}/").content.decode()
    assert f"{found['scores']['recall_at_1']['value']:.3f}" in page
    assert [one["id"] for one in admin_client.get("/api/v1/examinations/").json()] == [row.pk]
    assert "In-shop Clothes Retrieval" in admin_client.get("/lab/examinations/").content.decode()


def test_suspects_are_shown_and_flagged_where_a_person_agrees(admin_client: Client, cards: Catalogue) -> None:
    wrong = Item.objects.filter(catalogue=cards, category="red").order_by("key")[0]
    Item.objects.filter(pk=wrong.pk).update(category="violet")
    words = {"catalogue": cards.slug, "question": "faults", "embedding": "colours", "metric": "l1"}
    asked = admin_client.post("/lab/examinations/new/", words)
    row = answered(Examination.objects.get().pk)
    assert asked.headers["Location"] == f"/lab/examinations/{row.pk}/"

    page = admin_client.get(f"/lab/examinations/{row.pk}/").content.decode()

    by_command = told("suspected_faults", "cards", encoder="colours:l1")["suspects"]
    assert row.result["suspects"] == by_command
    assert wrong.key in {one["key"] for one in by_command}
    assert page.count('name="key"') == len(by_command)
    assert "of the nearest are red, none violet" in page
    assert not Flag.objects.exists()
    flagged = {"key": wrong.key, "reason": "wrong label", "flag": "", "next": f"/lab/examinations/{row.pk}/"}
    admin_client.post(f"/lab/catalogues/{cards.slug}/flags/", flagged)
    assert Flag.objects.get().item == wrong
    assert "item--flagged" in admin_client.get(f"/lab/examinations/{row.pk}/").content.decode()


def test_what_cannot_be_asked_is_refused_in_words(admin_client: Client, cards: Catalogue) -> None:
    with pytest.raises(InvalidInput, match="There is no question guess"):
        request_examination(cards, "guess", "colours:l1")
    for words in ({"question": "faults", "embedding": "nothing", "metric": "l1"}, {"question": "faults"}):
        page = admin_client.post("/lab/examinations/new/", {"catalogue": "cards", **words}, follow=True)
        assert "names no registered model" in page.content.decode() or "is no contender" in page.content.decode()
    assert not Examination.objects.exists()
    row = request_examination(cards, "sop", "colours:l1")
    assert row.job_id is not None
    while work_on(row.job_id):
        pass
    row.refresh_from_db()
    assert row.job is not None
    assert "needs the splits as they were published" in row.job.error
