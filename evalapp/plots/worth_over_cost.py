"""What something is worth against what it costs: shares with intervals over a logarithmic cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evalapp.plots.marks import Dot, Drawing, Line, Mark, Words
from evalapp.plots.plot_texts import ENGLISH, Phrases
from evalapp.plots.scales import Scale

_LEFT, _TOP, _RIGHT, _FOOT = 56.0, 48.0, 48.0, 48.0
_SMALLEST, _LARGEST = 4.0, 18.0


@dataclass(frozen=True, slots=True)
class Priced:
    """`worth` as (share, low, high); `cost` above 0; `size` is the dot's area; hollow where not `affordable`."""

    name: str
    cost: float
    worth: tuple[float, float, float]
    size: float = 0.0
    affordable: bool = True


def worth_over_cost(
    name: str,
    title: str,
    summary: str,
    points: Sequence[Priced],
    *,
    floors: Sequence[tuple[str, float]] = (),
    cost_name: str,
    worth_name: str,
    note: str = "",
    width: float = 640,
    height: float = 400,
    phrases: Phrases = ENGLISH,
) -> Drawing:
    """Dots over a cost that grows by factors; `floors` (name, share) are dashed lines that everything has to beat."""
    paid = [point.cost for point in points] or [1.0]
    cheapest, dearest = min(paid) / 1.5, max(paid) * 1.5
    x = Scale(math.log(cheapest), math.log(dearest), _LEFT, width - _RIGHT)
    y = Scale(0.0, 1.0, height - _FOOT, _TOP)
    largest = max((point.size for point in points), default=0.0) or 1.0
    marks: list[Mark] = []
    for tick in y.round_ticks(4):
        marks.append(Line("grid", x.start, y(tick), x.end, y(tick)))
        marks.append(Words("axis", x.start - 8, y(tick), phrases.share(tick), "end"))
    marks.append(Words("axis", x.start, height - 24, f"{cheapest:.2g}"))
    marks.append(Words("axis", x.end, height - 24, f"{dearest:.2g} {cost_name}", "end"))
    marks.append(Words("note", 0, 12, worth_name))
    if note:
        marks.append(Words("note", width, 12, note, "end"))
    for floor, share in floors:
        marks.append(Line("mean", x.start, y(share), x.end, y(share)))
        marks.append(Words("note", x.end, y(share) - 10, floor, "end"))
    for point in points:
        across, (share, low, high) = x(math.log(point.cost)), point.worth
        radius = _SMALLEST + (_LARGEST - _SMALLEST) * math.sqrt(point.size / largest)
        hint = phrases.interval.format(
            name=point.name, share=phrases.share(share, 1), low=phrases.share(low, 1), high=phrases.share(high, 1)
        )
        marks.append(Line("whisker-thin", across, y(low), across, y(high)))
        marks.append(Dot("dot-first" if point.affordable else "dot-raw", across, y(share), radius, hint))
        marks.append(Words("name", across, y(high) - 12, point.name, "middle"))
    return Drawing(name, title, summary, width, height, tuple(marks))
