"""Programs that tests use and pip cannot bring: `python -m tests.system` gets them where it may.

On Debian and Ubuntu as root (or with sudo that asks for no password) packages are installed. Elsewhere the tests that
need a program skip with the reason; where CI=true they fail instead, since there nothing may be left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import NoReturn

import pytest

PROGRAMS: dict[str, tuple[tuple[str, ...], str]] = {
    "chromium": (("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"), "chromium"),
    "docker-compose": (("docker-compose",), "docker-compose"),
    "firefox": (("firefox-esr", "firefox"), "firefox-esr"),
    "node": (("node", "nodejs"), "nodejs"),
    "webkit": (("WebKitWebDriver",), "webkit2gtk-driver"),
    "xvfb": (("Xvfb",), "xvfb"),
}
"""Name: the executables it may go by, and Debian's package."""


def find(name: str) -> str | None:
    """The path of the program; the variable of its name in capitals comes first."""
    told = os.environ.get(name.upper().replace("-", "_"))
    if told:
        return told
    return next((path for path in map(shutil.which, PROGRAMS[name][0]) if path), None)


def need(name: str) -> str:
    """The path of the program, or the end of the test."""
    found = find(name)
    if found is None:
        _do_without(f"{name} is not installed; get it with: apt-get install {PROGRAMS[name][1]}")
    return found


def _do_without(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def install_missing() -> None:
    """Install what is missing, or say what will be skipped."""
    missing = [name for name in PROGRAMS if find(name) is None]
    if not missing:
        return
    packages = [PROGRAMS[name][1] for name in missing]
    become = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") and (not become or shutil.which("sudo")):
        print(f"Installing {', '.join(packages)} …", flush=True)
        quietly = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run([*become, "apt-get", "update", "-qq"], check=False, **quietly)
        subprocess.run(
            [*become, "apt-get", "install", "--yes", "-qq", "--no-install-recommends", *packages],
            check=False,
            **quietly,
        )
    for name in missing:
        if find(name) is None:
            print(f"{name} is missing and cannot be installed from here: its tests are left out.", file=sys.stderr)


if __name__ == "__main__":
    install_missing()
