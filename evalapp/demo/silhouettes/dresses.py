"""Dresses and jumpsuits: a bodice that goes on below the waist."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalapp.demo.geometry import Points, curve
from evalapp.demo.silhouettes.bottoms import tier_seams
from evalapp.demo.silhouettes.lower import HEMS, WAIST, both_legs, fly_seams, leg_shape, skirt_shape
from evalapp.demo.silhouettes.outerwear import tied_belt
from evalapp.demo.silhouettes.pieces import Button, Cut, Layer, Piece, Stroke, both_sides
from evalapp.demo.silhouettes.shirts import collar_back, shirt_collar
from evalapp.demo.silhouettes.upper import (
    NECKS,
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

WHOLE = ("upper", "lower")


def cut_dress(garment: Garment) -> Cut:
    low = HEMS[garment.length] * garment.stretch
    if garment.detail == "shift":
        hem = 17.0 * garment.ease + (low - WAIST) * 0.07 * garment.flare
        side = [(14.6 * garment.ease, 40.0), (17.0 * garment.ease, 61.0), (hem, low)]
        body, trim, back = _dress_top(garment, side)
        middle: list[Layer] = [*_dress_sleeves(garment), Piece(body, "main", "hang"), hem_line(body)]
        return Cut((*middle, *trim), back, WHOLE)
    waist = 11.6 * (1 + (garment.ease - 1) * 0.7)
    spread = {"flared": 0.22, "tiered": 0.24, "belted": 0.15}[garment.detail] * garment.flare**0.5 * garment.ease**2
    hem = 17.0 + (low - WAIST) * spread
    skirt = skirt_shape(WAIST - 1, waist, waist + (hem - waist) * (0.36 if spread > 0.17 else 0.45), hem, low)
    body, trim, back = _dress_top(garment, [(waist + 0.9, 36.0), (waist + 0.1, WAIST)])
    layers: list[Layer] = [
        *_dress_sleeves(garment),
        Piece(skirt, "main", "hang"),
        Piece(body, "main", "body", edge=0.8),
        *trim,
    ]
    if garment.detail == "tiered":
        layers += tier_seams(waist, hem, WAIST, low, (0.36, 0.68))
    else:
        layers.append(hem_line(skirt))
    layers += tied_belt(waist + 0.7, WAIST - 2.0, 3.0) if garment.detail == "belted" else (_waist_seam(waist),)
    return Cut(tuple(layers), back, WHOLE)


def _waist_seam(waist: float) -> Stroke:
    return Stroke(curve((-waist - 0.2, WAIST - 0.5), (0, WAIST + 0.8), (waist + 0.2, WAIST - 0.5)), 0.55, -0.1)


def _dress_sleeves(garment: Garment) -> tuple[Layer, ...]:
    cuff = {"puff": 1.8, "long": 2.6}.get(garment.sleeve, 0.0)
    return both_sleeves(garment.sleeve, garment.ease, cuff=cuff, cuff_cloth="main", shoulder=18.4)


def _dress_top(
    garment: Garment, side: list[tuple[float, float]]
) -> tuple[Points, tuple[Layer, ...], tuple[Layer, ...]]:
    """The bodice down to the last `side` point, what is sewn onto it, and what shows behind it."""
    armpit = (14.8 * garment.ease**0.6, 22.0)
    if garment.sleeve == "strappy":
        edge = cami_neck(garment.neckline) + np.array([0.0, 0.9])
        return cami_outline(garment.neckline, side, armpit=armpit), both_sides(Stroke(edge, 0.3)), cami_back()
    neck = neck_curve(garment.neckline)
    shoulder = 15.4 if garment.sleeve == "sleeveless" else 18.4
    shape = bodice_outline(neck, side, shoulder=shoulder, armpit=armpit)
    trim: list[Layer] = [*armhole_seams(shoulder, armpit)]
    if garment.neckline == "collar":
        trim += [Button((0.0, float(y)), 0.8) for y in np.arange(10.0, WAIST - 3, 6.4)]
        return shape, (*trim, *shirt_collar(7.6, 8.4)), (*back_neck(neck), *collar_back())
    trim.append(neck_band(neck, 1.1, "main"))
    if garment.neckline == "v-neck" and garment.motif % 2:
        trim += [Button((0.0, float(y)), 0.75) for y in np.arange(NECKS["v-neck"][1] + 3.5, WAIST - 2, 5.6)]
    return shape, tuple(trim), back_neck(neck)


def cut_jumpsuit(garment: Garment) -> Cut:
    low = HEMS[garment.length] * (1 + (garment.stretch - 1) * 0.4)
    waist = 12.0 * garment.ease**0.5
    opening = (21.0 if garment.fit == "wide" else 14.5) * garment.flare
    leg = leg_shape(WAIST - 1, waist, 16.8 * garment.ease**0.5, opening, low)
    body, trim, back = _dress_top(garment, [(waist + 0.9, 36.0), (waist + 0.1, WAIST)])
    layers: list[Layer] = [
        *_dress_sleeves(garment),
        *both_legs(leg),
        *fly_seams(WAIST + 2)[:1],
        Piece(body, edge=0.8),
        *trim,
    ]
    layers += both_sides(Stroke(curve((9.0, WAIST + 4), (11.0, WAIST + 11), (14.4, WAIST + 15)), 0.4, -0.1))
    layers += tied_belt(waist + 0.7, WAIST - 2.0, 3.2) if garment.detail == "belted" else (_waist_seam(waist),)
    return Cut(tuple(layers), back, WHOLE)
