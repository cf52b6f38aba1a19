"""The half of a garment below the waist: skirts and legs, shared with dresses and jumpsuits."""

from __future__ import annotations

from typing import Final

from evalapp.demo.geometry import Points, curve, join, points, symmetric_outline
from evalapp.demo.silhouettes.pieces import Cloth, Layer, Piece, Stroke, both_sides

WAIST: Final = 42.0
HIP: Final = 60.0
CROTCH: Final = 71.0
HEMS: Final = {"mini": 86.0, "knee": 92.0, "midi": 114.0, "maxi": 143.0, "cropped": 136.0, "long": 152.0}
"""Where a length ends, in units below the neck."""


def skirt_shape(top: float, waist: float, hip: float, hem: float, low: float, dip: float = 1.6) -> Points:
    """A skirt from half width `waist` at `top` over `hip` (at the hip line) to half width `hem` at `low`."""
    reach = max(low - top, 1.0)
    at_hip = min(18.0, reach * 0.42)
    below = low - top - at_hip
    side = curve(
        (waist, top),
        (waist + (hip - waist) * 0.6, top + at_hip * 0.5),
        (hip, top + at_hip),
        (hip + (hem - hip) * 0.5, top + at_hip + below * 0.5),
        (hem, low),
    )
    bottom = curve((hem, low), (hem * 0.55, low + dip * 0.75), (0.0, low + dip))
    return symmetric_outline(join(points([(0.0, top + 0.5)]), side, bottom[1:]))


def leg_shape(top: float, waist: float, hip: float, hem: float, low: float) -> Points:
    """The right trouser leg with its half of the seat; `hem` is the full width of the leg opening."""
    span = low - CROTCH
    middle = 9.6 + hem * (0.12 if span > 30 else 0.06)
    outer_hem, inner_hem = middle + hem * 0.5, max(0.9, middle - hem * 0.5)
    seat = [(waist, top), (hip * 0.97, HIP - 6), (hip + 0.3, HIP + 6)]
    knee = CROTCH + span * 0.46
    taper = 0.5 if hem > 11 else 0.42
    outer = (
        curve(*seat, (hip + (outer_hem - hip) * taper - 0.2, knee), (outer_hem, low))
        if span > 30
        else curve(*seat, (outer_hem, low))
    )
    inner_knee = (1.6 + (inner_hem - 1.6) * (0.5 if hem > 11 else 0.62), knee)
    inside = [(1.1, CROTCH + 6), (0.0, CROTCH - 1)]
    inner = curve((inner_hem, low + 0.6), *([inner_knee] if span > 30 else []), *inside)
    bottom = curve((outer_hem, low), (middle, low + 0.9), (inner_hem, low + 0.6))
    return join(points([(0.0, top + 0.5)]), outer, bottom[1:-1], inner)


def waist_band(half_width: float, top: float, depth: float, cloth: Cloth = "main") -> tuple[Layer, ...]:
    """A band around the waist, a little curved as a body is round."""
    upper = curve((half_width, top), (half_width * 0.5, top + 0.55), (0.0, top + 0.7))
    lower = curve((half_width + 0.5, top + depth), (half_width * 0.5, top + depth + 0.6), (0.0, top + depth + 0.8))
    outline = symmetric_outline(join(upper[::-1], lower))
    return (Piece(outline, cloth, "still", lift=0.5, edge=0.6),)


def back_waist(half_width: float, top: float) -> tuple[Layer, ...]:
    """The inside of the back of the waist, seen through the opening."""
    rim = curve((half_width, top), (half_width * 0.6, top - 1.0), (0.0, top - 1.3))
    front = curve((0.0, top + 1.2), (half_width * 0.5, top + 1.0), (half_width, top))
    return (Piece(symmetric_outline(join(rim[::-1], front[::-1])), "lining", "still", tone=0.72),)


def both_legs(shape: Points) -> tuple[Layer, ...]:
    """Both legs; the viewer's left one lies on top at the seat seam."""
    return both_sides(Piece(shape, "main", "leg"))


def fly_seams(top: float) -> tuple[Layer, ...]:
    """The stitched curve beside the zip, and the seat seam below it."""
    seam = curve((0.0, top), (0.1, CROTCH - 2))
    stitch = curve((3.2, top), (3.0, top + 12), (1.8, top + 16.5), (0.2, top + 18))
    return (Stroke(seam, 0.4), Stroke(stitch, 0.28, dashed=True))
