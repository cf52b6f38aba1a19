"""The page of licences names whatever is installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "licences.md").read_text(encoding="utf-8")
LISTS = sorted((REPOSITORY / "requirements").glob("*.txt"))


@pytest.mark.parametrize("file", LISTS, ids=lambda file: file.stem)
def test_every_locked_package_is_on_the_page(file: Path) -> None:
    packages = re.findall(r"^([\w.-]+)==", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert packages
    words = set(re.findall(r"[\w.-]+", PAGE))
    assert [package for package in packages if package not in words] == []


def test_no_foreign_code_is_in_the_repository() -> None:
    """Copied scripts would need a line on the page."""
    marks = re.compile(r"/\*!|@license|\bvendor/", re.IGNORECASE)
    scripts = [path for path in (REPOSITORY / "frontend").rglob("*") if path.suffix in {".js", ".mjs", ".css"}]
    assert scripts
    assert [path.name for path in scripts if marks.search(path.read_text(encoding="utf-8"))] == []
