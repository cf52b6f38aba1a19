"""The table of search in docs/performance.md, made from what the benchmarks of search kept of their last whole runs.

    python -m tests.benchmarks.search_table [--write]

Each benchmark keeps its rows with `--keep`: tests/benchmarks/kept/. `make search-figures` runs them all and writes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.benchmarks.harness import KEPT, Row, kept  # noqa: E402 - the repository is on the path only now

DOCUMENT = REPOSITORY / "docs" / "performance.md"
BEGIN, END = "<!-- search: begin -->", "<!-- search: end -->"


def table() -> str:
    """A table for each part, in the order of their names."""
    return "\n\n".join(_part(path.stem) for path in sorted(KEPT.glob("search-*.json")))


def written(text: str) -> str:
    """The document with the table as it is now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _part(name: str) -> str:
    title, rows = kept(name)
    head = f"{title}:\n\n| what | product | against | ratio | target |\n|---|---|---|---|---|"
    return "\n".join([head, *(_line(row) for row in rows)])


def _line(row: Row) -> str:
    ratio = f"{row.ratio:,.3g}"
    if row.met is False:
        ratio = f"**{ratio}, misses it**"
    value, bare = _told(row.value, row.unit), _told(row.bare, row.unit)
    target = row.target.replace("at least", "≥").replace("at most", "≤")
    return f"| {row.name} | {value} | {bare if row.target or row.ratio != row.value else ''} | {ratio} | {target} |"


def _told(number: float, unit: str) -> str:
    return f"{number:,.0f} {unit}" if abs(number) >= 1000 else f"{number:.3g} {unit}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    if parser.parse_args().write:
        DOCUMENT.write_text(written(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(table())


if __name__ == "__main__":
    main()
