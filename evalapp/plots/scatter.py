"""Two numbers of each contender against each other, with the interval of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalapp.plots.marks import Dot, Drawing, Line, Mark, Words
from evalapp.plots.plot_texts import ENGLISH, Phrases
from evalapp.plots.scales import Scale, shares_around

_LEFT, _TOP, _BOTTOM, _EDGE = 56.0, 32.0, 46.0, 22.0


@dataclass(frozen=True, slots=True)
class Point:
    """`x` and `y` with `low` and `high` of each; `label` is short, for inside the dot; `name` is the whole."""

    label: str
    name: str
    x: tuple[float, float, float]
    y: tuple[float, float, float]
    control: bool = False


def draw_scatter(
    name: str,
    title: str,
    summary: str,
    points: Sequence[Point],
    *,
    x_name: str,
    y_name: str,
    width: float = 720,
    phrases: Phrases = ENGLISH,
) -> Drawing:
    """Points as (estimate, low, high) on both axes; labels stand in the dots, so that they never collide with lines."""
    height = min(width, 460.0) if width >= 480 else width
    x = Scale(*shares_around([edge for point in points for edge in point.x]), _LEFT, width - _EDGE)
    y = Scale(*shares_around([edge for point in points for edge in point.y]), height - _BOTTOM, _TOP)
    marks: list[Mark] = [*_draw_axes(x, y, 4 if width < 480 else 8, phrases)]
    marks += [
        Words("note", (x.start + x.end) / 2, height - 12, x_name, "middle"),
        Words("note", 0, 8, y_name),
    ]
    for point in points:
        marks += _draw_whiskers(x, y, point)
    # All dots after all lines; the best stands last and so on top.
    for point in reversed(points):
        marks += _draw_dot(x, y, point, phrases)
    return Drawing(name, title, summary, width, height, tuple(marks))


def _draw_axes(x: Scale, y: Scale, most: int, phrases: Phrases) -> list[Mark]:
    marks: list[Mark] = []
    for tick in x.round_ticks(most):
        marks.append(Line("grid", x(tick), y.start, x(tick), y.end))
        marks.append(Words("axis", x(tick), y.start + 14, phrases.share(tick), "middle"))
    for tick in y.round_ticks(most):
        marks.append(Line("grid", x.start, y(tick), x.end, y(tick)))
        marks.append(Words("axis", x.start - 8, y(tick), phrases.share(tick), "end"))
    return marks


def _draw_whiskers(x: Scale, y: Scale, point: Point) -> list[Mark]:
    across, up = x(point.x[0]), y(point.y[0])
    return [
        Line("whisker-thin", x(point.x[1]), up, x(point.x[2]), up),
        Line("whisker-thin", across, y(point.y[1]), across, y(point.y[2])),
    ]


def _draw_dot(x: Scale, y: Scale, point: Point, phrases: Phrases) -> list[Mark]:
    across, up = x(point.x[0]), y(point.y[0])
    hint = phrases.both.format(name=point.name, x=phrases.share(point.x[0], 1), y=phrases.share(point.y[0], 1))
    return [
        Dot("dot-control" if point.control else "dot", across, up, 10, hint),
        Words("dot-label", across, up, point.label, "middle"),
    ]
