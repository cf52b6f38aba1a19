"""What a drawing consists of: marks with a place and a role. How a role looks is told by the page's CSS or, for a
file that stands alone, by `looks`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Line:
    """From (`x1`, `y1`) to (`x2`, `y2`)."""

    role: str
    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; `hint` is read out and shown when pointed at."""

    role: str
    x: float
    y: float
    width: float
    height: float
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Dot:
    """A circle around (`x`, `y`)."""

    role: str
    x: float
    y: float
    radius: float
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """A line through points, or with `closed` the area inside them."""

    role: str
    points: tuple[tuple[float, float], ...]
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """Text at (`x`, `y`), the middle of its height."""

    role: str
    x: float
    y: float
    text: str
    anchor: Anchor = "start"


Mark = Line | Box | Dot | Trace | Words


@dataclass(frozen=True, slots=True)
class Drawing:
    """Marks on a sheet of `width` × `height` pixels; `title` and `summary` are for those who cannot see it."""

    name: str
    title: str
    summary: str
    width: float
    height: float
    marks: tuple[Mark, ...] = field(default=())
