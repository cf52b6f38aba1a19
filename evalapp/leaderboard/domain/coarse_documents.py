"""Numbers of a board as they are published while people vote: rounded, so that none can be taken apart again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar, cast

from evalapp.leaderboard.domain.results import (
    Board,
    Decision,
    Duel,
    HeadToHead,
    Missing,
    Sampling,
    SetAside,
    Standing,
)

_DIGITS = 3
_EVIDENCE_DIGITS = 1
_EXACT = {"rank_best", "rank_worst", "version", "queries", "same"}
"""Whole numbers that do not depend on single votes."""
_LEFT_OUT = ("categories", "examples", "side_by_side", "agreement")
"""Parts of a report that few votes move: a category's votes of one step may be one person's, known answers are rare."""

_T = TypeVar("_T")


def coarse_count(count: int) -> int:
    """Two leading digits, in tens at least: 7 as 10, 204 as 200, 1234 as 1200. Only 0 is 0."""
    unit = 10
    while count >= unit * 100:
        unit *= 10
    return 0 if count <= 0 else max(unit, round(count / unit) * unit)


def coarse_board(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document of `leaderboard --json`, rounded; why votes were set aside is not told, nor how many just now."""
    rounded = cast(dict[str, Any], _round_part(document, ""))
    rounded["set_aside"] = {**rounded["set_aside"], "reasons": {}}
    return rounded


def coarse_report(document: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a report that many votes make, rounded."""
    return {name: _round_part(part, name) for name, part in document.items() if name not in _LEFT_OUT}


def coarse_duels(document: Mapping[str, Any]) -> dict[str, Any]:
    """Everybody against everybody, rounded."""
    return cast(dict[str, Any], _round_part(document, ""))


def _round_part(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _round_part(part, key) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_round_part(part, name) for part in value]
    if isinstance(value, bool) or name in _EXACT:
        return value
    if isinstance(value, int):
        return coarse_count(value)
    if isinstance(value, float):
        return round(value, _EVIDENCE_DIGITS if name.startswith("evidence") else _DIGITS)
    return value


def read_board(document: Mapping[str, Any]) -> Board:
    """The board out of its document."""
    decision = dict(document["decision"])
    decision["practically_best"] = tuple(decision.get("practically_best", ()))
    missing = decision.get("missing", {})
    decision["missing"] = _make_value(Missing, {**missing, "rivals": tuple(missing.get("rivals", ()))})
    parts = {
        **document,
        "decision": _make_value(Decision, decision),
        "standings": tuple(_make_value(Standing, line) for line in document["standings"]),
        "sampling": _make_value(Sampling, document["sampling"]),
        "set_aside": _make_value(SetAside, document["set_aside"]),
    }
    return _make_value(Board, parts)


def read_duels(document: Mapping[str, Any]) -> HeadToHead:
    """The matrix out of its document."""
    rows = tuple(tuple(one and _make_value(Duel, one) for one in row) for row in document["duels"])
    return _make_value(HeadToHead, {**document, "contenders": tuple(document["contenders"]), "duels": rows})


def _make_value(kind: type[_T], values: Mapping[str, Any]) -> _T:
    """A value of this dataclass; what an earlier version kept beside its fields is passed over."""
    field_names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in values.items() if name in field_names})
