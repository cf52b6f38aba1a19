"""Several measures over the same steps, such as losses over epochs, on one pair of axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalapp.plots.marks import Drawing, Line, Mark, Trace, Words
from evalapp.plots.plot_texts import ENGLISH, Phrases
from evalapp.plots.scales import Scale

STYLES = 5
"""So many lines look different; the sixth looks like the first."""

_LEFT, _TOP, _RIGHT, _FOOT = 40.0, 10.0, 8.0, 26.0


def draw_series(
    name: str,
    title: str,
    summary: str,
    lines: Mapping[str, Sequence[tuple[int, float]]],
    *,
    step_name: str,
    width: float = 360,
    height: float = 190,
    phrases: Phrases = ENGLISH,
) -> Drawing:
    """One line of (step, value) per measure, zero always on the axis; the n-th has the role `series-n`."""
    points = [point for line in lines.values() for point in line]
    steps, values = [step for step, _ in points], [value for _, value in points]
    x = Scale(min(steps, default=0), max(steps, default=1), _LEFT, width - _RIGHT)
    y = Scale(min([0.0, *values]), max(values, default=1.0), height - _FOOT, _TOP)
    marks: list[Mark] = []
    for tick in y.round_ticks(4):
        marks.append(Line("grid", x.start, y(tick), x.end, y(tick)))
        marks.append(Words("axis", x.start - 6, y(tick), phrases.number(tick, 2), "end"))
    marks.append(Words("axis", x.start, height - 10, f"{step_name} {x.low:.0f}"))
    marks.append(Words("axis", x.end, height - 10, f"{x.high:.0f}", "end"))
    marks += [
        Trace(f"series-{number % STYLES}", tuple((x(step), y(value)) for step, value in line))
        for number, line in enumerate(lines.values())
    ]
    return Drawing(name, title, summary, width, height, tuple(marks))
