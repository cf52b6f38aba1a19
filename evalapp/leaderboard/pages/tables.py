"""The board's tables by name, as rows for CSV: numbers unrounded, shares between 0 and 1."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from evalapp.leaderboard.pages.board_view import Reading


@dataclass(frozen=True, slots=True)
class Table:
    """Column names, and rows of values; None is an empty field."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def as_csv(table: Table) -> str:
    """Comma-separated, one header line; a text that a spreadsheet would take for a formula is put in quotes by a '."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows([_harmless(value) for value in row] for row in table.rows)
    return out.getvalue()


def standings(reading: Reading) -> Table:
    """A line per contender."""
    columns = (
        "contender", "rank_best", "rank_worst", "approval", "low", "high", "votes", "control", "design_effect",
        "raw_approval",
    )  # fmt: skip
    return _table(columns, [_attributes(line, columns) for line in reading.board.standings])


def duels(reading: Reading) -> Table:
    """A line per ordered pair of contenders."""
    columns = ("first", "second", "difference", "low", "high", "better", "evidence", "votes", "same", "queries")
    found = [duel for row in reading.duels.duels for duel in row if duel is not None]
    return _table(columns, [_attributes(duel, columns) for duel in found])


def over_time(reading: Reading) -> Table:
    """A line per snapshot and contender."""
    columns = ("made_at", "votes", "method", "declared", "contender", "approval", "low", "high", "contender_votes")
    rows = [
        (
            snapshot.made_at.isoformat() if snapshot.made_at else None,
            snapshot.votes,
            snapshot.method_version,
            snapshot.declared,
            *(line[name] for name in ("contender", "approval", "low", "high", "votes")),
        )
        for snapshot in reading.course
        for line in snapshot.document["standings"]
    ]
    return _table(columns, rows)


def categories(reading: Reading) -> Table:
    """A line per category and contender."""
    columns = ("category", "contender", "approval", "low", "high", "pooled", "votes", "voters")
    return _table(columns, _entries((reading.report.get("categories") or {}).get("cells", []), columns))


def strengths(reading: Reading) -> Table:
    """A line per contender where people choose between two, and one for the left side."""
    columns = ("contender", "strength", "low", "high", "theta", "comparisons", "won", "lost", "tied")
    found = reading.report.get("strengths") or {}
    rows = _entries(found.get("lines", []), columns)
    if found:
        side = [found["side"][name] for name in ("value", "low", "high")]
        rows.append(["(left side)", *side, None, found["comparisons"], None, None, found["ties"]])
    return _table(columns, rows)


def labels(reading: Reading) -> Table:
    """A line per automatic score and contender."""
    columns = ("score", "contender", "value", "low", "high", "approval", "approval_low", "approval_high")
    standing = {line.contender: line for line in reading.board.standings}
    rows = []
    for score in (reading.report.get("offline") or {}).get("scores", []):
        for entry in score["points"]:
            line = standing.get(entry["contender"])
            told = (line.approval, line.low, line.high) if line else (None, None, None)
            rows.append((score["key"], entry["contender"], entry["value"], entry["low"], entry["high"], *told))
    return _table(columns, rows)


def examples(reading: Reading) -> Table:
    """The pairs behind the numbers; nothing while those who look may still vote on them."""
    columns = ("group", "query", "candidate", "dope", "nope", "skip", "contenders")
    if not reading.shows_pairs:
        return _table(columns, [])
    groups = (reading.report.get("examples") or {}).get("groups", [])
    rows = [
        (
            group["key"],
            pair["query"]["key"],
            pair["candidate"]["key"],
            *(pair[name] for name in ("dope", "nope", "skip")),
            " ".join(pair["contenders"]),
        )
        for group in groups
        for pair in group["pairs"]
    ]
    return _table(columns, rows)


def sampling(reading: Reading) -> Table:
    """How votes were spent, a line per contender."""
    columns = ("contender", "votes", "share", "even", "skipped")
    return _table(columns, _entries((reading.report.get("sampling") or {}).get("lines", []), columns))


def fragility(reading: Reading) -> Table:
    """The fewest votes and voters whose removal swaps neighbours; empty where no number does."""
    columns = ("first", "second", "votes", "voters")
    return _table(columns, _entries((reading.report.get("robustness") or {}).get("neighbours", []), columns))


def without_one(reading: Reading) -> Table:
    """Approval without any one voter."""
    columns = ("contender", "approval", "low", "high")
    return _table(columns, _entries((reading.report.get("robustness") or {}).get("without_one", []), columns))


def agreement(reading: Reading) -> Table:
    """What people agree with, as shares with their intervals."""
    found = reading.report.get("agreement") or {}
    rows = [
        (kind, *(found[kind].get(name) for name in ("value", "low", "high", "trials")))
        for kind in ("alpha", "gold", "self")
        if found.get(kind)
    ]
    rows.append(("ceiling", found.get("ceiling"), None, None, None))
    return _table(("measure", "value", "low", "high", "trials"), rows)


def set_aside(reading: Reading) -> Table:
    """Votes that do not count, by reason."""
    return _table(("reason", "votes"), list(reading.board.set_aside.reasons.items()))


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    return Table(tuple(columns), tuple(tuple(row) for row in rows))


def _attributes(thing: object, names: Sequence[str]) -> list[Any]:
    return [getattr(thing, name) for name in names]


def _entries(entries: Iterable[dict[str, Any]], names: Sequence[str]) -> list[list[Any]]:
    return [[entry.get(name) for name in names] for entry in entries]


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


TABLES: dict[str, Callable[[Reading], Table]] = {
    "standings": standings,
    "head-to-head": duels,
    "over-time": over_time,
    "strengths": strengths,
    "categories": categories,
    "labels": labels,
    "examples": examples,
    "sampling": sampling,
    "fragility": fragility,
    "without-one": without_one,
    "agreement": agreement,
    "set-aside": set_aside,
}
"""By the name in addresses."""
