"""Skirts, trousers, jeans and shorts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalapp.demo.geometry import box, curve, join, points
from evalapp.demo.silhouettes.lower import (
    HEMS,
    WAIST,
    back_waist,
    both_legs,
    fly_seams,
    leg_shape,
    skirt_shape,
    waist_band,
)
from evalapp.demo.silhouettes.pieces import Button, Cut, Layer, Piece, Stroke, both_sides
from evalapp.demo.silhouettes.upper import hem_line

if TYPE_CHECKING:
    from evalapp.demo.garments import Garment

THREAD = (214, 160, 92)
LOWER = ("lower",)


def cut_skirt(garment: Garment) -> Cut:
    low = HEMS[garment.length] * garment.stretch
    reach = low - WAIST
    spread = {"a-line": 0.20, "pleated": 0.22, "pencil": -0.01, "tiered": 0.24, "buttoned": 0.15}[garment.detail]
    hem = 17.5 * garment.ease**0.5 + reach * spread * garment.flare**0.5 * garment.ease**2
    waist = 12.4
    shape = skirt_shape(WAIST, waist, max(16.4, waist + (hem - waist) * 0.4), hem, low)
    drape = {"pleated": "pleats", "pencil": "body"}.get(garment.detail, "hang")
    front: list[Layer] = [Piece(shape, "main", drape)]  # type: ignore[arg-type]
    if garment.detail == "tiered":
        front += tier_seams(waist, hem, WAIST, low, (0.42, 0.72))
    elif garment.detail == "pencil":
        front.append(Stroke(points([(5.5, low - reach * 0.24), (6.0, low + 1.0)]), 0.5, -0.1))
    elif garment.detail == "buttoned":
        front += [Button((0.0, float(y)), 1.0) for y in np.arange(WAIST + 7, low - 3, 7.5)]
        front += both_sides(Stroke(points([(1.9, WAIST + 4), (2.1, low + 1.3)]), 0.28, dashed=True))
    if garment.detail not in ("pleated", "tiered"):
        front.append(hem_line(shape, 1.8))
    front += waist_band(waist + 0.2, WAIST - 0.6, 4.4)
    return Cut(tuple(front), back_waist(waist + 0.2, WAIST - 0.6), LOWER)


def tier_seams(waist: float, hem: float, top: float, low: float, shares: tuple[float, ...]) -> tuple[Layer, ...]:
    """Seams where a gathered flounce begins."""
    seams: list[Layer] = []
    for share in shares:
        y = top + (low - top) * share
        half = waist + 3.6 + (hem - waist - 3.6) * share**0.9
        seams += [
            Stroke(curve((-half, y), (-half / 2, y + 1.1), (0, y + 1.5), (half / 2, y + 1.1), (half, y)), 0.55, -0.1),
            *[
                Stroke(points([(x, y + 1.6), (x + 0.2 * np.sign(x), y + 4.2)]), 0.3)
                for x in np.linspace(-half * 0.9, half * 0.9, max(6, int(half * 0.8)))
            ],
        ]
    return tuple(seams)


def _leg_widths(garment: Garment) -> tuple[float, float]:
    """Hip half width and full leg opening."""
    opening = {"skinny": 7.2, "tapered": 9.4, "straight": 13.0, "regular": 13.0, "loose": 17.0, "wide": 20.0}[
        garment.fit
    ]
    return 16.6 + 1.6 * (garment.ease - 1) * 6, opening * garment.flare


def cut_trousers(garment: Garment) -> Cut:
    low = HEMS[garment.length] * (1 + (garment.stretch - 1) * 0.4)
    hip, opening = _leg_widths(garment)
    shape = leg_shape(WAIST, 12.6, hip, opening, low)
    front: list[Layer] = [*both_legs(shape), *fly_seams(WAIST + 4)]
    if garment.detail == "creased":
        middle = 9.6 + opening * 0.12
        front += both_sides(Stroke(curve((7.4, WAIST + 8), (middle - 0.4, 100), (middle, low)), 0.35, -0.1))
    front += both_sides(Stroke(curve((9.4, WAIST + 4.2), (11.0, WAIST + 11), (14.6, WAIST + 15)), 0.4, -0.1))
    front += waist_band(12.8, WAIST - 0.6, 4.6)
    front += drawstring_bow(WAIST + 3) if garment.detail == "drawstring" else _belt_or_button(garment)
    return Cut(tuple(front), back_waist(12.8, WAIST - 0.6), LOWER)


def drawstring_bow(y: float) -> tuple[Layer, ...]:
    cord = (240, 234, 222)
    return (
        *both_sides(Stroke(curve((0.4, y), (1.8, y + 5), (1.4, y + 11)), 0.7, colour=cord)),
        Stroke(
            curve((0, y), (2.6, y - 1.6), (3.4, y + 1.4), (0, y), (-3.2, y + 1.6), (-2.8, y - 1.4), (0, y)),
            0.6,
            colour=cord,
        ),
    )


def _belt_or_button(garment: Garment) -> tuple[Layer, ...]:
    if garment.detail != "belted":
        return (Button((0.0, WAIST + 2.2), 1.0),)
    leather = (104, 68, 48) if sum(garment.base) > 240 else (176, 128, 84)
    band = points([(-13.0, WAIST + 0.4), (0, WAIST + 1.5), (13.0, WAIST + 0.4)])
    return (
        Stroke(band, 3.0, colour=leather),
        Stroke(box(-1.9, WAIST - 0.6, 1.9, WAIST + 3.4)[[0, 1, 2, 3, 0]], 0.6, colour=(206, 178, 112)),
    )


def cut_jeans(garment: Garment) -> Cut:
    low = HEMS[garment.length] * (1 + (garment.stretch - 1) * 0.4)
    hip, opening = _leg_widths(garment)
    shape = leg_shape(WAIST, 12.6, hip, opening, low)
    front: list[Layer] = [*both_legs(shape), *fly_seams(WAIST + 4), *_denim_seams(hip, opening, low)]
    middle = 9.6 + opening * 0.12
    if garment.detail == "ripped":
        front += both_sides(_frayed_knee(middle - 0.5, 104.0))
        front.append(_frayed_knee(middle - 3.5, 82.0))
    if garment.detail == "turn-ups":
        half = opening * 0.5 + 0.7
        front += both_sides(
            Piece(box(middle - half, low - 4.5, middle + half, low + 0.9), "accent", "still", lift=0.6, tone=1.35)
        )
    front += waist_band(12.8, WAIST - 0.6, 4.4)
    front += [
        *both_sides(Piece(box(7.2, WAIST - 0.9, 8.6, WAIST + 4.8), "main", "still", lift=0.3)),
        Button((0.0, WAIST + 2.1), 1.05, (200, 172, 120)),
    ]
    return Cut(tuple(front), back_waist(12.8, WAIST - 0.6), LOWER)


def _denim_seams(hip: float, opening: float, low: float) -> tuple[Layer, ...]:
    """Scoop pockets, yellow thread, a coin pocket and stitched hems."""
    middle = 9.6 + opening * 0.12
    scoop = curve((7.6, WAIST + 4.4), (8.4, WAIST + 9.4), (11.6, WAIST + 12.0), (hip - 1.2, WAIST + 12.2))
    hem = points([(middle - opening * 0.46, low - 2.2), (middle + opening * 0.46, low - 2.4)])
    return (
        *both_sides(Stroke(scoop, 0.45, -0.1)),
        *both_sides(Stroke(scoop + np.array([-0.2, 1.0]), 0.3, colour=THREAD, dashed=True)),
        *both_sides(Stroke(hem, 0.3, colour=THREAD, dashed=True)),
        Stroke(curve((3.4, WAIST + 4), (3.2, WAIST + 16), (0.3, WAIST + 22)), 0.3, colour=THREAD, dashed=True),
    )


def _frayed_knee(x: float, y: float) -> Piece:
    """A torn knee, white threads across."""
    tear = join(
        curve((x - 3.4, y), (x, y - 1.6), (x + 3.2, y - 0.2)), curve((x + 3.0, y + 0.6), (x, y + 1.9), (x - 3.4, y))
    )
    return Piece(tear, "accent", "still", tone=1.5, edge=0.6)


def cut_shorts(garment: Garment) -> Cut:
    low = {"mini": 79.0, "knee": 93.0}[garment.length] * (1 + (garment.stretch - 1) * 0.3)
    hip, _ = _leg_widths(garment)
    opening = (15.5 if garment.fit == "regular" else 18.0) * garment.flare**0.5
    shape = leg_shape(WAIST, 12.6, hip, opening, low)
    middle = 9.6 + opening * 0.06
    front: list[Layer] = [*both_legs(shape), *fly_seams(WAIST + 4)]
    front += both_sides(Stroke(curve((9.4, WAIST + 4.2), (11.0, WAIST + 11), (14.8, WAIST + 15)), 0.4, -0.1))
    if garment.detail == "turn-ups":
        half = opening * 0.5 + 0.5
        front += both_sides(
            Piece(box(middle - half, low - 4.0, middle + half, low + 0.8), "main", "still", lift=0.6, tone=1.05)
        )
    else:
        front += both_sides(
            Stroke(
                points([(middle - opening * 0.46, low - 1.6), (middle + opening * 0.5, low - 1.9)]), 0.28, dashed=True
            )
        )
    front += waist_band(12.8, WAIST - 0.6, 4.4)
    front += drawstring_bow(WAIST + 3) if garment.detail == "drawstring" else _belt_or_button(garment)
    return Cut(tuple(front), back_waist(12.8, WAIST - 0.6), LOWER)
