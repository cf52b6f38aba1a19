"""A machine without an optional set says which one is missing."""

from __future__ import annotations

import sys
import tomllib

import pytest
from django.core.management import call_command

from evalapp.core.domain.optional_packages import SET_OF_MODULE, words_for_missing
from evalapp.core.pipeline import chunk_work
from tests.conftest import REPOSITORY


def test_every_set_that_is_named_exists() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(SET_OF_MODULE.values()) <= set(project["optional-dependencies"])


def test_a_job_that_lacks_a_library_names_the_set_that_brings_it() -> None:
    error = ModuleNotFoundError("No module named 'sklearn.manifold'", name="sklearn.manifold")
    assert chunk_work._describe_error(error) == (
        "sklearn is not installed on this machine; get it with: python requirements/install.py train"
    )


def test_a_module_of_somebody_else_is_told_in_its_own_words() -> None:
    error = ModuleNotFoundError("No module named 'wardrobe'", name="wardrobe")
    assert words_for_missing(error) == "No module named 'wardrobe'"


@pytest.mark.database
@pytest.mark.django_db
def test_a_web_machine_without_an_engine_is_in_order(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    call_command("doctor")
    assert "install.py worker (workers need it, web machines do not)" in capsys.readouterr().out
