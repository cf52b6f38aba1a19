"""Woven tops: shirts with collar and buttons, and blouses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalapp.demo.geometry import curve, ellipse, join, points, symmetric_outline
from evalapp.demo.silhouettes.jersey import chest_pocket
from evalapp.demo.silhouettes.pieces import Button, Cloth, Cut, Layer, Piece, Stroke, both_sides
from evalapp.demo.silhouettes.upper import (
    NECKS,
    armhole_seams,
    back_neck,
    bodice_outline,
    both_sleeves,
    hem_line,
    neck_band,
    neck_curve,
    shoulder_y,
)

if TYPE_CHECKING:
    from evalapp.demo.garments import Garment


def cut_shirt(garment: Garment) -> Cut:
    ease, low = garment.ease, (74.0 if garment.length == "long" else 67.0) * garment.stretch
    neck = neck_curve("collar")
    armpit = (15.8 * ease, 23.0)
    side = [(15.2 * ease, low * 0.62), (16.4 * ease, low - 5.5)]
    body = bodice_outline(neck, side, armpit=armpit, dip=6.5)
    front: list[Layer] = [
        *both_sleeves(garment.sleeve, ease * 1.04, cuff=3.6 if garment.sleeve == "long" else 0.0, cuff_cloth="main"),
        Piece(body),
        *armhole_seams(armpit=armpit),
        *button_placket(5.0, low + 0.5, spacing=8.6),
        hem_line(body, 1.3, dashed=True),
        *shirt_collar(),
    ]
    if garment.detail in ("pocket", "two pockets"):
        front += chest_pocket(9.0, 22.0, 7.6)
    if garment.detail == "two pockets":
        front += _other_side(chest_pocket(9.0, 22.0, 7.6))
    return Cut(tuple(front), (*back_neck(neck), *collar_back()))


def _other_side(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    return tuple(both_sides(layer)[1] for layer in layers)


def button_placket(
    top: float, low: float, *, spacing: float, width: float = 1.7, first: float = 4.0
) -> tuple[Layer, ...]:
    """The button strip down the middle."""
    strip = points([(-width, top), (width, top), (width, low), (-width, low)])
    buttons = [Button((0.0, float(y))) for y in np.arange(top + first, low - 2.5, spacing)]
    return (Piece(strip, "main", "still", lift=0.3, edge=0.25), *buttons)


def shirt_collar(spread: float = 8.5, drop: float = 9.0) -> tuple[Layer, ...]:
    """A folded shirt collar: the stand behind, two leaves in front."""
    width = NECKS["collar"][0]
    top = shoulder_y(width)
    leaf = join(
        curve((0.3, 5.4), (width * 0.55, 2.8), (width - 0.4, top - 2.6)),
        curve((width + 1.0, top - 1.6), (width + 1.6, top + 1.4)),
        points([(spread * 0.92, drop + 1.2)]),
        curve((spread * 0.5, drop - 0.6), (0.3, 5.4)),
    )
    return both_sides(Piece(leaf, "main", "still", grain=24, lift=0.7, edge=0.6))


def collar_back(cloth: Cloth = "main") -> tuple[Layer, ...]:
    """The stand of the collar as it rises behind the neck."""
    width = NECKS["collar"][0]
    top = shoulder_y(width)
    rim = curve((0.0, top - 3.9), (width * 0.5, top - 3.6), (width - 0.6, top - 2.6))
    foot = curve((width, top + 0.4), (width * 0.6, top + 3.0), (0.0, top + 3.8))
    return (Piece(symmetric_outline(join(rim, foot)), cloth, "still", tone=0.84),)


def cut_blouse(garment: Garment) -> Cut:
    ease, low = garment.ease, (50.0 if garment.length == "cropped" else 61.0) * garment.stretch
    neck = neck_curve(garment.neckline)
    sleeveless = garment.sleeve == "sleeveless"
    shoulder, armpit = (15.5 if sleeveless else 18.6), (15.2 * ease, 22.5)
    waist = 0.96 if garment.detail == "peplum" else 1.06
    hem = 18.0 * ease * garment.flare
    body = bodice_outline(neck, [(14.2 * ease * waist, 41.0), (hem, low)], shoulder=shoulder, armpit=armpit)
    front: list[Layer] = [
        *both_sleeves(garment.sleeve, ease * 1.05, cuff=2.2, cuff_cloth="main", shoulder=shoulder),
        Piece(body, drape="hang"),
        *armhole_seams(shoulder, armpit),
        hem_line(body),
    ]
    if garment.detail == "peplum":
        front.append(Stroke(curve((-13.6 * ease, 40.6), (0, 41.8), (13.6 * ease, 40.6)), 0.5, -0.1))
    if garment.detail == "ruffle":
        front += _ruffle_frill()
    front += shirt_collar(7.4, 8.0) if garment.neckline == "collar" else (neck_band(neck, 1.3, "main"),)
    if garment.neckline in ("v-neck", "collar"):
        front += [Button((0.0, float(y)), 0.75) for y in np.arange(NECKS[garment.neckline][1] + 4, low - 3, 6.2)]
    if garment.detail == "bow":
        front += neck_bow((0.0, NECKS[garment.neckline][1] + 1.5))
    return Cut(tuple(front), (*back_neck(neck), *(collar_back() if garment.neckline == "collar" else ())))


def _ruffle_frill() -> tuple[Layer, ...]:
    """A frill from each shoulder to the waist."""
    inner = curve((9.5, 2.0), (7.2, 18.0), (4.0, 39.0))
    outer = curve(
        (4.6, 39.5), (6.6, 35.0), (7.0, 32.0), (9.8, 26.0), (9.6, 22.0), (12.4, 15.0), (11.8, 10.0), (13.4, 3.5)
    )
    return both_sides(Piece(join(inner, outer), "main", "gathers", grain=10, lift=0.6))


def neck_bow(centre: tuple[float, float], size: float = 6.2) -> tuple[Layer, ...]:
    """A soft pussy bow."""
    loop = curve((0, 0), (0.45, -0.5), (1.0, -0.36), (1.02, 0.3), (0.5, 0.34), (0, 0)) * size
    tail = join(curve((0.0, 0.1), (0.25, 1.0), (0.2, 2.2)), curve((0.78, 2.05), (0.6, 1.0), (0.2, 0.0))) * size
    offset = np.array(centre)
    right_half = (
        Piece(tail + offset, "main", "body", grain=-12, lift=0.5),
        Piece(loop + offset, "main", "gathers", grain=40, lift=0.7),
    )
    left_half = tuple(
        Piece(
            part.outline * np.array([-1, 1]) + np.array([2 * centre[0], 0]),
            part.cloth,
            part.drape,
            -part.grain,
            part.lift,
        )
        for part in right_half
    )
    return (
        *right_half[:1],
        *left_half[:1],
        *right_half[1:],
        *left_half[1:],
        Piece(ellipse(centre, 1.15, 1.4), "main", "still", lift=0.5),
    )
