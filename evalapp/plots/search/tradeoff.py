"""Recall against speed: a line for each way of searching, through what it reaches with less work and with more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evalapp.plots.marks import Dot, Drawing, Line, Mark, Trace, Words
from evalapp.plots.plot_texts import ENGLISH, Phrases
from evalapp.plots.scales import Scale, shares_around

_LEFT, _TOP, _BOTTOM, _EDGE = 56.0, 32.0, 46.0, 22.0
_STEPS = (1.0, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class Reached:
    """A share of the true answers, at so many times the speed of looking at everything."""

    speed: float
    recall: float


@dataclass(frozen=True, slots=True)
class Way:
    """One way of searching. `usual` is how it is set; `label` is short, for inside its dot; `name` is the whole."""

    label: str
    name: str
    usual: Reached
    others: tuple[Reached, ...] = ()
    chosen: bool = False


def draw_tradeoff(
    name: str,
    title: str,
    summary: str,
    ways: Sequence[Way],
    *,
    wanted: float,
    x_name: str,
    y_name: str,
    width: float = 720,
    phrases: Phrases = ENGLISH,
) -> Drawing:
    """Speed to the right, in equal steps for equal ratios; recall upwards; the dotted line is the recall asked for."""
    height = min(width, 400.0) if width >= 480 else width
    all_reached = [reached for way in ways for reached in (way.usual, *way.others)]
    x = Scale(*_speed_range([reached.speed for reached in all_reached]), _LEFT, width - _EDGE)
    recalls = [*(reached.recall for reached in all_reached), wanted]
    y = Scale(*shares_around(recalls, 0.02 if min(recalls) > 0.9 else 0.1), height - _BOTTOM, _TOP)
    marks: list[Mark] = [*_draw_axes(x, y, phrases)]
    marks += [
        Words("note", (x.start + x.end) / 2, height - 12, x_name, "middle"),
        Words("note", 0, 8, y_name),
        Line("mean", x.start, y(wanted), x.end, y(wanted)),
    ]
    for way in ways:
        points = sorted((way.usual, *way.others), key=lambda reached: reached.speed)
        marks.append(Trace("curve", tuple((x(_log_speed(reached.speed)), y(reached.recall)) for reached in points)))
        marks += [
            Dot("dot-raw", x(_log_speed(reached.speed)), y(reached.recall), 4, _reached_hint(way, reached, phrases))
            for reached in way.others
        ]
    # All dots after all lines; the first way stands last and so on top.
    for way in reversed(ways):
        across, up = x(_log_speed(way.usual.speed)), y(way.usual.recall)
        marks += [
            Dot("dot-first" if way.chosen else "dot", across, up, 10, _reached_hint(way, way.usual, phrases)),
            Words("dot-label", across, up, way.label, "middle"),
        ]
    return Drawing(name, title, summary, width, height, tuple(marks))


def _reached_hint(way: Way, reached: Reached, phrases: Phrases) -> str:
    return phrases.both.format(name=way.name, x=_times_text(reached.speed, phrases), y=phrases.share(reached.recall, 1))


def _times_text(speed: float, phrases: Phrases) -> str:
    return f"{phrases.number(speed, 0 if speed >= 10 else 1)}×"


def _log_speed(speed: float) -> float:
    return math.log10(max(speed, 1e-3))


def _speed_range(speeds: Sequence[float]) -> tuple[float, float]:
    """Both ends as powers of ten, rounded outwards to 1, 2 or 5."""
    ticks = _decade_ticks(min(speeds, default=1.0) / 5, max(speeds, default=1.0) * 5)
    low = max((tick for tick in ticks if tick <= min(speeds, default=1.0)), default=ticks[0])
    high = min((tick for tick in ticks if tick >= max(speeds, default=1.0)), default=ticks[-1])
    return (_log_speed(low), _log_speed(high)) if high > low else (_log_speed(low / 2), _log_speed(high * 2))


def _decade_ticks(low: float, high: float) -> list[float]:
    powers = range(math.floor(_log_speed(low)), math.ceil(_log_speed(high)) + 1)
    return [step * 10.0**power for power in powers for step in _STEPS]


def _draw_axes(x: Scale, y: Scale, phrases: Phrases) -> list[Mark]:
    marks: list[Mark] = []
    for tick in _decade_ticks(10**x.low, 10**x.high):
        if x.low - 1e-9 <= _log_speed(tick) <= x.high + 1e-9:
            across = x(_log_speed(tick))
            marks.append(Line("grid", across, y.start, across, y.end))
            digits = 0 if tick >= 1 else 1 if tick >= 0.1 else 2
            marks.append(Words("axis", across, y.start + 14, f"{phrases.number(tick, digits)}×", "middle"))
    for tick in y.round_ticks(6):
        marks.append(Line("grid", x.start, y(tick), x.end, y(tick)))
        marks.append(Words("axis", x.start - 8, y(tick), phrases.share(tick), "end"))
    return marks
