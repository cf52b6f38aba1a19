"""What every benchmark needs: repeat, take the median, print one table."""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


KEPT = Path(__file__).parent / "kept"
"""Where figures lie that tables in the documentation are made from."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a benchmark's table.

    `value` and `bare` share the unit `unit`; `ratio` is what the target speaks about, and `target` says the
    bound in words ("at least 0.85"); `met` is None where there is no target.
    """

    name: str
    value: float
    bare: float
    unit: str
    ratio: float
    target: str = ""
    met: bool | None = None


def timed(fn: Callable[[], object], repeats: int = 3) -> float:
    """Median seconds of `fn` over `repeats` calls."""
    return statistics.median(_once(fn) for _ in range(repeats))


def timed_in_turns(fns: Sequence[Callable[[], object]], repeats: int = 3) -> list[float]:
    """Median seconds of each function, called in turns: a slow minute of the machine hits all alike."""
    rounds = [[_once(fn) for fn in fns] for _ in range(repeats)]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def at_least(name: str, value: float, bare: float, unit: str, target: float) -> Row:
    """A row whose ratio value / bare should not fall below `target` (throughputs)."""
    ratio = value / bare
    return Row(name, value, bare, unit, ratio, f"at least {target:g}", ratio >= target)


def at_most(name: str, value: float, bare: float, unit: str, target: float) -> Row:
    """A row whose ratio value / bare should not exceed `target` (times, memory)."""
    ratio = value / bare
    return Row(name, value, bare, unit, ratio, f"at most {target:g}", ratio <= target)


def beside(name: str, value: float, bare: float, unit: str) -> Row:
    """A row without a target."""
    return Row(name, value, bare, unit, value / bare)


def print_table(title: str, rows: Sequence[Row]) -> None:
    """Print the rows as one aligned table."""
    header = ("", "ours", "bare", "unit", "ratio", "target", "met")
    cells = [header] + [
        (
            row.name,
            f"{row.value:,.4g}",
            f"{row.bare:,.4g}",
            row.unit,
            f"{row.ratio:.3f}",
            row.target,
            "" if row.met is None else ("yes" if row.met else "NO"),
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(header))]
    print(f"\n{title}")
    for line in cells:
        left = line[0].ljust(widths[0])
        print("  ".join([left, *(text.rjust(width) for text, width in zip(line[1:], widths[1:], strict=True))]))


def keep(part: str, title: str, rows: Sequence[Row]) -> None:
    """Keep what this run measured, for the tables in the documentation."""
    KEPT.mkdir(exist_ok=True)
    text = json.dumps({"title": title, "rows": [asdict(row) for row in rows]}, indent=1, ensure_ascii=False)
    (KEPT / f"{part}.json").write_text(f"{text}\n", encoding="utf-8")


def kept(part: str) -> tuple[str, list[Row]]:
    """The title and the rows that `keep` was given."""
    found = json.loads((KEPT / f"{part}.json").read_text(encoding="utf-8"))
    return found["title"], [Row(**row) for row in found["rows"]]


def _once(fn: Callable[[], object]) -> float:
    start = time.perf_counter()
    fn()
    return time.perf_counter() - start
