"""Dots with whiskers on one axis: standings, or one contender's categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evalapp.plots.marks import Box, Dot, Drawing, Line, Mark, Words
from evalapp.plots.plot_texts import ENGLISH, Phrases
from evalapp.plots.scales import Scale

NARROW = 480
"""Below this width names stand above their whiskers instead of before them."""
_AXIS = 26.0
_INSET = 18.0

Kind = Literal["plain", "first", "control"]


@dataclass(frozen=True, slots=True)
class Whisker:
    """One row: an estimate (None: nothing known) inside `low` … `high`; `raw` is a second, hollow dot."""

    name: str
    estimate: float | None
    low: float
    high: float
    kind: Kind = "plain"
    raw: float | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """What the rows are seen against: up to `floor` is what answering at random gets, from `ceiling` on is as good as
    the known duplicates; `mean` is a line through all rows."""

    floor: float | None = None
    ceiling: float | None = None
    mean: float | None = None


@dataclass(frozen=True, slots=True)
class _Sheet:
    axis: Scale
    rows: float
    row: float
    stacked: bool

    @property
    def bottom(self) -> float:
        return self.rows + _AXIS

    def row_middle(self, index: int) -> float:
        """The height of a row's whisker."""
        return _AXIS + index * self.row + self.row * (0.7 if self.stacked else 0.5)


def draw_whiskers(
    name: str,
    title: str,
    summary: str,
    rows: Sequence[Whisker],
    *,
    reference: Reference,
    axis: tuple[float, float] = (0.0, 1.0),
    width: float = 720,
    phrases: Phrases = ENGLISH,
) -> Drawing:
    """A row per entry, in the order given, with the axis above them."""
    sheet = _lay_out_sheet(rows, axis, width)
    marks: list[Mark] = [*_draw_reference(sheet, reference), *_draw_grid(sheet, width, phrases)]
    for index, row in enumerate(rows):
        marks += _draw_row(sheet, index, row, phrases)
    return Drawing(name, title, summary, width, sheet.bottom + 6, tuple(marks))


def _lay_out_sheet(rows: Sequence[Whisker], axis: tuple[float, float], width: float) -> _Sheet:
    stacked = width < NARROW
    name_width = 0.0 if stacked else min(0.36 * width, 16 + 7.4 * max((len(row.name) for row in rows), default=0))
    numbers = 52.0
    height = 48.0 if stacked else 34.0
    scale = Scale(*axis, name_width + _INSET, width - _INSET - numbers)
    return _Sheet(scale, len(rows) * height, height, stacked)


def _draw_reference(sheet: _Sheet, reference: Reference) -> list[Mark]:
    axis, marks = sheet.axis, list[Mark]()
    if reference.floor is not None:
        right = axis(reference.floor)
        marks.append(Box("floor", axis.start, _AXIS, right - axis.start, sheet.rows))
    if reference.ceiling is not None:
        left = axis(reference.ceiling)
        marks.append(Box("ceiling", left, _AXIS, axis.end - left, sheet.rows))
    if reference.mean is not None:
        x = axis(reference.mean)
        marks.append(Line("mean", x, _AXIS, x, sheet.bottom))
    return marks


def _draw_grid(sheet: _Sheet, width: float, phrases: Phrases) -> list[Mark]:
    marks: list[Mark] = []
    for tick in sheet.axis.round_ticks(4 if width < NARROW else 8):
        x = sheet.axis(tick)
        marks.append(Line("grid", x, _AXIS, x, sheet.bottom))
        marks.append(Words("axis", x, _AXIS / 2, phrases.share(tick), "middle"))
    return marks


def _draw_row(sheet: _Sheet, index: int, row: Whisker, phrases: Phrases) -> list[Mark]:
    y, axis = sheet.row_middle(index), sheet.axis
    marks: list[Mark] = [Words("name", 0, y - (19 if sheet.stacked else 0), row.name)]
    if row.estimate is None:
        return [*marks, Words("note", axis.start, y, phrases.no_votes)]
    soft = row.kind == "control"
    marks.append(Line("whisker-soft" if soft else "whisker", axis(row.low), y, axis(row.high), y))
    if row.raw is not None:
        alone = phrases.alone.format(name=row.name, share=phrases.share(row.raw))
        marks.append(Dot("dot-raw", axis(row.raw), y, 4, alone))
    role = {"plain": "dot", "first": "dot-first", "control": "dot-control"}[row.kind]
    share, low, high = (phrases.share(value, 1) for value in (row.estimate, row.low, row.high))
    marks.append(
        Dot(role, axis(row.estimate), y, 7, phrases.interval.format(name=row.name, share=share, low=low, high=high))
    )
    marks.append(Words("value", axis.end + _INSET + 52, y, share, "end"))
    return marks
