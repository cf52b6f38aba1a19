"""Sweaters, cardigans and hoodies: ribs at every edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalapp.demo.garments import has_chest_print
from evalapp.demo.geometry import Points, box, curve, join, points, ribbon, symmetric_outline
from evalapp.demo.silhouettes.pieces import Button, Cut, Decal, Layer, Piece, Stroke, both_sides
from evalapp.demo.silhouettes.upper import armhole_seams, back_neck, bodice_outline, both_sleeves, neck_band, neck_curve

if TYPE_CHECKING:
    from evalapp.demo.garments import Garment

LOW = {"cropped": 51.0, "regular": 63.0, "long": 84.0}


def _body_and_sleeves(garment: Garment, neck: Points) -> tuple[Points, float, tuple[Layer, ...]]:
    """The knitted body above its rib, the rib's upper edge, and sleeves with their cuffs."""
    ease, low = garment.ease * 1.06, LOW[garment.length] * garment.stretch
    armpit = (15.6 * ease, 24.0)
    body = bodice_outline(
        neck, [(15.8 * ease, low * 0.66), (16.0 * ease, low - 5.0), (14.8 * ease, low - 1.5)], armpit=armpit, dip=0.8
    )
    return body, low, both_sleeves("long", ease * 1.12, cuff=5.2, cuff_cloth="rib")


def _hem_rib(garment: Garment, low: float, depth: float = 6.0) -> Piece:
    ease = garment.ease * 1.06
    side = curve((15.6 * ease, low - 4.6), (14.8 * ease, low - 1.5), (14.4 * ease, low + depth - 4.6))
    bottom = curve((14.4 * ease, low + depth - 4.6), (7, low + depth - 3.8), (0.0, low + depth - 3.6))
    top = curve((0.0, low - 3.6), (8, low - 3.9), (15.6 * ease, low - 4.6))
    return Piece(symmetric_outline(join(top, side, bottom[1:])), "rib", "still", edge=0.9, lift=0.2)


def cut_sweater(garment: Garment) -> Cut:
    kind = garment.neckline
    neck = neck_curve(kind)
    body, low, arms = _body_and_sleeves(garment, neck)
    front: list[Layer] = [
        *arms,
        Piece(body),
        *armhole_seams(armpit=(15.6 * garment.ease * 1.06, 24.0)),
        _hem_rib(garment, low),
    ]
    back = back_neck(neck, band=2.4)
    if kind == "turtleneck":
        front += _roll_neck()
        back = ()
    else:
        front.append(neck_band(neck, 2.4))
    if has_chest_print(garment):
        front.append(Decal((0.0, 31.0), 10.0))
    return Cut(tuple(front), back)


def _roll_neck() -> tuple[Layer, ...]:
    """A turned-down tube around the neck."""
    tube = symmetric_outline(
        join(
            curve((0.0, -7.4), (5.0, -7.6), (6.9, -8.2)),
            curve((7.4, -5), (7.6, -1.4)),
            curve((7.0, 0.6), (4.5, 2.4), (0.0, 3.2)),
        )
    )
    rim = symmetric_outline(join(curve((0.0, -9.2), (5.0, -9.0), (6.9, -8.2)), curve((6.0, -7.7), (0.0, -7.2))))
    return (Piece(rim, "lining", "still", tone=0.7), Piece(tube, "rib", "still", lift=0.7))


def cut_cardigan(garment: Garment) -> Cut:
    neck = neck_curve("lapel" if garment.neckline == "v-neck" else "crew")
    body, low, arms = _body_and_sleeves(garment, neck)
    start = float(neck[0, 1])
    band = _button_band(neck, low)
    buttons = [Button((0.0, float(y)), 1.1) for y in np.arange(start + 3.5, low + 0.5, 8.0)]
    front: list[Layer] = [
        *arms,
        Piece(body),
        *armhole_seams(armpit=(15.6 * garment.ease * 1.06, 24.0)),
        _hem_rib(garment, low),
        *band,
        *buttons,
    ]
    if garment.detail == "pockets":
        front += both_sides(Piece(box(4.5, low - 18, 12.5, low - 7.5), "main", "still", lift=0.4, edge=0.5))
        front += both_sides(Piece(box(4.5, low - 19, 12.5, low - 16.6), "rib", "still", lift=0.3, edge=0.4))
    return Cut(tuple(front), back_neck(neck, band=2.0))


def _button_band(neck: Points, low: float) -> tuple[Layer, ...]:
    """The ribbed front band, up along the neckline to both shoulders."""
    strip = points([(-1.9, neck[0, 1]), (1.9, neck[0, 1]), (1.9, low + 2), (-1.9, low + 2)])
    collar = ribbon(neck + np.array([0.4, 0.6]), [1.7] * len(neck))
    return (
        *both_sides(Piece(collar, "rib", "still", grain=-15, lift=0.5, edge=0.5)),
        Piece(strip, "rib", "still", grain=90, lift=0.4, edge=0.4),
    )


def cut_hoodie(garment: Garment) -> Cut:
    neck = neck_curve("hood")
    body, low, arms = _body_and_sleeves(garment, neck)
    front: list[Layer] = [
        *arms,
        Piece(body),
        *armhole_seams(armpit=(15.6 * garment.ease * 1.06, 24.0)),
        _hem_rib(garment, low),
    ]
    if garment.detail == "zip":
        front += _zip_line(float(neck[0, 1]), low + 2)
        front += both_sides(Stroke(curve((5.0, low - 7), (10.5, low - 19)), 0.5))
    else:
        front.append(_pouch_pocket(low))
        if has_chest_print(garment):
            front.append(Decal((0.0, 25.5), 7.5))
    front += _hood_front()
    return Cut(tuple(front), _hood_back())


def _pouch_pocket(low: float) -> Piece:
    half = points([(0, low - 21), (6.2, low - 21), (11.0, low - 10.5), (11.0, low - 5), (0, low - 4.4)])
    return Piece(symmetric_outline(half), "main", "still", lift=0.5, edge=0.5)


def _zip_line(top: float, low: float) -> tuple[Layer, ...]:
    return (
        Stroke(points([(0.0, top), (0.0, low)]), 1.3, -0.1),
        Stroke(points([(0.0, top), (0.0, low)]), 0.5, colour=(206, 202, 192), dashed=True),
        Button((0.0, top + 2.4), 0.8, (196, 190, 178)),
    )


def _hood_back() -> tuple[Layer, ...]:
    """The hood as it stands behind the head: its dark inside and the arch of its rim."""
    rim = curve(
        (0.0, 8.0), (5.0, 7.4), (10.0, 4.6), (12.4, 0.0), (11.6, -6.4), (7.8, -11.8), (2.5, -14.0), (0.0, -14.2)
    )
    inside = curve((0.0, -11.5), (5.2, -10.6), (8.8, -6.5), (9.4, -1.0), (8.2, 3.0), (4.0, 7.0), (0.0, 8.5))
    return (
        Piece(symmetric_outline(rim[::-1]), "solid", "body"),
        Piece(symmetric_outline(inside), "lining", "still", tone=0.62),
    )


def _hood_front() -> tuple[Layer, ...]:
    """The two ends of the hood that cross below the chin, and the cords."""
    outer = curve((0.0, 10.4), (5.0, 9.6), (9.8, 6.0), (12.4, 0.6))
    inner = curve((9.2, -1.6), (7.2, 3.0), (3.4, 6.4), (0.0, 7.8))
    cords = both_sides(Stroke(curve((2.6, 8.2), (3.2, 14.0), (2.7, 21.0)), 0.75, colour=(238, 232, 220)))
    return (*both_sides(Piece(join(outer, inner), "solid", "body", lift=0.6)), *cords)
