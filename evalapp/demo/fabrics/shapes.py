"""Small figures in a unit circle: flowers, fruit, hearts, stars. Each is coloured polygons, painted in order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from evalapp.demo.geometry import Points, curve, ellipse, join, points, ribbon, shift_points, turn_points

if TYPE_CHECKING:
    from collections.abc import Callable

Role = Literal["main", "other", "heart", "leaf", "ground"]
"""Which colour of the garment's figure palette a polygon takes."""

Shape = list[tuple[Points, Role]]


def _petal_ring(count: int, petal: Callable[[float], Points]) -> list[Points]:
    return [petal(360.0 * i / count) for i in range(count)]


def _petal_outline(angle: float, length: float, width: float) -> Points:
    return turn_points(ellipse((0.0, -length / 2), width / 2, length / 2, steps=16), angle, (0.0, 0.0))


def _leaf_outline(x: float, y: float, length: float, angle: float) -> Points:
    blade = join(curve((0, 0), (0.28, 0.45), (0, 1)), curve((0, 1), (-0.28, 0.45), (0, 0))) * length
    return shift_points(turn_points(blade, angle, (0.0, 0.0)), (x, y))


def _stem_outline(*through: tuple[float, float], width: float = 0.06) -> Points:
    line = curve(*through)
    return ribbon(line, [width] * len(line))


def daisy_shape() -> Shape:
    petals: Shape = [(p, "main") for p in _petal_ring(9, lambda a: _petal_outline(a, 0.92, 0.36))]
    return [(_leaf_outline(0.2, 0.2, 1.0, -45), "leaf"), *petals, (ellipse((0, 0), 0.26, 0.26), "heart")]


def poppy_shape() -> Shape:
    petals: Shape = [(turn_points(ellipse((0, -0.42), 0.44, 0.42), a, (0, 0)), "main") for a in (0, 90, 180, 270)]
    return [
        (_leaf_outline(-0.3, 0.3, 0.9, 40), "leaf"),
        (_leaf_outline(0.3, 0.3, 0.9, -60), "leaf"),
        *petals,
        (ellipse((0, 0), 0.42, 0.42), "other"),
        (ellipse((0, 0), 0.2, 0.2), "heart"),
    ]


def rose_shape() -> Shape:
    whorls: Shape = []
    rings: list[tuple[float, Role]] = [(0.78, "main"), (0.58, "other"), (0.42, "main"), (0.22, "heart")]
    for i, (radius, role) in enumerate(rings):
        angle = i * 2.1
        whorls.append((ellipse((0.07 * math.cos(angle), 0.07 * math.sin(angle)), radius, radius * 0.93), role))
    return [(_leaf_outline(-0.5, 0.35, 0.85, 55), "leaf"), (_leaf_outline(0.55, 0.3, 0.85, -50), "leaf"), *whorls]


def tulip_shape() -> Shape:
    cup = join(
        curve((-0.42, -0.75), (-0.45, -0.1), (0, 0.2), (0.45, -0.1), (0.42, -0.75)),
        points([(0.2, -0.45), (0, -0.85), (-0.2, -0.45)]),
    )
    return [
        (_stem_outline((0, 0.1), (0.05, 0.6), (-0.02, 1.0)), "leaf"),
        (_leaf_outline(0.0, 0.95, 0.9, -150), "leaf"),
        (_leaf_outline(0.0, 0.95, 0.75, 155), "leaf"),
        (cup, "main"),
        (shift_points(_petal_outline(0, 0.7, 0.34), (0, 0.12)), "other"),
    ]


def sprig_shape() -> Shape:
    leaves: Shape = [
        (_leaf_outline(0, y, 0.62, a), "leaf") for y, a in ((0.5, 55), (0.5, -55), (0.05, 60), (0.05, -60))
    ]
    buds: Shape = [
        (ellipse((0, -0.75), 0.2, 0.2), "main"),
        (ellipse((-0.34, -0.4), 0.2, 0.2), "other"),
        (ellipse((0.34, -0.4), 0.2, 0.2), "main"),
    ]
    return [(_stem_outline((0, 0.95), (0.03, 0.2), (0, -0.7), width=0.045), "leaf"), *leaves, *buds]


def heart_shape() -> Shape:
    half = curve((0, -0.38), (0.28, -0.72), (0.72, -0.58), (0.78, -0.1), (0.42, 0.4), (0, 0.82))
    return [(join(half, (half * np.array([-1, 1]))[::-1]), "main")]


def star_shape() -> Shape:
    tips = [(math.sin(math.pi * i / 5) * r, -math.cos(math.pi * i / 5) * r) for i, r in enumerate([0.95, 0.42] * 5)]
    return [(points(tips), "main")]


def cherry_shape() -> Shape:
    return [
        (_stem_outline((-0.4, 0.4), (-0.15, -0.3), (0.2, -0.85)), "leaf"),
        (_stem_outline((0.45, 0.45), (0.4, -0.2), (0.2, -0.85)), "leaf"),
        (_leaf_outline(0.2, -0.85, 0.65, 75), "leaf"),
        (ellipse((-0.42, 0.5), 0.37, 0.36), "main"),
        (ellipse((0.45, 0.56), 0.37, 0.36), "main"),
        (ellipse((-0.54, 0.38), 0.1, 0.1), "ground"),
        (ellipse((0.33, 0.44), 0.1, 0.1), "ground"),
    ]


def lemon_shape() -> Shape:
    fruit = curve(
        (-0.95, 0.02),
        (-0.72, -0.18),
        (-0.3, -0.52),
        (0.3, -0.52),
        (0.72, -0.16),
        (0.95, 0),
        (0.72, 0.2),
        (0.3, 0.5),
        (-0.3, 0.52),
        (-0.72, 0.2),
        (-0.95, 0.02),
    )
    return [
        (_leaf_outline(0.6, -0.25, 0.8, -150), "leaf"),
        (fruit, "heart"),
        (ellipse((-0.2, -0.2), 0.22, 0.1), "ground"),
    ]


def moon_shape() -> Shape:
    crescent = join(ellipse((0, 0), 0.85, 0.85, start=50, end=310), ellipse((0.28, 0), 0.66, 0.66, start=305, end=55))
    twinkle = star_shape()[0][0] * 0.3 + np.array([0.45, -0.05])
    return [(crescent, "main"), (twinkle, "heart")]


def bow_shape() -> Shape:
    loop = curve((0, 0), (0.4, -0.5), (0.92, -0.42), (0.92, 0.32), (0.4, 0.3), (0, 0))
    tail = points([(0.05, 0.05), (0.6, 0.8), (0.32, 0.78), (0.2, 0.95), (-0.05, 0.1)])
    flip = np.array([-1, 1])
    return [
        (tail, "other"),
        (tail * flip, "other"),
        (loop, "main"),
        (loop * flip, "main"),
        (ellipse((0, 0), 0.17, 0.19), "other"),
    ]


def mushroom_shape() -> Shape:
    cap = join(
        curve((-0.85, 0.05), (-0.7, -0.5), (0, -0.85), (0.7, -0.5), (0.85, 0.05)),
        curve((0.85, 0.05), (0, 0.2), (-0.85, 0.05)),
    )
    foot = curve((-0.24, 0.1), (-0.2, 0.5), (-0.3, 0.85), (0.3, 0.85), (0.2, 0.5), (0.24, 0.1))
    spots: Shape = [
        (ellipse(c, r, r * 0.9), "ground")
        for c, r in (((-0.35, -0.3), 0.15), ((0.15, -0.5), 0.13), ((0.42, -0.15), 0.14))
    ]
    return [(foot, "heart"), (cap, "main"), *spots]


def strawberry_shape() -> Shape:
    fruit = curve(
        (0, -0.5),
        (0.5, -0.55),
        (0.72, -0.15),
        (0.4, 0.5),
        (0, 0.9),
        (-0.4, 0.5),
        (-0.72, -0.15),
        (-0.5, -0.55),
        (0, -0.5),
    )
    seeds: Shape = [
        (ellipse(c, 0.05, 0.08, steps=8), "heart")
        for c in ((-0.3, -0.1), (0.3, -0.1), (0, 0.15), (-0.2, 0.4), (0.2, 0.4), (0, -0.25))
    ]
    crown: Shape = [(_leaf_outline(0, -0.5, 0.5, a), "leaf") for a in (70, -70, 130, -130)]
    return [(fruit, "main"), *seeds, *crown]


def bird_shape() -> Shape:
    body = curve(
        (-0.9, -0.1),
        (-0.4, -0.1),
        (0.2, -0.35),
        (0.55, -0.5),
        (0.75, -0.3),
        (0.95, -0.2),
        (0.7, -0.1),
        (0.5, 0.3),
        (0, 0.45),
        (-0.45, 0.2),
        (-0.9, -0.1),
    )
    return [
        (body, "main"),
        (_leaf_outline(0.25, -0.05, 0.95, 120), "other"),
        (ellipse((0.58, -0.3), 0.06, 0.06, steps=8), "ground"),
    ]


def cat_shape() -> Shape:
    head = curve((0, -0.42), (0.3, -0.42), (0.56, -0.92), (0.72, -0.3), (0.72, 0.25), (0.35, 0.62), (0, 0.68))
    face = join(head, (head * np.array([-1, 1]))[::-1])
    eyes: Shape = [(ellipse((x, 0.02), 0.1, 0.13, steps=12), "ground") for x in (-0.3, 0.3)]
    whiskers: Shape = [
        (_stem_outline((s * 0.4, 0.25 + d), (s * 1.0, 0.2 + d * 2.2), width=0.025), "ground")
        for s in (-1, 1)
        for d in (0.0, 0.1)
    ]
    return [(face, "main"), *eyes, (points([(-0.1, 0.22), (0.1, 0.22), (0, 0.34)]), "heart"), *whiskers]


def sunrise_shape() -> Shape:
    rays: Shape = [
        (turn_points(points([(-0.05, -0.98), (0.05, -0.98), (0.03, -0.66), (-0.03, -0.66)]), a, (0, 0.1)), "heart")
        for a in range(-80, 81, 20)
    ]
    sun = join(ellipse((0, 0.1), 0.56, 0.56, start=180, end=360))
    waves: Shape = [
        (_stem_outline(*[(x / 4, y + 0.05 * (-1) ** x) for x in range(-3, 4)], width=0.055), "other")
        for y in (0.25, 0.45, 0.65)
    ]
    return [*rays, (sun, "main"), *waves]


def mountains_shape() -> Shape:
    far = points([(-0.95, 0.6), (-0.35, -0.35), (0.1, 0.2), (0.4, -0.1), (0.95, 0.6)])
    near = points([(-0.6, 0.6), (0.15, -0.62), (0.85, 0.6)])
    snow = points([(0.15, -0.62), (0.36, -0.25), (0.2, -0.32), (0.1, -0.2), (-0.07, -0.28)])
    return [(ellipse((-0.5, -0.55), 0.24, 0.24), "heart"), (far, "other"), (near, "main"), (snow, "ground")]


def _arc_outline(radius: float) -> Points:
    inner = radius - 0.17
    return join(
        ellipse((0, 0.4), radius, radius, start=180, end=360),
        ellipse((0, 0.4), inner, inner, start=360, end=180),
    )


def rainbow_shape() -> Shape:
    arcs: Shape = [(_arc_outline(0.95), "main"), (_arc_outline(0.76), "heart"), (_arc_outline(0.57), "other")]
    clouds: Shape = [
        (ellipse((s * 0.68 + d, 0.45 + abs(d)), 0.2, 0.16), "ground") for s in (-1, 1) for d in (-0.14, 0.0, 0.16)
    ]
    return [*arcs, *clouds]


FLOWERS: tuple[Callable[[], Shape], ...] = (daisy_shape, rose_shape, poppy_shape, tulip_shape, sprig_shape)
SMALL: tuple[Callable[[], Shape], ...] = (
    heart_shape,
    cherry_shape,
    star_shape,
    lemon_shape,
    bow_shape,
    mushroom_shape,
    strawberry_shape,
    bird_shape,
    moon_shape,
    cat_shape,
)
LARGE: tuple[Callable[[], Shape], ...] = (
    sunrise_shape,
    cat_shape,
    mountains_shape,
    strawberry_shape,
    rainbow_shape,
    mushroom_shape,
    heart_shape,
    daisy_shape,
    moon_shape,
    cherry_shape,
    bird_shape,
    tulip_shape,
)
