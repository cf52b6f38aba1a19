"""Operators and backups in the browser and over HTTP: for superusers, by a worker, and written down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.authtoken.models import Token

from evalapp.core.domain.errors import NotFound
from evalapp.core.models import Deed, Job
from evalapp.core.pipeline.chunk_work import work_on
from evalapp.core.services.backups import kept

pytestmark = [pytest.mark.django_db, pytest.mark.database]

PAGE = "/lab/installation/"


@pytest.fixture(autouse=True)
def _messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("celery.app.task.Task.apply_async", lambda *_, **__: None)


@pytest.fixture(autouse=True)
def var(settings: LazySettings, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path / "var"
    return tmp_path / "var"


@pytest.fixture
def api() -> Client:
    token = Token.objects.create(user=User.objects.create_superuser("root"))
    return Client(headers={"authorization": f"Token {token.key}"})


def there(var: Path, name: str = "20260102-030405.backup", data: bytes = b"all of it") -> str:
    (var / "backups").mkdir(parents=True, exist_ok=True)
    (var / "backups" / name).write_bytes(data)
    return name


class TestOperators:
    def test_one_is_made_with_a_password_of_their_own_or_one_told_once(self, admin_client: Client) -> None:
        page = admin_client.post(f"{PAGE}operators/add/", {"name": "pia"}, follow=True).content.decode()
        password = page.split("told this once: ")[1].split("<")[0].strip()
        assert Client().login(username="pia", password=password)
        assert password not in admin_client.get(PAGE).content.decode()
        words = {"name": "quin", "password": "correct horse battery"}
        page = admin_client.post(f"{PAGE}operators/add/", words, follow=True).content.decode()
        assert "correct horse" not in page
        assert Client().login(username="quin", password="correct horse battery")

    def test_a_new_token_ends_the_one_before(self, admin_client: Client, admin_user: User) -> None:
        old = Token.objects.create(user=admin_user).key
        page = admin_client.post(f"{PAGE}operators/{admin_user.pk}/token/", follow=True).content.decode()
        new = Token.objects.get(user=admin_user).key
        assert new != old
        assert new in page

    @pytest.mark.parametrize("words", [{"name": ""}, {"name": "a b"}, {"name": "pia", "password": "1"}, {}])
    def test_what_will_not_do_is_told(self, admin_client: Client, words: dict[str, str]) -> None:
        admin_client.post(f"{PAGE}operators/add/", words)
        assert list(User.objects.values_list("username", flat=True)) == ["admin"]

    def test_over_http(self, api: Client) -> None:
        answer = api.post("/api/v1/operators/", {"name": "pia"}, content_type="application/json")
        assert answer.status_code == 201
        assert Client().login(username="pia", password=answer.json()["password"])
        again = api.post("/api/v1/operators/", {"name": "pia"}, content_type="application/json")
        assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")


class TestBackups:
    def test_a_worker_makes_one_however_often_it_is_asked_for(
        self, admin_client: Client, var: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made: list[Path] = []
        monkeypatch.setattr("evalapp.core.pipeline.backup_jobs.write_backup", made.append)
        for _ in range(2):
            admin_client.post(f"{PAGE}backups/add/")
        job = Job.objects.get()
        while work_on(job.pk):
            pass
        job.refresh_from_db()
        assert job.state == "done"
        (file,) = made
        assert file.parent == var / "backups"
        assert file.parent.stat().st_mode & 0o077 == 0

    def test_it_is_downloaded_and_deleted_and_both_are_written_down(self, admin_client: Client, var: Path) -> None:
        name = there(var)
        assert name in admin_client.get(PAGE).content.decode()
        answer = admin_client.post(f"{PAGE}backups/{name}/download/")
        assert b"".join(answer.streaming_content) == b"all of it"  # type: ignore[attr-defined]
        admin_client.post(f"{PAGE}backups/{name}/remove/")
        assert kept.kept_backups() == []
        told = Deed.objects.order_by("pk").values_list("who", "what", "target")
        assert list(told) == [("admin", "downloaded", f"backup {name}"), ("admin", "deleted", f"backup {name}")]

    def test_over_http(self, api: Client, var: Path) -> None:
        asked = api.post("/api/v1/backups/")
        assert (asked.status_code, asked.json()["kind"]) == (202, "backup")
        name = there(var)
        assert [one["name"] for one in api.get("/api/v1/backups/").json()] == [name]
        answer = api.post(f"/api/v1/backups/{name}/download/")
        assert b"".join(answer.streaming_content) == b"all of it"  # type: ignore[attr-defined]
        assert api.delete(f"/api/v1/backups/{name}/").status_code == 204
        assert api.delete(f"/api/v1/backups/{name}/").status_code == 404

    @pytest.mark.parametrize(
        "name", ["secret-key", "..", "../secret-key", "20260102-030405.backup/../../secret-key", ""]
    )
    def test_no_name_leads_to_another_file(self, var: Path, name: str) -> None:
        there(var)
        (var / "secret-key").write_text("a secret")
        (var / "backups" / "secret-key").write_text("a secret")
        with pytest.raises(NotFound):
            kept.hand_out_backup(name)


@pytest.mark.parametrize("who", ["stranger", "voter", "staff"])
def test_nobody_but_superusers_sees_or_does_anything(who: str, var: Path) -> None:
    browser: Any = Client()
    if who != "stranger":
        browser.force_login(User.objects.create_user("vera", is_staff=who == "staff"))
    name = there(var)
    assert browser.get(PAGE).status_code in (302, 403)
    for address in ("operators/add/", "backups/add/", f"backups/{name}/download/", f"backups/{name}/remove/"):
        assert browser.post(PAGE + address, {"name": "mallory"}).status_code in (302, 403)
    for address in ("operators/", "backups/", f"backups/{name}/download/"):
        assert browser.post(f"/api/v1/{address}", {"name": "mallory"}).status_code in (401, 403)
    assert browser.get("/api/v1/backups/").status_code in (401, 403)
    assert not User.objects.filter(username="mallory").exists()
    assert not Job.objects.exists()
    assert len(kept.kept_backups()) == 1
