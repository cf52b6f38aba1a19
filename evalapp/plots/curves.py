"""Approval over time: a small panel for each contender, with its band, the others faint behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalapp.plots.marks import Dot, Drawing, Line, Mark, Trace, Words
from evalapp.plots.plot_texts import ENGLISH, Phrases
from evalapp.plots.scales import Scale, shares_around

MOST_DOTS = 24
"""Moments of a panel that are marked."""
_GAP = 18.0
_HEAD = 24.0
_FOOT = 22.0
_LEFT = 48.0
_PANEL = 150.0


@dataclass(frozen=True, slots=True)
class Moment:
    """What was known after `votes` votes."""

    votes: int
    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Course:
    """A contender's moments, in their order."""

    name: str
    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class _Panel:
    x: Scale
    y: Scale


def draw_courses(
    name: str,
    title: str,
    summary: str,
    lines: Sequence[Course],
    *,
    width: float = 720,
    phrases: Phrases = ENGLISH,
) -> Drawing:
    """Panels in rows, all on the same axes: votes to the right, approval upwards."""
    columns = 1 if width < 480 else min(3, max(1, len(lines)))
    panel_width = (width - (columns - 1) * _GAP) / columns
    height = _HEAD + _PANEL + _FOOT
    votes, shares = _extent_of_values(lines)
    marks: list[Mark] = []
    for index, line in enumerate(lines):
        row, column = divmod(index, columns)
        left, top = column * (panel_width + _GAP), row * (height + _GAP)
        panel = _Panel(
            Scale(*votes, left + _LEFT, left + panel_width - 8), Scale(*shares, top + _HEAD + _PANEL, top + _HEAD + 4)
        )
        marks += [Words("name", left, top + _HEAD / 2, line.name), *_draw_axes(panel, left, phrases)]
        marks += [_draw_trace(panel, other_line, "curve-soft") for other_line in lines if other_line is not line]
        marks += [_draw_band(panel, line), _draw_trace(panel, line, "curve"), *_draw_moments(panel, line)]
    rows = -(-len(lines) // columns)
    return Drawing(name, title, summary, width, max(1, rows) * (height + _GAP) - _GAP, tuple(marks))


def _extent_of_values(lines: Sequence[Course]) -> tuple[tuple[float, float], tuple[float, float]]:
    votes = [float(moment.votes) for line in lines for moment in line.moments]
    shares = [moment.estimate for line in lines for moment in line.moments]
    # Bands of the first votes reach from end to end; the axis is made for what the lines do, and for the last bands.
    shares += [edge for line in lines if line.moments for edge in (line.moments[-1].low, line.moments[-1].high)]
    return (min(votes, default=0.0), max(votes, default=1.0)), shares_around(shares)


def _draw_axes(panel: _Panel, left: float, phrases: Phrases) -> list[Mark]:
    marks: list[Mark] = []
    for tick in panel.y.round_ticks(4):
        y = panel.y(tick)
        marks.append(Line("grid", panel.x.start, y, panel.x.end, y))
        marks.append(Words("axis", left + _LEFT - 6, y, phrases.share(tick), "end"))
    ends = (("start", panel.x.low, panel.x.start), ("end", panel.x.high, panel.x.end))
    for anchor, votes, x in ends if panel.x.high > panel.x.low else ends[1:]:
        text = phrases.votes(round(votes)) if anchor == "end" else phrases.number(votes, 0)
        marks.append(Words("axis", x, panel.y.start + _FOOT / 2, text, "start" if anchor == "start" else "end"))
    return marks


def _draw_trace(panel: _Panel, line: Course, role: str) -> Trace:
    return Trace(role, tuple((panel.x(moment.votes), panel.y(moment.estimate)) for moment in line.moments))


def _draw_moments(panel: _Panel, line: Course) -> list[Mark]:
    """A dot where something was measured: between two of them a straight line is drawn, and nothing is known."""
    if len(line.moments) > MOST_DOTS:
        return []
    return [Dot("moment", panel.x(one.votes), panel.y(one.estimate), 3) for one in line.moments]


def _draw_band(panel: _Panel, line: Course) -> Trace:
    above = [(panel.x(moment.votes), panel.y(moment.high)) for moment in line.moments]
    below = [(panel.x(moment.votes), panel.y(moment.low)) for moment in reversed(line.moments)]
    return Trace("band", tuple(above + below), closed=True)
