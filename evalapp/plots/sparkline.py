"""A line as small as a word: how a number went lately."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH, HEIGHT = 120.0, 24.0


def sparkline_points(values: Sequence[float]) -> str:
    """The points of a polyline in a box of 120 x 24, from 0 at the bottom to the largest value at the top."""
    if len(values) < 2:
        return ""
    most = max(*values, 1e-9)
    step = WIDTH / (len(values) - 1)
    points = ((place * step, HEIGHT - 1 - (HEIGHT - 2) * value / most) for place, value in enumerate(values))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
