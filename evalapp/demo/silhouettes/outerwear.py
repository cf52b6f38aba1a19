"""Jackets and coats: lapels, zips, pockets and belts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalapp.demo.geometry import Points, box, curve, join, points, symmetric_outline
from evalapp.demo.silhouettes.pieces import Button, Cut, Layer, Piece, Stroke, both_sides
from evalapp.demo.silhouettes.shirts import collar_back, shirt_collar
from evalapp.demo.silhouettes.upper import (
    armhole_seams,
    back_neck,
    bodice_outline,
    both_sleeves,
    neck_curve,
    shoulder_y,
)

if TYPE_CHECKING:
    from evalapp.demo.garments import Garment

BRASS = (196, 168, 110)


def cut_jacket(garment: Garment) -> Cut:
    return {"trucker": _cut_trucker, "bomber": _cut_bomber, "blazer": _cut_blazer}[garment.detail](garment)


def _jacket_shell(
    garment: Garment, neck: Points, low: float, hem: float, *, cuff: float, dip: float = 1.0
) -> tuple[Points, list[Layer]]:
    ease = garment.ease * 1.06
    armpit = (16.0 * ease, 24.0)
    body = bodice_outline(neck, [(15.6 * ease, low * 0.66), (hem * ease, low)], shoulder=20.0, armpit=armpit, dip=dip)
    layers: list[Layer] = [
        *both_sleeves("long", ease * 1.12, cuff=cuff, cuff_cloth="main" if cuff < 4 else "rib", shoulder=20.0),
        Piece(body),
        *armhole_seams(20.0, armpit),
    ]
    return body, layers


def _cut_trucker(garment: Garment) -> Cut:
    """A denim jacket: yoke, flap pockets, V seams, a waistband, stitches all over."""
    low = (47.0 if garment.length == "cropped" else 55.0) * garment.stretch
    ease, neck = garment.ease * 1.06, neck_curve("collar")
    _, layers = _jacket_shell(garment, neck, low, 14.8, cuff=3.4)
    stitch = BRASS if garment.material == "denim" else None
    band = symmetric_outline(
        join(
            curve((0, low - 4), (8, low - 4.2), (15.0 * ease, low - 5)),
            curve((14.8 * ease, low), (8, low + 0.9), (0, low + 1.0)),
        )
    )
    flap = points([(4.2, 19.0), (12.2, 18.4), (12.2, 21.4), (8.3, 23.4), (4.2, 22.0)])
    layers += [
        *both_sides(Stroke(curve((1.8, 18.0), (9, 17.5), (16.4 * ease, 17.0)), 0.3, colour=stitch, dashed=True)),
        *both_sides(Stroke(points([(5.2, 22.5), (3.6, low - 5)]), 0.3, colour=stitch, dashed=True)),
        *both_sides(Stroke(points([(11.2, 22.5), (7.2, low - 5)]), 0.3, colour=stitch, dashed=True)),
        Piece(points([(-2.0, 5.0), (2.0, 5.0), (2.0, low), (-2.0, low)]), "main", "still", lift=0.3, edge=0.3),
        *both_sides(Piece(flap, "main", "still", lift=0.5, edge=0.5)),
        *both_sides(Button((8.2, 21.6), 0.7, BRASS)),
        Piece(band, "main", "still", lift=0.4, edge=0.5),
        *[Button((0.0, float(y)), 0.9, BRASS) for y in np.arange(9.0, low, 7.6)],
        *shirt_collar(9.6, 10.0),
    ]
    return Cut(tuple(layers), (*back_neck(neck), *collar_back()))


def _cut_bomber(garment: Garment) -> Cut:
    """Zip in front, ribs at neck, cuffs and hem, slanted pockets."""
    low = (48.0 if garment.length == "cropped" else 57.0) * garment.stretch
    ease, neck = garment.ease * 1.06, neck_curve("crew")
    _, layers = _jacket_shell(garment, neck, low - 3, 16.6, cuff=5.0)
    hem = symmetric_outline(
        join(
            curve((0, low - 3), (9, low - 3.2), (16.6 * ease, low - 4.2)),
            curve((14.6 * ease, low + 1.4), (8, low + 2.4), (0, low + 2.6)),
        )
    )
    stand = symmetric_outline(
        join(
            curve((0.0, 6.2), (4.0, 4.6), (6.6, 0.8), (7.2, -3.2)),
            curve((9.2, -2.2), (9.2, 2.0), (5.6, 7.4), (0.0, 9.4)),
        )
    )
    layers += [
        Piece(hem, "rib", "still", lift=0.3),
        *both_sides(Stroke(points([(7.0, low - 10), (12.0, low - 20)]), 0.9, -0.1)),
        *both_sides(Stroke(points([(7.6, low - 10), (12.6, low - 20)]), 0.35, colour=(206, 202, 192), dashed=True)),
        Stroke(points([(0.0, 6.0), (0.0, low + 2.4)]), 1.2, -0.1),
        Stroke(points([(0.0, 6.0), (0.0, low + 2.4)]), 0.45, colour=(212, 208, 198), dashed=True),
        Piece(stand, "rib", "still", lift=0.5),
        Button((0.0, 10.2), 0.8, (196, 190, 178)),
    ]
    return Cut(tuple(layers), (*back_neck(neck), *collar_back("rib")))


def _cut_blazer(garment: Garment) -> Cut:
    low = 68.0 * garment.stretch if garment.length == "regular" else 58.0 * garment.stretch
    neck = neck_curve("lapel")
    _, layers = _jacket_shell(garment, neck, low, 17.0, cuff=0.0, dip=2.4)
    layers += [
        Stroke(points([(0.0, 27.0), (-0.4, low + 2.2)]), 0.5, -0.1),
        *both_sides(Stroke(curve((10.6, 24.0), (9.4, 40.0), (10.2, low - 14)), 0.28)),
        *both_sides(Piece(box(6.4, low - 17, 14.0, low - 14), "main", "still", lift=0.5, edge=0.5)),
        Stroke(points([(7.6, 25.6), (12.8, 24.8)]), 0.9, -0.1),
        Button((0.9, 33.0), 1.15),
        Button((0.9, 41.5), 1.15),
        *notched_lapels(28.5),
    ]
    return Cut(tuple(layers), (*back_neck(neck), *collar_back()))


def notched_lapels(meet: float, width: float = 11.2) -> tuple[Layer, ...]:
    """A notched collar whose leaves meet at `meet`."""
    top = shoulder_y(7.2)
    leaf = join(
        curve((0.2, meet), (3.6, meet * 0.52), (6.4, 4.6)),
        points([(7.6, 7.2), (10.4, 8.8), (width, 13.6)]),
        curve((6.2, meet * 0.68), (0.2, meet)),
    )
    neck = join(
        curve((6.3, 4.8), (6.9, 1.4), (6.6, top - 2.2)),
        curve((8.8, top - 1.2), (10.6, 4.4)),
        points([(10.2, 8.4), (7.4, 6.9)]),
    )
    return (
        *both_sides(Piece(leaf, "main", "still", grain=14, lift=0.8, edge=0.6)),
        *both_sides(Piece(neck, "main", "still", grain=30, lift=0.6, edge=0.6)),
    )


def cut_coat(garment: Garment) -> Cut:
    low = {"midi": 104.0, "long": 122.0}[garment.length] * garment.stretch
    ease = garment.ease * 1.1
    neck = neck_curve("lapel")
    armpit, belted = (16.4 * ease, 25.0), garment.detail == "belted"
    waist = 13.4 if belted else 15.6
    body = bodice_outline(
        neck,
        [(waist * ease, 44.0), (17.4 * ease, 64.0), (18.6 * ease * garment.flare, low)],
        shoulder=20.5,
        armpit=armpit,
        dip=2.0,
    )
    wrap = 4.6 if garment.detail == "double-breasted" else 1.6
    layers: list[Layer] = [
        *both_sleeves("long", ease * 1.18, shoulder=20.5),
        Piece(body, drape="hang"),
        *armhole_seams(20.5, armpit),
        Stroke(curve((wrap, 26.0), (wrap + 0.3, 60.0), (wrap + 1.0, low + 1.4)), 0.5, -0.1),
        *both_sides(
            Piece(points([(8.4, 62), (14.6, 61), (14.8, 64.4), (8.6, 65.4)]), "main", "still", lift=0.6, edge=0.5)
        ),
        *_coat_closing(garment, wrap),
    ]
    layers += notched_lapels(26.0, 12.6)
    if belted:
        layers += tied_belt(waist * ease + 0.6, 43.0, 4.4)
    return Cut(tuple(layers), (*back_neck(neck), *collar_back()), ("upper", "lower"))


def _coat_closing(garment: Garment, wrap: float) -> tuple[Layer, ...]:
    if garment.detail == "double-breasted":
        return tuple(Button((x, y), 1.35) for y in (33.0, 45.0, 57.0) for x in (wrap - 1.8, -wrap + 0.4))
    if garment.detail == "duffle":
        cords: list[Layer] = []
        for y in (30.0, 42.0, 54.0):
            cords += [
                Stroke(points([(-5.4, y), (5.4, y)]), 0.6, colour=(120, 88, 60)),
                Piece(
                    points([(-1.9, y - 0.8), (1.9, y - 0.8), (2.4, y), (1.9, y + 0.8), (-1.9, y + 0.8), (-2.4, y)]),
                    "accent",
                    "still",
                    lift=0.4,
                ),
            ]
        return tuple(cords)
    return tuple(
        Button((0.2, y), 1.3) for y in ((33.0, 57.0, 66.0) if garment.detail == "belted" else (33.0, 45.0, 57.0, 69.0))
    )


def tied_belt(half: float, y: float, depth: float = 3.4) -> tuple[Layer, ...]:
    """A tied belt with two hanging ends."""
    band = symmetric_outline(
        join(
            curve((0, y + 0.9), (half * 0.6, y + 0.6), (half, y)),
            curve((half, y + depth), (half * 0.6, y + depth + 0.6), (0, y + depth + 0.9)),
        )
    )
    knot = points([(-1.6, y), (2.2, y + 0.2), (2.0, y + depth + 1.6), (-1.4, y + depth + 1.4)])
    long_end = points([(-0.6, y + depth), (2.2, y + depth + 0.4), (4.4, y + 20), (1.4, y + 21)])
    short_end = points([(-1.0, y + depth), (1.0, y + depth), (-1.2, y + 16), (-4.0, y + 15.2)])
    return (
        Piece(band, "solid", "still", lift=0.7, edge=0.6),
        Piece(short_end, "solid", "still", lift=0.6, tone=0.93),
        Piece(long_end, "solid", "still", lift=0.7),
        Piece(knot, "solid", "still", lift=0.7),
    )
