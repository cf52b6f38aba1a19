"""Knitted cotton: t-shirts and tank tops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalapp.demo.garments import has_chest_print
from evalapp.demo.geometry import points
from evalapp.demo.silhouettes.pieces import Cloth, Cut, Decal, Layer, Piece, Stroke, both_sides
from evalapp.demo.silhouettes.upper import (
    armhole_seams,
    back_neck,
    bodice_outline,
    both_sleeves,
    cami_back,
    cami_neck,
    cami_outline,
    hem_line,
    neck_band,
    neck_curve,
)

if TYPE_CHECKING:
    from evalapp.demo.garments import Garment


def cut_t_shirt(garment: Garment) -> Cut:
    ease, low = garment.ease, (50.0 if garment.length == "cropped" else 64.0) * garment.stretch
    neck = neck_curve(garment.neckline)
    body = bodice_outline(
        neck, [(14.6 * ease, low * 0.66), (15.4 * ease * garment.flare**0.5, low)], armpit=(15.4 * ease, 22)
    )
    trim: Cloth = "accent" if garment.detail == "ringer" else "rib"
    front: list[Layer] = [
        *both_sleeves("short", ease * 1.02, cuff=1.6 if trim == "accent" else 0.0, cuff_cloth="accent"),
        Piece(body),
        *armhole_seams(armpit=(15.4 * ease, 22)),
        neck_band(neck, 1.7, trim),
        hem_line(body),
    ]
    if has_chest_print(garment):
        front.append(Decal((0.0, 27.0), 9.5))
    elif garment.detail == "pocket":
        front += chest_pocket(8.0, 21.0, 7.5)
    return Cut(tuple(front), back_neck(neck, band=1.7))


def chest_pocket(x: float, y: float, width: float) -> tuple[Layer, ...]:
    """A patch pocket on the viewer's right of the chest."""
    w = width / 2
    patch = points([(x - w, y), (x + w, y), (x + w, y + width * 0.9), (x, y + width * 1.15), (x - w, y + width * 0.9)])
    return (
        Piece(patch, "main", "still", lift=0.5, edge=0.4),
        Stroke(points([(x - w, y + 1.3), (x + w, y + 1.3)]), 0.25),
    )


def cut_tank_top(garment: Garment) -> Cut:
    ease, low = garment.ease, (48.0 if garment.length == "cropped" else 62.0) * garment.stretch
    side = [(14.2 * ease, low * 0.66), (15.8 * ease * garment.flare, low)]
    armpit = (14.8 * ease, 22.5)
    if garment.sleeve == "strappy":
        body, back = cami_outline(garment.neckline, side, armpit=armpit), cami_back()
        trim: tuple[Layer, ...] = both_sides(Stroke(cami_neck(garment.neckline) + np.array([0, 0.9]), 0.3))
    else:
        neck = neck_curve(garment.neckline)
        body, back = bodice_outline(neck, side, shoulder=15.0, armpit=armpit), back_neck(neck)
        trim = (neck_band(neck, 1.2), *armhole_seams(14.2, (armpit[0] - 0.9, armpit[1] - 0.4)))
    front: tuple[Layer, ...] = (Piece(body), *trim, hem_line(body))
    if has_chest_print(garment):
        front += (Decal((0.0, 32.0), 8.0),)
    return Cut(front, back)
