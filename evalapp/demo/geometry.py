"""Curves and frames. Garments are cut in *units*: a body 185 units tall, its neck at (0, 0), y downwards."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Points = NDArray[np.float64]
"""Shape (n, 2): x to the right, y downwards."""

XY = tuple[float, float]


def points(pairs: Iterable[XY]) -> Points:
    return np.array(list(pairs), dtype=np.float64).reshape(-1, 2)


def curve(*through: XY, steps: int = 10) -> Points:
    """A smooth open curve through all points (uniform Catmull-Rom, `steps` samples per span)."""
    knots = points(through)
    if len(knots) < 3:
        return knots
    padded = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    t = np.linspace(0.0, 1.0, steps, endpoint=False)[:, None]
    spans = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(padded[:-3], padded[1:-2], padded[2:-1], padded[3:], strict=True)
    ]
    return np.vstack([*spans, knots[-1:]])


def join(*parts: Points) -> Points:
    return np.vstack(parts)


def mirror_points(half: Points) -> Points:
    """The same points on the other side of the body's middle."""
    return np.asarray(half * np.array([-1.0, 1.0]), dtype=np.float64)


def shift_points(shape: Points, by: XY) -> Points:
    return np.asarray(shape + np.array(by), dtype=np.float64)


def symmetric_outline(half: Points) -> Points:
    """A closed outline from its right half, drawn from the top middle down to the bottom middle."""
    return np.vstack([half, mirror_points(half)[::-1]])


def ellipse(centre: XY, rx: float, ry: float, *, start: float = 0.0, end: float = 360.0, steps: int = 32) -> Points:
    """Part of an ellipse; degrees, 0 to the right and 90 downwards."""
    angle = np.radians(np.linspace(start, end, steps))
    return np.column_stack([centre[0] + rx * np.cos(angle), centre[1] + ry * np.sin(angle)])


def box(x1: float, y1: float, x2: float, y2: float) -> Points:
    return points([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])


def ribbon(axis: Points, half_widths: Sequence[float]) -> Points:
    """The outline of a strip that follows `axis`, as wide at each axis point as the matching half width says."""
    tangent = np.gradient(axis, axis=0)
    tangent /= np.maximum(np.hypot(tangent[:, 0], tangent[:, 1]), 1e-9)[:, None]
    across = np.column_stack([tangent[:, 1], -tangent[:, 0]]) * np.asarray(half_widths)[:, None]
    return np.vstack([axis + across, (axis - across)[::-1]])


def turn_points(shape: Points, degrees: float, about: XY) -> Points:
    angle = math.radians(degrees)
    rotation = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return np.asarray((shape - np.array(about)) @ rotation + np.array(about), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Frame:
    """Which part of the plane a drawing shows, and how large: `scale` pixels per unit, corner at (left, top) units."""

    scale: float
    left: float
    top: float
    width: int
    height: int

    def to_pixels(self, shape: Points) -> Points:
        return np.asarray((shape - np.array([self.left, self.top])) * self.scale, dtype=np.float64)

    def to_pairs(self, shape: Points) -> list[XY]:
        """Pixel pairs in the form that Pillow draws."""
        return [(float(x), float(y)) for x, y in self.to_pixels(shape)]

    def to_pixel(self, x: float, y: float) -> XY:
        return ((x - self.left) * self.scale, (y - self.top) * self.scale)
