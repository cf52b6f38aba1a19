"""The table of search in docs/performance.md is what the benchmarks kept, and nothing else."""

from __future__ import annotations

from tests.benchmarks.harness import KEPT, at_least, at_most, beside, keep, kept
from tests.benchmarks.search_table import DOCUMENT, table, written


def test_the_table_is_what_was_kept() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert written(text) == text
    assert list(KEPT.glob("search-*.json"))
    assert "| what | product | against | ratio | target |" in table()


def test_what_misses_its_target_is_said(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from tests.benchmarks import harness, search_table

    for module in (harness, search_table):
        monkeypatch.setattr(module, "KEPT", tmp_path)
    rows = [at_least("quick", 30, 2, "per s", 10), at_most("small", 5, 2, "MiB", 2), beside("seen", 1, 4, "s")]
    keep("search-x", "A part", rows)
    assert kept("search-x") == ("A part", rows)
    assert search_table.table().splitlines()[4:] == [
        "| quick | 30 per s | 2 per s | 15 | ≥ 10 |",
        "| small | 5 MiB | 2 MiB | **2.5, misses it** | ≤ 2 |",
        "| seen | 1 s | 4 s | 0.25 |  |",
    ]
