"""Patterns of figures strewn over the cloth: dots, flowers and little prints, as tiles that repeat without a seam."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from evalapp.demo.fabrics.shapes import FLOWERS, SMALL, Role, Shape
from evalapp.demo.geometry import ellipse, turn_points
from evalapp.demo.palette import COLOURS, RGB, luminance, mix_colours

if TYPE_CHECKING:
    from evalapp.demo.garments import Garment

Tile = NDArray[np.uint8]
Ink = dict[Role, RGB]
FINE = 3
"""Tiles are drawn this many times larger and reduced, which smooths their edges."""


def figure_inks(garment: Garment) -> Ink:
    """What the garment's figures are painted with; its second colour stands out from the first by choice."""
    ground, main, third = garment.base, garment.second, garment.third
    leaf = COLOURS["sage"] if luminance(ground) < 0.5 else (96, 134, 92)
    heart = COLOURS["yellow"] if luminance(ground) < 0.72 or garment.motif % 2 else COLOURS["mustard"]
    return {"main": main, "other": mix_colours(main, third, 0.6), "heart": heart, "leaf": leaf, "ground": ground}


def dots_tile(garment: Garment, scale: float) -> Tile:
    """Polka dots on a staggered lattice: pin dots, coin dots or confetti of two colours."""
    kind = garment.motif % 4
    pitch = (5.2, 7.6, 10.4, 7.0)[kind] * garment.period
    radius = pitch * (0.2, 0.24, 0.29, 0.22)[kind]
    ink = figure_inks(garment)
    side = pitch * (1.0 if kind < 3 else 2.0)
    count = 1 if kind < 3 else 2
    image, drawer, fine = _blank_tile(garment.base, side, scale)
    spots = [
        (i * pitch + shift, j * pitch + shift)
        for i in range(-1, count + 1)
        for j in range(-1, count + 1)
        for shift in (pitch * 0.25, pitch * 0.75)
    ]
    for x, y in spots:
        colour = ink["main"] if kind < 3 or (round(x / pitch * 2) + round(y / pitch) * 3) % 4 else ink["heart"]
        drawer.polygon([(px * fine, py * fine) for px, py in ellipse((x, y), radius, radius, steps=24)], fill=colour)
    return _reduce_tile(image)


def floral_tile(garment: Garment, scale: float) -> Tile:
    """Flowers large and small, each turned its own way, with leaves between."""
    ink = figure_inks(garment)
    bloom, filler = FLOWERS[garment.motif % 4](), FLOWERS[4]()
    size = (2.3, 3.4, 4.8)[garment.motif // 4 % 3] * garment.period**0.5
    rng = np.random.default_rng([garment.grain, 5])
    side = size * 6.4
    image, drawer, fine = _blank_tile(garment.base, side, scale)
    second: Ink = {**ink, "main": ink["other"], "other": ink["main"]}
    for n, (x, y) in enumerate(_jittered_lattice(rng, 3, side, 0.24)):
        angle = rng.uniform(0, 360) if garment.motif % 4 != 3 else rng.uniform(-35, 35)
        _stamp_shape(drawer, fine, filler, ink, (x + side / 6, y + side / 6), size * 0.62, rng.uniform(0, 360), side)
        _stamp_shape(
            drawer, fine, bloom, second if n % 3 == 1 else ink, (x, y), size * rng.uniform(0.8, 1.08), angle, side
        )
    return _reduce_tile(image)


def print_tile(garment: Garment, scale: float) -> Tile:
    """One small figure, over and over."""
    ink = figure_inks(garment)
    shape = SMALL[garment.motif // 3 % len(SMALL)]()
    size = (1.9, 2.7, 3.6)[garment.motif % 3] * garment.period**0.5
    rng = np.random.default_rng([garment.grain, 6])
    side = size * 6.6
    image, drawer, fine = _blank_tile(garment.base, side, scale)
    second: Ink = {**ink, "main": ink["other"], "other": ink["main"]}
    for n, (x, y) in enumerate(_jittered_lattice(rng, 2, side, 0.05)):
        for dx in (0.0, side / 4):
            colours = second if (n + (dx > 0)) % 2 else ink
            _stamp_shape(drawer, fine, shape, colours, (x + dx, y + dx), size, rng.uniform(-28, 28), side)
    return _reduce_tile(image)


def _blank_tile(colour: RGB, side: float, scale: float) -> tuple[Image.Image, ImageDraw.ImageDraw, float]:
    """A tile `side` units wide, its pen, and its pixels per unit."""
    pixels = max(6, round(side * scale))
    image = Image.new("RGB", (pixels * FINE, pixels * FINE), colour)
    return image, ImageDraw.Draw(image), pixels * FINE / side


def _jittered_lattice(rng: np.random.Generator, count: int, side: float, stray: float) -> list[tuple[float, float]]:
    """A jittered lattice of count by count places, every second row shifted by half a step."""
    step = side / count
    return [
        (
            (column + 0.25 + 0.5 * (row % 2) * (count % 2 == 0) + rng.uniform(-stray, stray)) * step,
            (row + 0.25 + rng.uniform(-stray, stray)) * step,
        )
        for row in range(count)
        for column in range(count)
    ]


def _stamp_shape(
    drawer: ImageDraw.ImageDraw,
    fine: float,
    shape: Shape,
    ink: Ink,
    centre: tuple[float, float],
    size: float,
    angle: float,
    side: float,
) -> None:
    """The figure and, across the tile's edges, its continuations."""
    for polygon, role in shape:
        placed = turn_points(polygon, angle, (0.0, 0.0)) * size + np.array(centre)
        for dx in (-side, 0.0, side):
            for dy in (-side, 0.0, side):
                moved = placed + np.array([dx, dy])
                if moved.max() > 0 and (moved.min(axis=0) < side).all() and (moved.max(axis=0) > 0).all():
                    drawer.polygon([(x, y) for x, y in (moved * fine).tolist()], fill=ink[role])


def _reduce_tile(image: Image.Image) -> Tile:
    return np.asarray(image.reduce(FINE)).copy()
