"""Pictures as points on a plane, one colour per group."""

from __future__ import annotations

from collections.abc import Iterable

from evalapp.plots.marks import Dot, Drawing

COLOURS = 8
"""So many groups have a colour of their own; the ninth has that of the first."""


def point_cloud(
    name: str, title: str, summary: str, points: Iterable[tuple[float, float, int]], *, side: float = 200
) -> Drawing:
    """Points (x, y, group) with x and y from -1 to 1, y upwards, on a square; group n has the role `group-n`."""
    half = side / 2
    marks = tuple(
        Dot(f"group-{group % COLOURS}", half + 0.96 * half * x, half - 0.96 * half * y, side * 0.014)
        for x, y, group in points
    )
    return Drawing(name, title, summary, side, side, marks)
