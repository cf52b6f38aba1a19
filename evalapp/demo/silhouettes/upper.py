"""The half of a garment above the waist: necklines, bodices and sleeves that shirts, knits, coats and dresses share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from evalapp.demo.geometry import XY, Points, curve, join, points, shift_points, symmetric_outline
from evalapp.demo.silhouettes.pieces import Cloth, Drape, Layer, Piece, Stroke, both_sides

if TYPE_CHECKING:
    from collections.abc import Sequence

ARM: Final = points([(16.2, 5.5), (17.8, 13.0), (24.6, 40.0), (28.6, 66.0)])
"""Shoulder, upper arm, elbow and wrist of the (viewer's) right arm: sleeves and the painted figure share it."""

NECKS: Final[dict[str, tuple[float, float]]] = {
    "crew": (7.6, 6.0),
    "scoop": (9.6, 14.0),
    "v-neck": (8.2, 18.0),
    "boat": (12.5, 3.8),
    "square": (10.0, 14.0),
    "turtleneck": (6.6, 2.5),
    "collar": (7.2, 5.0),
    "lapel": (7.2, 26.0),
    "hood": (8.0, 7.5),
    "": (7.6, 6.0),
}
"""Half width at the shoulder and depth at the middle."""


def shoulder_y(x: float) -> float:
    """The slope of the shoulder seam."""
    return -1.0 + (abs(x) - 7.0) * 0.47


def neck_curve(kind: str) -> Points:
    """The right half of a neckline, from the front middle up to the shoulder."""
    width, depth = NECKS[kind]
    top = shoulder_y(width)
    if kind in ("v-neck", "lapel"):
        return curve((0.0, depth), (width * 0.45, depth * 0.5 + top * 0.5 + 0.6), (width, top))
    if kind == "square":
        return join(curve((0.0, depth), (width - 1.4, depth - 0.4)), points([(width - 0.6, depth - 4), (width, top)]))
    drop = depth - top
    return curve(
        (0.0, depth),
        (width * 0.42, depth - drop * 0.08),
        (width * 0.76, depth - drop * 0.33),
        (width * 0.95, depth - drop * 0.68),
        (width, top),
    )


def bodice_outline(
    neck: Points, side: Sequence[XY], *, shoulder: float = 19.0, armpit: XY = (15.5, 22.0), dip: float = 1.2
) -> Points:
    """A closed outline: neckline, shoulder, armhole, then the `side` points down to the hem; `dip` rounds the hem."""
    tip = (shoulder, shoulder_y(shoulder) + 0.5)
    armhole = curve(tip, (tip[0] * 0.4 + armpit[0] * 0.6 - 1.4, (tip[1] + armpit[1]) / 2 + 1.5), armpit)
    flank = curve(armpit, *side)
    hem_x, hem_y = side[-1]
    hem = curve((hem_x, hem_y), (hem_x * 0.55, hem_y + dip * 0.8), (0.0, hem_y + dip))
    return symmetric_outline(join(neck, armhole, flank[1:], hem[1:]))


def back_neck(neck: Points, *, band: float = 0.0) -> tuple[Layer, ...]:
    """The inside of the back, seen through the neckline, with its label and the back of a neck band."""
    width, top = neck[-1]
    low = top + min(3.2, 0.35 * width)
    rim = curve((0.0, low), (width * 0.5, low - 0.5), (width * 0.92, top + 0.4), (width, top))
    inside = symmetric_outline(join(rim, neck[::-1]))
    label = points([(-2.0, low + 0.5), (2.0, low + 0.5), (2.0, low + 3.0), (-2.0, low + 3.0)])
    layers: list[Layer] = [Piece(inside, "lining", "still", tone=0.74)]
    if neck[0][1] - low > 2.5:
        layers.append(Piece(label, "accent", "still", tone=1.05, edge=0.2))
    if band:
        layers.append(
            Piece(
                symmetric_outline(
                    join(shift_points(rim, (0.0, -band * 0.45)), shift_points(rim, (0.0, band * 0.75))[::-1])
                ),
                "rib",
                "still",
                tone=0.82,
                edge=0.4,
            )
        )
        return tuple(layers)
    layers.append(Stroke(join(rim[::-1] * np.array([-1.0, 1.0]), rim), 0.5, -0.1))
    return tuple(layers)


def neck_band(neck: Points, width: float = 1.5, cloth: Cloth = "rib") -> Piece:
    """A ribbed band that follows the neckline from shoulder to shoulder."""
    edge = join(neck[::-1] * np.array([-1.0, 1.0]), neck[1:])
    steps = np.gradient(edge, axis=0)
    steps /= np.maximum(np.hypot(steps[:, 0], steps[:, 1]), 1e-9)[:, None]
    outward = np.column_stack([-steps[:, 1], steps[:, 0]])
    return Piece(join(edge, (edge + outward * width)[::-1]), cloth, "still", lift=0.5, edge=0.5)


def _along_arm(distance: float) -> XY:
    legs = np.hypot(*np.diff(ARM, axis=0).T)
    distances = np.concatenate([[0.0], np.cumsum(legs)])
    return float(np.interp(distance, distances, ARM[:, 0])), float(np.interp(distance, distances, ARM[:, 1]))


SLEEVES: Final[dict[str, tuple[tuple[float, float], ...]]] = {
    "short": ((6, 6.2), (12, 6.5), (19, 6.9)),
    "puff": ((3, 8.0), (9, 9.6), (15, 8.2), (18.5, 5.4)),
    "three-quarter": ((6, 6.0), (20, 5.4), (34, 4.9), (44, 5.2)),
    "long": ((6, 6.0), (20, 5.4), (36, 4.7), (50, 4.1), (60, 3.7)),
    "balloon": ((6, 6.2), (20, 6.4), (38, 7.6), (50, 8.0), (56, 6.4), (59, 3.4)),
}
"""Distance along the arm and half width there, for a garment of ease 1."""


def sleeve_shape(kind: str, ease: float, shoulder: float = 19.0) -> tuple[Points, Points]:
    """The outer and the inner edge of the right sleeve, from the shoulder down; the bodice hides where they start."""
    outer: list[XY] = [(shoulder - 0.4, shoulder_y(shoulder) + 0.6)]
    inner: list[XY] = [(9.0, 12.0)]
    for distance, half_width in SLEEVES[kind]:
        (x, y), (ahead_x, ahead_y) = _along_arm(distance), _along_arm(distance + 1.0)
        dx, dy = ahead_x - x, ahead_y - y
        reach = half_width * (1 + (ease - 1) * 0.8) / float(np.hypot(dx, dy))
        outer.append((x + dy * reach, y - dx * reach))
        inner.append((x - dy * reach, y + dx * reach))
    return curve(*outer), curve(*inner)


def both_sleeves(
    kind: str, ease: float, *, cuff: float = 0.0, cuff_cloth: Cloth = "rib", shoulder: float = 19.0
) -> tuple[Layer, ...]:
    """Both sleeves of a kind, with cuffs `cuff` units deep; nothing for the sleeveless kinds."""
    if kind not in SLEEVES:
        return ()
    outer_edge, inner_edge = sleeve_shape(kind, ease, shoulder)
    grain = 11.0 if kind in ("short", "puff") else 9.5
    drape: Drape = "gathers" if kind in ("puff", "balloon") else "arm"
    arms = both_sides(Piece(join(outer_edge, inner_edge[::-1]), "main", drape, grain=-grain))
    opening = np.vstack([outer_edge[-1], inner_edge[-1]])
    down = (outer_edge[-1] - outer_edge[-4] + inner_edge[-1] - inner_edge[-4]) / 2
    down /= np.hypot(*down)
    if not cuff:
        return (*arms, *both_sides(Stroke(opening - down * 1.7, 0.25)))
    band = join(opening - down * cuff * 0.25, (opening + down * cuff * 0.8)[::-1])
    return (*arms, *both_sides(Piece(band, cuff_cloth, "still", grain=-grain, edge=0.6, lift=0.4)))


def cami_neck(kind: str) -> Points:
    """The right half of the neckline of a garment on thin straps, up to where the strap begins."""
    if kind == "v-neck":
        return curve((0.0, 18.0), (4.4, 13.6), (8.8, 9.4))
    if kind == "square":
        return points([(0.0, 11.2), (8.8, 11.0)])
    return curve((0.0, 14.0), (4.4, 13.0), (7.4, 11.0), (8.8, 8.8))


def cami_outline(kind: str, side: Sequence[XY], *, armpit: XY, dip: float = 1.2) -> Points:
    """A bodice that hangs on two thin straps."""
    neck, top = cami_neck(kind), shoulder_y(9.6)
    strap = points([(9.4, top + 1), (9.6, top), (11.2, top + 0.7), (11.1, 8.6)])
    armhole = curve((11.1, 9.0), (12.2, 15.0), (armpit[0], armpit[1] - 1))
    flank = curve(armpit, *side)
    hem = curve(side[-1], (side[-1][0] * 0.55, side[-1][1] + dip * 0.8), (0.0, side[-1][1] + dip))
    return symmetric_outline(join(neck, strap, armhole, flank, hem[1:]))


def cami_back() -> tuple[Layer, ...]:
    """The inside of a strappy back: a band across the shoulder blades and the ends of the straps."""
    band = symmetric_outline(join(curve((0.0, 11.5), (6.0, 10.6), (11.0, 9.6)), points([(12.6, 19.0), (0.0, 19.5)])))
    return (Piece(band, "lining", "still", tone=0.72),)


def armhole_seams(shoulder: float = 19.0, armpit: XY = (15.5, 22.0)) -> tuple[Layer, ...]:
    tip = (shoulder, shoulder_y(shoulder) + 0.5)
    line = curve(tip, (tip[0] * 0.4 + armpit[0] * 0.6 - 1.4, (tip[1] + armpit[1]) / 2 + 1.5), armpit)
    return both_sides(Stroke(line, 0.3))


def hem_line(outline: Points, up: float = 1.8, *, dashed: bool = False) -> Stroke:
    """A stitch row parallel to the hem, `up` units above it."""
    lowest = float(outline[:, 1].max())
    near = outline[(outline[:, 1] > lowest - 4.0)]
    order = near[np.argsort(near[:, 0])]
    return Stroke(order * np.array([0.985, 1.0]) - np.array([0.0, up]), 0.25, dashed=dashed)
