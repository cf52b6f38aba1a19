"""The suite runs no benchmark: what would keep one from beginning is found here, and what it calls by the types."""

from __future__ import annotations

import tomllib

from tests.conftest import REPOSITORY

BENCHMARKS = sorted((REPOSITORY / "tests" / "benchmarks").glob("bench_*.py"))


def test_each_finds_the_repository_by_itself() -> None:
    assert len(BENCHMARKS) > 20
    lost = [file.name for file in BENCHMARKS if "sys.path.insert(0, " not in file.read_text(encoding="utf-8")]
    assert lost == []


def test_what_they_call_is_checked_with_the_product() -> None:
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        assert "tests/benchmarks" in tomllib.load(file)["tool"]["mypy"]["files"]
