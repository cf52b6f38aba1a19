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
    writer.writerows([_defuse_formula(value) for value in row] for row in table.rows)
    return out.getvalue()


def standings_table(reading: Reading) -> Table:
    """A line per contender."""
    columns = (
        "contender", "rank_best", "rank_worst", "approval", "low", "high", "votes", "control", "design_effect",
        "raw_approval",
    )  # fmt: skip
    return _make_table(columns, [_attribute_values(line, columns) for line in reading.board.standings])


def duels_table(reading: Reading) -> Table:
    """A line per ordered pair of contenders."""
    columns = ("first", "second", "difference", "low", "high", "better", "evidence", "votes", "same", "queries")
    duels_in_order = [duel for row in reading.duels.duels for duel in row if duel is not None]
    return _make_table(columns, [_attribute_values(duel, columns) for duel in duels_in_order])


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
    return _make_table(columns, rows)


def categories_table(reading: Reading) -> Table:
    """A line per category and contender."""
    columns = ("category", "contender", "approval", "low", "high", "pooled", "votes", "voters")
    return _make_table(columns, _entry_values((reading.report.get("categories") or {}).get("cells", []), columns))


def strengths_table(reading: Reading) -> Table:
    """A line per contender where people choose between two, and one for the left side."""
    columns = ("contender", "strength", "low", "high", "theta", "comparisons", "won", "lost", "tied")
    report = reading.report.get("strengths") or {}
    rows = _entry_values(report.get("lines", []), columns)
    if report:
        side = [report["side"][name] for name in ("value", "low", "high")]
        rows.append(["(left side)", *side, None, report["comparisons"], None, None, report["ties"]])
    return _make_table(columns, rows)


def labels_table(reading: Reading) -> Table:
    """A line per automatic score and contender."""
    columns = ("score", "contender", "value", "low", "high", "approval", "approval_low", "approval_high")
    standing = {line.contender: line for line in reading.board.standings}
    rows = []
    for score in (reading.report.get("offline") or {}).get("scores", []):
        for entry in score["points"]:
            line = standing.get(entry["contender"])
            approval = (line.approval, line.low, line.high) if line else (None, None, None)
            rows.append((score["key"], entry["contender"], entry["value"], entry["low"], entry["high"], *approval))
    return _make_table(columns, rows)


def examples_table(reading: Reading) -> Table:
    """The pairs behind the numbers; nothing while those who look may still vote on them."""
    columns = ("group", "query", "candidate", "dope", "nope", "skip", "contenders")
    if not reading.shows_pairs:
        return _make_table(columns, [])
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
    return _make_table(columns, rows)


def sampling_table(reading: Reading) -> Table:
    """How votes were spent, a line per contender."""
    columns = ("contender", "votes", "share", "even", "skipped")
    return _make_table(columns, _entry_values((reading.report.get("sampling") or {}).get("lines", []), columns))


def fragility_table(reading: Reading) -> Table:
    """The fewest votes and voters whose removal swaps neighbours; empty where no number does."""
    columns = ("first", "second", "votes", "voters")
    return _make_table(columns, _entry_values((reading.report.get("robustness") or {}).get("neighbours", []), columns))


def without_one(reading: Reading) -> Table:
    """Approval without any one voter."""
    columns = ("contender", "approval", "low", "high")
    return _make_table(columns, _entry_values((reading.report.get("robustness") or {}).get("without_one", []), columns))


def agreement_table(reading: Reading) -> Table:
    """What people agree with, as shares with their intervals."""
    report = reading.report.get("agreement") or {}
    rows = [
        (kind, *(report[kind].get(name) for name in ("value", "low", "high", "trials")))
        for kind in ("alpha", "gold", "self")
        if report.get(kind)
    ]
    rows.append(("ceiling", report.get("ceiling"), None, None, None))
    return _make_table(("measure", "value", "low", "high", "trials"), rows)


def set_aside(reading: Reading) -> Table:
    """Votes that do not count, by reason."""
    return _make_table(("reason", "votes"), list(reading.board.set_aside.reasons.items()))


def _make_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    return Table(tuple(columns), tuple(tuple(row) for row in rows))


def _attribute_values(thing: object, names: Sequence[str]) -> list[Any]:
    return [getattr(thing, name) for name in names]


def _entry_values(entries: Iterable[dict[str, Any]], names: Sequence[str]) -> list[list[Any]]:
    return [[entry.get(name) for name in names] for entry in entries]


def _defuse_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


TABLES: dict[str, Callable[[Reading], Table]] = {
    "standings": standings_table,
    "head-to-head": duels_table,
    "over-time": over_time,
    "strengths": strengths_table,
    "categories": categories_table,
    "labels": labels_table,
    "examples": examples_table,
    "sampling": sampling_table,
    "fragility": fragility_table,
    "without-one": without_one,
    "agreement": agreement_table,
    "set-aside": set_aside,
}
"""By the name in addresses."""
