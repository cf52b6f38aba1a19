"""`robustness STUDY`, from pictures to the page in the lab."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from evalapp.core.models import Job
from evalapp.core.pipeline.chunk_work import work_on
from evalapp.core.services.jobs import request_job
from evalapp.studies.models import Study
from models_registry.evaluate.corruptions import CORRUPTIONS
from tests import cast
from tests.catalog.drawing import folder, numbered

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    pictures = folder(tmp_path / "shop", {f"{number:02d}.png": numbered(number * 900) for number in range(24)})
    call_command("import_catalogue", "shop", str(pictures), stdout=StringIO())
    call_command("register_model", "colour-histogram", "--name", "colours", stdout=StringIO())
    words = ("create_study", "match", "--catalogue", "shop", "--contender", "colours:l2", "--queries", "6")
    call_command(*words)
    found = Study.objects.get()
    work_on(request_job("precompute", f"study:{found.pk}").pk)
    return found


def test_the_report_is_printed_kept_and_shown(study: Study, admin_client: Client) -> None:
    address = "/lab/studies/match/robustness/"
    assert "Not measured yet" in admin_client.get(address).content.decode()
    out = StringIO()
    call_command("robustness", "match", "--queries", "4", "--json", stdout=out)
    [entry] = json.loads(out.getvalue())["contenders"]
    assert (entry["contender"], entry["queries"]) == ("colours:l2", 4)
    assert [line["corruption"] for line in entry["lines"]] == list(CORRUPTIONS)
    page = admin_client.get(address).content.decode()
    for line in entry["lines"]:
        assert line["corruption"] in page
        assert f"{100 * line['overlap']['value']:.0f}%" in page
    call_command("robustness", "match", "--queries", "2", "--strength", "1", stdout=StringIO())
    assert "2 queries, strength 1.00" in admin_client.get(address).content.decode()


@pytest.fixture
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test does the worker's part itself."""
    monkeypatch.setattr("evalapp.core.tasks.work.apply_async", lambda _words, **_: None)


@pytest.mark.usefixtures("_no_broker")
def test_a_worker_measures_when_the_page_asks(study: Study, admin_client: Client) -> None:
    address = "/lab/studies/match/robustness/"
    assert admin_client.post(f"{address}measure/").url == address  # type: ignore[attr-defined]
    job = Job.objects.get(kind="robustness")
    while work_on(job.pk):
        pass
    page = admin_client.get(address).content.decode()
    assert "6 queries, strength 0.50" in page
    assert f"Job {job.pk}" in page
    job.refresh_from_db()
    assert job.state == "done"


@pytest.mark.usefixtures("_no_broker")
def test_a_worker_says_why_nothing_can_be_measured(study: Study, admin_client: Client) -> None:
    study.contenders.exclude(embedding=None).delete()
    admin_client.post("/lab/studies/match/robustness/measure/")
    job = Job.objects.get(kind="robustness")
    while work_on(job.pk):
        pass
    assert "none can be damaged" in admin_client.get("/lab/studies/match/robustness/").content.decode()


def test_what_cannot_be_measured_is_told(study: Study) -> None:
    with pytest.raises(CommandError, match=r"lies in 0 … 1"):
        call_command("robustness", "match", "--strength", "2", stdout=StringIO())
    study.contenders.exclude(embedding=None).delete()
    with pytest.raises(CommandError, match="reads pictures"):
        call_command("robustness", "match", stdout=StringIO())
    cast.ready_study("paper")
    with pytest.raises(CommandError, match="no study gone"):
        call_command("robustness", "gone", stdout=StringIO())
