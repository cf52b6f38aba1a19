"""Pictures, a network and a question in, a study that can be opened out: by page, over HTTP and by command."""

from __future__ import annotations

import io
import zipfile
from contextlib import nullcontext
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from evalapp.catalog.models import Catalogue
from evalapp.core.models import Job, JobState
from evalapp.core.pipeline.chunk_work import work_on
from evalapp.studies.management.commands import ask
from evalapp.studies.models import QuickStart, Study, StudyState
from evalapp.studies.services import archive_study, close_study, copy_study, open_study, start_round
from tests import cast
from tests.catalog.drawing import numbered

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


@pytest.fixture(autouse=True)
def _own_uploads(settings: LazySettings, tmp_path: Path) -> None:
    settings.UPLOADS_DIR = tmp_path / "uploads"


def zipped(count: int = 20) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for number in range(count):
            archive.writestr(f"shop/{'hat' if number % 2 else 'dress'}/{number:02d}.png", numbered(number * 900))
    return data.getvalue()


def worked() -> QuickStart:
    """The newest start after a worker was at it."""
    found = QuickStart.objects.latest("pk")
    assert found.job_id is not None
    while work_on(found.job_id):
        pass
    return QuickStart.objects.select_related("study", "job").get(pk=found.pk)


def test_a_zip_and_a_question_become_a_study_with_five_pairs_of_each(admin_client: Client, tmp_path: Path) -> None:
    sent = SimpleUploadedFile("Our shop.zip", zipped())
    answer = admin_client.post(
        "/lab/start/", {"file": sent, "encoders": ["colours"], "question": "Would you wear both?"}
    )
    assert answer.status_code == 302, answer.content.decode()
    assert "data-busy" in admin_client.get(answer["Location"]).content.decode()
    done = worked()
    assert done.job is not None
    assert (done.job.state, done.job.error) == ("done", "")
    study = Study.objects.get()
    assert (study.slug, study.title, study.question) == ("our-shop", "Our shop", "Would you wear both?")
    assert study.state == StudyState.READY
    page = admin_client.get(answer["Location"]).content.decode()
    assert page.count('class="tried__pair"') == 10
    assert "Ask people" in page
    assert "data-busy" not in page
    admin_client.post(f"/lab/studies/{study.slug}/open/")
    assert "Our shop" in admin_client.get("/").content.decode()
    assert not list((tmp_path / "uploads").iterdir())


def test_over_http_on_a_catalogue_that_is_here(admin_client: Client) -> None:
    admin_client.post("/lab/start/", {"file": SimpleUploadedFile("shop.zip", zipped()), "encoders": ["colours"]})
    worked()
    words = {"catalogue": "shop", "encoders": ["colours"], "title": "Again", "question": "Alike?"}
    begun = admin_client.post("/api/v1/starts/", words, content_type="application/json")
    assert begun.status_code == 202, begun.content
    worked()
    told = admin_client.get(f"/api/v1/starts/{begun.json()['id']}/").json()
    assert (told["study"], told["job"]["state"]) == ("again", "done")


def test_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # A worker of the command's own would look at another database than the test's.
    monkeypatch.setattr(ask, "a_worker", nullcontext)
    monkeypatch.setattr(ask, "nudge", lambda _job: worked())
    (tmp_path / "shop.zip").write_bytes(zipped())
    call_command("ask", zip=str(tmp_path / "shop.zip"), encoders=["colours"], question="Alike?")
    assert "python manage.py open_study shop" in capsys.readouterr().out
    assert Study.objects.get().question == "Alike?"


@pytest.mark.parametrize(
    "words", [{"encoders": ["colours"]}, {"path": "x", "encoders": ["colours"]}, {"question": "Alike?"}]
)
def test_without_pictures_nothing_begins(admin_client: Client, words: dict[str, object]) -> None:
    assert admin_client.post("/lab/start/", words).status_code == 400
    assert not QuickStart.objects.exists()
    assert not Catalogue.objects.exists()


def test_a_bomb_or_an_unknown_network_leaves_no_catalogue_behind(admin_client: Client) -> None:
    for words in (
        {"file": SimpleUploadedFile("a.zip", b"nothing"), "encoders": ["colours"]},
        {"file": SimpleUploadedFile("a.zip", zipped()), "encoders": []},
        {"file": SimpleUploadedFile("a.zip", zipped()), "source": "onnx:/etc/passwd"},
    ):
        assert admin_client.post("/lab/start/", words).status_code == 400
    assert not Catalogue.objects.exists()


def test_what_needs_me_says_reported_failed_ready_and_decided(admin_client: Client) -> None:
    from evalapp.catalog.models import FlagState
    from evalapp.studies.models import PairFlag

    study = cast.ready_study()
    PairFlag.objects.create(pair=study.pairs.all()[0], state=FlagState.SUSPECTED)
    Job.objects.create(kind="precompute", target="study:1", state=JobState.FAILED, finished_at=study.created_at)
    texts = [matter["text"] for matter in admin_client.get("/api/v1/matters/").json()]
    assert "Match: 1 reported pair" in texts
    assert "Match is computed and can be opened" in texts
    assert any(text.startswith("precompute") for text in texts)
    page = admin_client.get("/lab/").content.decode()
    assert all(text in page for text in texts if "precompute" not in text)


def test_a_round_is_named_opened_on_purpose_and_closes_the_one_before(admin_client: Client) -> None:
    first = cast.open_study()
    admin_client.post("/lab/studies/match/round/", {"queries": "fresh", "drop": [cast.FC7]})
    second = Study.objects.get(previous=first)
    assert (second.slug, second.title, second.state) == ("match-r2", "Match · round 2", "draft")
    assert set(second.contenders.values_list("name", flat=True)) == {cast.FC6, cast.CONTROL}
    assert first.is_open
    Study.objects.filter(pk=second.pk).update(state=StudyState.CLOSED)
    second.refresh_from_db()
    admin_client.post("/lab/studies/match-r2/open/")
    first.refresh_from_db()
    assert first.state == StudyState.CLOSED
    assert start_round(second).title == "Match · round 3"


def test_a_round_before_may_stay_open_but_the_home_page_shows_the_newest(admin_client: Client) -> None:
    first = cast.open_study()
    second = start_round(first)
    Study.objects.filter(pk=second.pk).update(state=StudyState.CLOSED)
    second.refresh_from_db()
    open_study(second, keep_before=True)
    first.refresh_from_db()
    assert first.is_open
    page = admin_client.get("/").content.decode()
    assert "Match · round 2" in page
    assert "/play/match-r2/" in page
    assert '"/play/match/"' not in page


def test_studies_are_copied_put_away_and_deleted_without_votes_only(admin_client: Client) -> None:
    study = cast.ready_study()
    admin_client.post("/lab/studies/match/copy/", {"slug": "other"})
    copied = Study.objects.get(slug="other")
    assert list(copied.contenders.values_list("name", flat=True)) == list(
        study.contenders.values_list("name", flat=True)
    )
    third = admin_client.post("/api/v1/studies/match/copy/", {"slug": "third"}, content_type="application/json")
    assert third.status_code == 201
    admin_client.post("/lab/studies/other/put-away/", {"archive": ""})
    assert "other" not in [row["slug"] for row in admin_client.get("/lab/").context["studies"]]
    admin_client.post("/lab/studies/other/put-away/", {"delete": ""})
    assert admin_client.delete("/api/v1/studies/third/").status_code == 204
    assert set(Study.objects.values_list("slug", flat=True)) == {"match"}


def test_what_people_said_is_never_deleted(admin_client: Client) -> None:
    study = cast.open_study()
    cast.play(cast.browser_of(cast.ada()), study, 5)
    close_study(study)
    assert admin_client.delete("/api/v1/studies/match/").status_code == 409
    study.refresh_from_db()
    archive_study(study)
    assert Study.objects.filter(slug="match").exists()


def test_frames_and_examples_are_set_without_the_admin(admin_client: Client) -> None:
    study = cast.ready_study()
    words = {"title": "Match", "question": study.question, "board": "private", "hosts": "https://shop.example.org/"}
    admin_client.post("/lab/studies/match/change/", words)
    study.refresh_from_db()
    assert study.embed_hosts == ["https://shop.example.org"]
    bad = admin_client.patch(
        "/api/v1/studies/match/", {"embed_hosts": ["javascript:alert(1)"]}, content_type="application/json"
    )
    assert bad.status_code == 400
    query, candidate = study.catalogue.items.order_by("key").values_list("key", flat=True)[:2]
    words = {"query": query, "candidate": candidate, "answer": "dope"}
    admin_client.post("/lab/studies/match/shown-first/", words)
    study.refresh_from_db()
    assert study.examples == [[query, candidate, "dope"]]
    with pytest.raises(CommandError, match="no picture"):
        call_command("change_study", "match", examples=[["no such", candidate, "dope"]])
    admin_client.post("/lab/studies/match/shown-first/", {**words, "answer": ""})
    study.refresh_from_db()
    assert study.examples == []
    assert copy_study(study, "copy").embed_hosts == ["https://shop.example.org"]


def test_the_api_names_its_own_fields(admin_client: Client, tmp_path: Path) -> None:
    admin_client.post("/lab/start/", {"file": SimpleUploadedFile("shop.zip", zipped()), "encoders": ["colours"]})
    worked()
    words = {"catalogue": "shop", "spec": "no-such-network", "title": "Again"}
    begun = admin_client.post("/api/v1/starts/", words, content_type="application/json")
    assert (begun.status_code, list(begun.json()["error"]["fields"])) == (400, ["spec"])
    words = {"name": "mine", "spec": "no-such-network"}
    registered = admin_client.post("/api/v1/models/", words, content_type="application/json")
    assert (registered.status_code, list(registered.json()["error"]["fields"])) == (400, ["spec"])
