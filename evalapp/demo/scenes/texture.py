"""Soft noise, gradients and plants that several scenes share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

from evalapp.demo.geometry import curve, join, turn_points
from evalapp.demo.palette import RGB, darker, mix_colours

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


def pick_one(rng: np.random.Generator, choices: Sequence[T]) -> T:
    return choices[int(rng.integers(len(choices)))]


def smooth_noise(
    rng: np.random.Generator, width: int, height: int, hill_x: float, hill_y: float
) -> NDArray[np.float32]:
    """Smooth hills of about that many pixels, deviation below 1; shape (height, width)."""
    grid = rng.standard_normal((max(2, int(height / hill_y) + 2), max(2, int(width / hill_x) + 2))).astype(np.float32)
    return np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC))


def vertical_gradient(width: int, height: int, stops: Sequence[RGB]) -> Image.Image:
    """Colours from top to bottom."""
    column = Image.fromarray(np.array(stops, dtype=np.uint8)[:, None, :])
    return column.resize((width, height), Image.Resampling.BILINEAR)


def mottle_image(image: Image.Image, field: NDArray[np.float32], strength: float) -> Image.Image:
    """The picture made lighter and darker by a field around 0."""
    factor = np.clip(232 * (1 + field * strength), 0, 255).astype(np.uint8)
    grey = Image.fromarray(factor)
    return ImageChops.multiply(image, Image.merge("RGB", (grey, grey, grey)))


def draw_plant(drawer: ImageDraw.ImageDraw, rng: np.random.Generator, x: float, y: float, size: float) -> None:
    """A pot with a bush of long leaves, standing at (x, y)."""
    green = pick_one(rng, ((86, 124, 88), (70, 110, 84), (116, 142, 92)))
    pot = pick_one(rng, ((206, 132, 98), (236, 228, 214), (120, 130, 140)))
    blade = join(curve((0, 0), (0.16, 0.5), (0, 1)), curve((0, 1), (-0.16, 0.5), (0, 0))) * np.array([size, -size])
    for angle in rng.permutation(np.linspace(-62, 62, 11)):
        shape = turn_points(blade * rng.uniform(0.75, 1.1), float(angle), (0.0, 0.0)) + np.array([x, y - size * 0.42])
        shade = mix_colours(green, darker(green, 0.35), float(rng.uniform(0, 1)))
        drawer.polygon([(px, py) for px, py in shape.tolist()], fill=shade)
    w, h = size * 0.3, size * 0.46
    drawer.polygon([(x - w, y - h), (x + w, y - h), (x + w * 0.72, y), (x - w * 0.72, y)], fill=pot)
    drawer.polygon(
        [(x - w * 1.1, y - h), (x + w * 1.1, y - h), (x + w * 1.05, y - h * 0.78), (x - w * 1.05, y - h * 0.78)],
        fill=darker(pot, 0.1),
    )
