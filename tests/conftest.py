"""What every test may use: private folders, and the known cast (see `tests/cast.py`)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import LazySettings

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _private_folders(settings: LazySettings, tmp_path: Path) -> None:
    """Pictures, vectors and weights of a test lie in its own folder."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.EMBEDDINGS_DIR = tmp_path / "embeddings"
    settings.WEIGHTS_DIR = tmp_path / "weights"
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STATIC_ROOT.mkdir()
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "media"},
        },
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """A path of the optional sample data; the test skips, saying so, where it is missing."""

    def find(path: str) -> Path:
        root = Path(os.environ.get("DON_SHARED", REPOSITORY.parent / "shared"))
        if not (root / path).exists():
            pytest.skip(f"sample data {path} is missing; point DON_SHARED to a folder that has it")
        return root / path

    return find
