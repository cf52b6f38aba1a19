"""Which release of the product this is, for whatever outlives it: exports, snapshots, reports of faults."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TypedDict

import evalapp

PACKAGE = Path(evalapp.__file__).resolve().parent


class Software(TypedDict):
    """The release, and the commit where it is known."""

    name: str
    version: str
    commit: str | None


@cache
def software() -> Software:
    """Name, version and commit of the running code."""
    return {"name": "dope-or-nope", "version": evalapp.__version__, "commit": commit_of(PACKAGE)}


def commit_of(package: Path) -> str | None:
    """The commit written into an image, else that of the checkout, with `-dirty` behind it if files differ from it."""
    written = package / "COMMIT"
    if written.exists():
        return written.read_text(encoding="ascii").strip() or None
    # A copy without a history may lie inside another repository, whose commit says nothing about it.
    if not (package.parent / ".git").exists() or shutil.which("git") is None:
        return None
    command = ["git", "-C", str(package.parent), "describe", "--always", "--dirty", "--abbrev=40", "--exclude", "*"]
    try:
        described = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return described.stdout.strip() or None


def software_line() -> str:
    """Version and short commit for a person: `0.1.0 (87eb1c8f)`."""
    release = software()
    commit = release["commit"]
    if commit is None:
        return release["version"]
    digits, dash, state = commit.partition("-")
    return f"{release['version']} ({digits[:8]}{dash}{state})"
