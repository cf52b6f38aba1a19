"""What `serve` holds before there is work: one copy of what all roles need, and no engine."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.journeys.installation import Installation

pytestmark = [pytest.mark.journey, pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")]

ENGINES = ("torch", "faiss", "onnxruntime", "sklearn", "pyarrow", "numba", "onnx")
COPIES = ("gunicorn evalapp.config.wsgi", "celery default@", "celery gpu@", "celery beat")


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[psutil.Process]]:
    """The Python processes of an installation that was just started, `serve` first."""
    there = Installation(tmp_path_factory.mktemp("rest") / "var")
    with there.serving():
        (serve,) = [one for one in psutil.Process().children() if "serve" in one.cmdline()]
        deadline = time.monotonic() + 60
        while len(_python(serve)) < 9 and time.monotonic() < deadline:
            time.sleep(0.2)
        yield [serve, *_python(serve)]


def _python(serve: psutil.Process) -> list[psutil.Process]:
    return [one for one in serve.children(recursive=True) if one.name() != "postgres"]


def _words(process: psutil.Process) -> str:
    return " ".join(process.cmdline()).strip()


def test_web_server_workers_and_beat_share_what_serve_has_loaded(roles: list[psutil.Process]) -> None:
    copies = [one for one in roles if _words(one) in COPIES]
    assert {_words(one) for one in copies} == set(COPIES)
    assert len(copies) == len(COPIES) + 2, "the web server has two processes"
    for one in copies:
        memory = one.memory_full_info()
        assert memory.uss < 0.5 * memory.rss, f"{_words(one)} shares too little"


def test_no_role_at_rest_has_loaded_an_engine(roles: list[psutil.Process]) -> None:
    for one in roles:
        libraries = {Path(area.path) for area in one.memory_maps() if ".so" in area.path}
        packages = {part for library in libraries for part in library.parts}
        assert libraries, _words(one)
        assert not packages & set(ENGINES), _words(one)


def test_searches_stand_behind_votes(roles: list[psutil.Process]) -> None:
    usual = roles[0].nice()
    behind = {"search_service" in _words(one): one.nice() > usual for one in roles}
    assert behind == {True: True, False: False}
