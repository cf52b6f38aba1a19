"""What is wrong with the surroundings is told in one line, by every command, before anything is done."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from django.core.management import get_commands

from tests.conftest import REPOSITORY

WRONG: dict[str, tuple[Mapping[str, str], str]] = {
    "a level that is none": ({"LOG_LEVEL": "loud"}, "LOG_LEVEL='loud' is not understood; write DEBUG or"),
    "a format that is none": ({"LOG_FORMAT": "xml"}, "LOG_FORMAT='xml' is not understood; write text or json"),
    "a device that is none": ({"DEVICE": "gpu"}, "DEVICE='gpu' is not understood; write auto or cpu or cuda"),
    "vectors of another kind": ({"VECTORS": "fp16"}, "VECTORS='fp16' is not understood; write float32 or float16"),
    "a host with a scheme": ({"ALLOWED_HOSTS": "https://a.example/"}, "ALLOWED_HOSTS has 'https://a.example/'"),
    "a host with a port": ({"ALLOWED_HOSTS": "a.example:8000"}, "ALLOWED_HOSTS has 'a.example:8000'"),
    "an origin without one": ({"CSRF_TRUSTED_ORIGINS": "a.example"}, "CSRF_TRUSTED_ORIGINS has 'a.example'"),
    "a # in a password": ({"DATABASE_URL": "postgresql://a:b#c@db/x"}, "DATABASE_URL has a #"),
    "a database of another kind": ({"DATABASE_URL": "mysql://a:b@db/x"}, "DATABASE_URL begins with 'mysql'"),
    "a database without a name": ({"DATABASE_URL": "postgresql://a:b@db"}, "DATABASE_URL names no database"),
    "quotation marks": ({"DATABASE_URL": "'postgresql://a:b@db/x'"}, "DATABASE_URL has quotation marks"),
    "a / in a password": ({"DATABASE_URL": "postgresql://a:b/c@db/x"}, "DATABASE_URL is not understood"),
    "a database that is not there": (
        {"DATABASE_URL": "postgresql://a@127.0.0.1:1/x"},
        "The database does not answer: connection to server",
    ),
    "a broker of another kind": ({"CELERY_BROKER_URL": "http://a"}, "CELERY_BROKER_URL begins with 'http'"),
    "a # in the broker's password": ({"CELERY_BROKER_URL": "redis://:a#b@c/0"}, "CELERY_BROKER_URL has a #"),
    "a truth that is none": ({"HTTPS": "maybe"}, "HTTPS='maybe' is neither true nor false"),
    "a number that is none": ({"WEB_WORKERS": "abc"}, "WEB_WORKERS='abc' is not a whole number"),
    "a number beyond time": ({"EXPOSURE_MAX_AGE_DAYS": "9999999999"}, "EXPOSURE_MAX_AGE_DAYS=9999999999 is too large"),
    "a file that is not there": ({"SECRET_KEY_FILE": "/no/such"}, "SECRET_KEY_FILE='/no/such' cannot be read"),
    "an empty file": ({"SECRET_KEY_FILE": "/dev/null"}, "SECRET_KEY_FILE='/dev/null' is empty"),
    "a folder that cannot be": ({"VAR_DIR": "/dev/null/var"}, "VAR_DIR='/dev/null/var' cannot be used"),
    "a folder with a line break": ({"VAR_DIR": "a\nb"}, "cannot be printed"),
    "a bucket that is none": ({"STORAGE_URL": "s3://a:b@c:port/d"}, "STORAGE_URL is not understood"),
}


def run(words: list[str], var: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command of an installation that is set up so and not otherwise."""
    plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, *words],
        cwd=REPOSITORY,
        env={**plain, "VAR_DIR": str(var), **environment},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
    )


@pytest.fixture
def var() -> Iterator[Path]:
    """Not below pytest's own folder: every pytest that begins closes that to the user that PostgreSQL runs as."""
    with tempfile.TemporaryDirectory(prefix="don-start-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "var"


@pytest.mark.parametrize("fault", sorted(WRONG))
def test_a_wrong_setting_is_told_in_one_line(fault: str, var: Path) -> None:
    environment, told = WRONG[fault]
    done = run(["manage.py", "jobs"], var, **environment)
    assert done.returncode == 1
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.parametrize(
    "process",
    [
        ["manage.py", "doctor"],
        ["-m", "gunicorn", "evalapp.config.wsgi", "--bind", "127.0.0.1:0", "--no-control-socket"],
        ["-m", "celery", "--app", "evalapp.config.celery", "beat"],
    ],
    ids=lambda words: words[1],
)
def test_every_process_says_the_same(process: list[str], var: Path) -> None:
    done = run(process, var, DEVICE="gpu")
    assert done.returncode != 0
    assert "DEVICE='gpu' is not understood; write auto or cpu or cuda." in done.stderr.splitlines()
    assert "Traceback" not in done.stderr


def test_small_letters_are_understood(var: Path) -> None:
    asks = "from django.conf import settings; print(settings.LOGGING['root']['level'], settings.DEVICE)"
    done = run(["manage.py", "shell", "--no-imports", "-v", "0", "-c", asks], var, LOG_LEVEL="error", DEVICE="CPU")
    assert done.stdout.split() == ["ERROR", "cpu"]


def test_letters_that_the_terminal_has_not_do_no_harm(var: Path) -> None:
    asks = "print('Blus\\u00e9')"
    for words in (["shell", "--no-imports", "-v", "0", "-c", asks], ["demo", "--images", "/no/Blusé"]):
        done = run(["manage.py", *words], var, PYTHONIOENCODING="ascii")
        assert "Blus\\xe9" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("port", ["99999", "0", "-1", "http"])
def test_a_port_that_is_none_is_told(var: Path, port: str) -> None:
    done = run(["manage.py", "serve", f"--port={port}"], var)
    assert done.returncode == 2
    assert f"{port} is no port; choose one from 1 to 65535." in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_of_another_machine_is_told(var: Path) -> None:
    done = run(["manage.py", "serve", "--host", "192.0.2.1"], var)
    assert done.returncode == 1
    assert "This machine cannot listen at 192.0.2.1, port 8000: Cannot assign requested address." in done.stderr
    assert "Traceback" not in done.stderr


_WORDS = {
    "checkpoint": ["x", "y"],
    "compare_backbones": ["x"],
    "draw_map": ["x", "y"],
    "backup": ["/dev/null/x"],
    "export": ["x", "--output", "/dev/null/x"],
    "import_answers": ["x", "y", "--name", "z"],
    "import_catalogue": ["x", "/no/such"],
    "import_votes": ["x", "/no/such"],
    "register_model": ["colour-histogram", "--name", "x"],
    "restore": ["/no/such"],
    "retrain": ["x", "--name", "y"],
    "train": ["x", "--recipe", "retrain", "--name", "y", "--base", "z"],
    "create_study": ["x", "--catalogue", "y", "--contender", "z:l2"],
    "draw_demo": ["/dev/null/x", "--products", "1"],
    "demo": ["--images", "/no/such"],
}
_RUNS_ON = {"serve": [], "search_service": [], "demo": [_WORDS["demo"]]}
"""Commands that end only when they are told to, with the words with which they end at once."""


def _ours() -> list[str]:
    return sorted(name for name, app in get_commands().items() if str(app).startswith("evalapp."))


def test_on_an_empty_folder_no_command_ends_in_a_traceback(var: Path) -> None:
    """Neither without tables nor with words that name nothing: whatever is missing is said in a line."""
    bad = {}
    for name in _ours():
        for words in _RUNS_ON.get(name, [[], _WORDS.get(name, ["x"])]):
            done = run(["manage.py", name, *words], var)
            if "Traceback" in done.stderr or done.returncode not in {0, 1, 2}:
                bad[name, *words] = done.stderr[-400:]
    assert bad == {}
