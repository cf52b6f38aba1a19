"""An export asked for over HTTP or in the lab: a job with progress, a link that expires, nothing half."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.contrib.auth import get_user_model
from django.test import Client

from evalapp.core.models import Job
from evalapp.core.pipeline.chunk_work import work_on
from evalapp.core.services import jobs as ledger
from evalapp.exports.domain.export_tables import TABLES
from evalapp.exports.models import Export
from evalapp.exports.pipeline import export_jobs
from evalapp.exports.services import write_exports
from evalapp.exports.services.write_exports import export_study, request_export
from evalapp.studies.models import Study
from evalapp.webhooks.models import Delivery
from evalapp.webhooks.services import add_webhook
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture(autouse=True)
def _folder(settings: LazySettings, tmp_path: Path) -> None:
    settings.EXPORTS_DIR = tmp_path / "exports"


@pytest.fixture
def study() -> Study:
    study = cast.open_study()
    cast.cleo(study)
    return study


@pytest.fixture
def operator() -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_user("operator", is_staff=True))
    return client


def written(export: Export) -> Export:
    assert export.job is not None
    work_on(export.job.pk)
    export.refresh_from_db()
    return export


def test_an_operator_asks_waits_and_downloads(study: Study, operator: Client) -> None:
    asked = operator.post("/api/v1/exports/", {"study": "match", "format": "csv"}, content_type="application/json")
    assert asked.status_code == 201
    assert (asked.json()["state"], asked.json()["download"]) == ("pending", None)
    written(Export.objects.get())
    told = operator.get(f"/api/v1/exports/{asked.json()['id']}/").json()
    assert told["state"] == "done"
    assert told["rows_written"] == sum(Export.objects.get().manifest["rows"][table.name] for table in TABLES)
    answer = Client().get(told["download"])
    data = b"".join(answer.streaming_content)
    assert answer["Content-Type"] == "application/zip"
    assert 'filename="match-csv-' in answer["Content-Disposition"]
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (told["sha256"], told["size"])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert "match/votes.csv" in archive.namelist()


def test_the_archive_holds_what_the_command_writes_and_is_the_same_twice(study: Study, tmp_path: Path) -> None:
    first, second = written(request_export(study, "parquet")), written(request_export(study, "parquet"))
    assert first.sha256 == second.sha256
    export_study(study, "parquet", tmp_path / "by-command")
    with zipfile.ZipFile(export_jobs.exports_folder() / first.file) as archive:
        for path in (tmp_path / "by-command").iterdir():
            assert archive.read(f"match/{path.name}") == path.read_bytes()


def test_a_link_expires_and_cannot_be_made_up(study: Study, operator: Client, settings: LazySettings) -> None:
    written(request_export(study, "csv"))
    link = operator.get("/api/v1/exports/").json()[0]["download"]
    settings.EXPORT_LINK_LASTS = timedelta(seconds=-1)
    assert Client().get(link).status_code == 404
    settings.EXPORT_LINK_LASTS = timedelta(days=1)
    assert Client().get(link).status_code == 200
    assert Client().get(link.replace("/exports/", "/exports/1")).status_code == 404


def test_visitors_can_neither_ask_nor_list(study: Study) -> None:
    assert Client().get("/api/v1/exports/").status_code in {401, 403}
    assert Client().post("/api/v1/exports/", {"study": "match"}).status_code in {401, 403}
    assert Client().get("/lab/exports/").status_code == 302


def test_a_disk_that_fills_up_leaves_no_file_and_says_why(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(export_jobs, "pack_folder", full)
    export = request_export(study, "csv")
    for _ in range(ledger.MOST_CHUNK_ATTEMPTS):
        written(export)
    assert not export.is_whole
    assert list(export_jobs.exports_folder().iterdir()) == []
    assert "No space left" in Job.objects.get().chunks.get().error
    monkeypatch.undo()
    ledger.resume_job(Job.objects.get())
    assert written(export).is_whole


def test_what_a_killed_worker_left_is_swept_up_by_the_next_try(study: Study) -> None:
    export = request_export(study, "csv")
    leftover = export_jobs.exports_folder() / f".{export.name}-dead"
    leftover.mkdir()
    (leftover / "votes.csv").write_text("half")
    written(export)
    assert [path.name for path in export_jobs.exports_folder().iterdir()] == [export.file]


def test_whoever_listens_is_told_that_it_is_ready(study: Study) -> None:
    add_webhook("https://example.org/", ["export.ready"])
    export = written(request_export(study, "csv"))
    told = Delivery.objects.get()
    assert (told.event, told.payload["export"], told.payload["sha256"]) == ("export.ready", export.pk, export.sha256)


def test_deleting_takes_the_file_along_but_not_from_under_a_writer(study: Study, operator: Client) -> None:
    export = request_export(study, "csv")
    busy = operator.delete(f"/api/v1/exports/{export.pk}/")
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "conflict")
    written(export)
    assert operator.delete(f"/api/v1/exports/{export.pk}/").status_code == 204
    assert list(export_jobs.exports_folder().iterdir()) == []


def test_the_lab_page_asks_and_offers_the_download(study: Study, operator: Client) -> None:
    operator.post("/lab/exports/add/", {"study": "match", "format": "jsonl"})
    written(Export.objects.get())
    page = operator.get("/lab/exports/").content.decode()
    assert "Download export" in page
    wrong = operator.post("/lab/exports/add/", {"study": "match", "format": "xls"}, follow=True).content.decode()
    assert "is not a format" in wrong
    operator.post(f"/lab/exports/{Export.objects.get().pk}/remove/")
    assert not Export.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_rows_are_noted_while_it_is_written(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_jobs, "_NOTE_SECONDS", -1.0)
    noted: list[int] = []
    note = write_exports.note_rows

    def listen(export: Export, rows: int) -> None:
        note(export, rows)
        noted.append(Export.objects.get(pk=export.pk).rows_written)

    monkeypatch.setattr(write_exports, "note_rows", listen)
    export = written(request_export(study, "csv"))
    assert noted == sorted(noted)
    assert 0 < noted[0] < export.rows_written == noted[-1]
