"""Bare means bare: every job, by every door, on a machine that has nothing but the product."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests import system
from tests.conftest import REPOSITORY

pytestmark = [pytest.mark.journey, pytest.mark.browser]

SECONDS = 40
"""Well below the minute after which a lost message is noticed: a job that begins within it was told of."""
JOBS = {
    "command": {"import_catalogue", "register_model", "create_study", "precompute", "evaluate", "export", "train"}
    | {"retrain", "draw_map", "robustness", "demo", "doctor"},
    "http": {"precompute", "export", "train", "retrain"},
    "button": {"precompute", "export", "map", "robustness", "retrain"},
}


def _do_without(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _a_network_of_its_own() -> list[str]:
    """The words that put a program into one, as root or by a user namespace."""
    words = ["unshare", "--net", "--mount"]
    if os.geteuid() != 0:
        words += ["--user", "--map-current-user", "--keep-caps"]
    try:
        subprocess.run([*words, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        _do_without(f"a network of its own cannot be made here ({error}); it needs util-linux and the right to it")
    return words


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    unshare, chromium = _a_network_of_its_own(), system.need("chromium")
    folder = tmp_path_factory.mktemp("bare")
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    environment = [f"HOME={folder / 'home'}", f"TMPDIR={folder / 'tmp'}", "PATH=/usr/bin:/bin"]
    done = subprocess.run(
        [
            *unshare,
            "--",
            "env",
            "-i",
            *environment,
            sys.executable,
            "-m",
            "tests.journeys.bare_machine",
            str(folder / "var"),
            chromium,
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("door", sorted(JOBS))
def test_every_job_begins_at_once_and_ends_well(found: dict[str, Any], door: str) -> None:
    mine = [job for job in found["begun"] if job["door"] == door]
    assert JOBS[door] <= {job["job"] for job in mine}
    assert [job for job in mine if job["state"] != "done" or not 0 <= job["waited"] < SECONDS] == []


def test_pings_arrive(found: dict[str, Any]) -> None:
    assert len(found["pings"]) == 2


def test_nobody_was_asked_who_is_not_there(found: dict[str, Any]) -> None:
    assert found["caught"] == []


def test_what_is_hidden_is_hidden_for_the_test_too(found: dict[str, Any], tmp_path: Path) -> None:
    """The guard would be no guard if it hid nothing: a contributor's tools are not importable behind it."""
    program = (
        "from pathlib import Path; from tests.journeys.bare_machine import _environment;"
        f"print(_environment(Path({str(tmp_path / 'var')!r}))['PYTHONPATH'])"
    )
    guard = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    probe = "import django, torch\ntry:\n    import pytest\nexcept ModuleNotFoundError:\n    print('hidden')"
    done = subprocess.run(
        [sys.executable, "-c", probe], env={"PYTHONPATH": guard.stdout.strip()}, capture_output=True, text=True
    )
    assert done.stdout == "hidden\n", done.stderr
