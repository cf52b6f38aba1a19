"""What every test may use: private folders, and the known cast (see `tests/cast.py`)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from django.conf import LazySettings
from hypothesis import settings as hypothesis_settings
from playwright.sync_api import Browser, sync_playwright
from threadpoolctl import threadpool_limits

from tests import system

REPOSITORY = Path(__file__).resolve().parents[1]
# Playwright's event loop runs in the thread of the tests, where Django would refuse to talk to the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

# A run closes the folder above its temporary ones to everybody else. Run by root, the databases of another checkout's
# run would lose their way there: each checkout has one of its own.
_TEMPORARY = Path(tempfile.gettempdir()) / f"don-{os.getuid()}-{sha256(os.fsencode(REPOSITORY)).hexdigest()[:8]}"
_TEMPORARY.mkdir(exist_ok=True)
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_TEMPORARY))

# No test asserts an absolute time, and a busy machine must not turn one red.
hypothesis_settings.register_profile("patient", deadline=None)
hypothesis_settings.load_profile("patient")

CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="session", autouse=True)
def _small_products_in_one_thread() -> Iterator[None]:
    """Products as small as those of tests gain nothing by a second thread; where something else runs on the machine,
    they wait for it ten times as long as they take."""
    import scipy.linalg  # noqa: F401 - what is loaded now is limited now, what comes later reads the variable

    with threadpool_limits(1), pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
        yield


@pytest.fixture(scope="session")
def empty_static_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The web server wants the folder to be there."""
    return tmp_path_factory.mktemp("static")


@pytest.fixture(autouse=True)
def _private_folders(settings: LazySettings, tmp_path: Path, empty_static_root: Path) -> None:
    """Pictures, vectors and weights of a test lie in its own folder."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.EMBEDDINGS_DIR = tmp_path / "embeddings"
    settings.WEIGHTS_DIR = tmp_path / "weights"
    settings.TRAINING_DIR = tmp_path / "training"
    settings.STATIC_ROOT = empty_static_root
    # All visitors of all tests come from one address, and swipe faster than people.
    settings.VOTER_PAIRS_PER_MINUTE = settings.ADDRESS_PAIRS_PER_MINUTE = settings.ADDRESS_VOTERS_PER_MINUTE = 10**6
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "media"},
        },
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for all tests that look at pages; each takes a fresh profile in it."""
    path = system.need("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """A path of the optional sample data; the test skips, saying so, where it is missing."""

    def find(path: str) -> Path:
        root = Path(os.environ.get("DON_SHARED", REPOSITORY.parent / "shared"))
        if not (root / path).exists():
            pytest.skip(f"sample data {path} is missing; point DON_SHARED to a folder that has it")
        return root / path

    return find
