"""What outlives a release says which release made it."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

import evalapp
from evalapp.core.domain import software as module
from evalapp.core.domain.software import commit_of, software, software_line
from tests.conftest import REPOSITORY


def _repository(folder: Path) -> str:
    """A checkout with one commit; returns its name."""
    (folder / "evalapp").mkdir(parents=True)
    (folder / "evalapp" / "code.py").write_text("1\n", encoding="utf-8")
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "--quiet"], ["add", "."], [*author, "commit", "--quiet", "--message", "One"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_there_is_one_place_for_the_version() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "evalapp.__version__"}
    assert software()["version"] == evalapp.__version__


def test_the_changelog_has_a_section_for_it() -> None:
    assert f"\n## {evalapp.__version__}" in (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")


def test_a_checkout_names_its_commit_and_whether_files_were_changed(tmp_path: Path) -> None:
    commit = _repository(tmp_path)
    assert commit_of(tmp_path / "evalapp") == commit
    (tmp_path / "evalapp" / "code.py").write_text("2\n", encoding="utf-8")
    assert commit_of(tmp_path / "evalapp") == f"{commit}-dirty"


def test_an_image_names_the_commit_it_was_built_from(tmp_path: Path) -> None:
    (tmp_path / "COMMIT").write_text("abc123\n", encoding="ascii")
    assert commit_of(tmp_path) == "abc123"
    (tmp_path / "COMMIT").write_text("", encoding="ascii")
    assert commit_of(tmp_path) is None


def test_a_copy_inside_another_repository_does_not_take_its_commit(tmp_path: Path) -> None:
    _repository(tmp_path)
    (tmp_path / "unpacked" / "evalapp").mkdir(parents=True)
    assert commit_of(tmp_path / "unpacked" / "evalapp") is None


def test_a_person_reads_version_and_short_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"name": "dope-or-nope", "version": "0.1.0", "commit": "0123456789abcdef-dirty"}
    monkeypatch.setattr(module, "software", lambda: made)
    assert software_line() == "0.1.0 (01234567-dirty)"


@pytest.mark.database
@pytest.mark.django_db
def test_the_schema_and_doctor_say_it(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"version: {evalapp.__version__}" in client.get("/api/schema/").content.decode()
    call_command("doctor", "--json")
    assert f"Dope or Nope {evalapp.__version__}" in capsys.readouterr().out
