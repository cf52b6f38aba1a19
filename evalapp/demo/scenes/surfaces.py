"""Surfaces to lay a garment on, seen from above."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from evalapp.demo.palette import RGB, darker, lighter, mix_colours
from evalapp.demo.scenes.texture import mottle_image, pick_one, smooth_noise


def draw_linen(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """A bed sheet with soft creases."""
    base = pick_one(rng, ((242, 238, 232), (232, 226, 216), (214, 222, 228), (236, 220, 214), (218, 222, 208)))
    angle = rng.uniform(-0.6, 0.6)
    y, x = np.indices((height // 2, width // 2), dtype=np.float32)
    wander = smooth_noise(rng, width // 2, height // 2, 60, 60) * 16
    across = x * math.cos(angle) + y * math.sin(angle) + wander
    creases = np.sin(across / rng.uniform(13, 22)) * np.clip(smooth_noise(rng, width // 2, height // 2, 70, 110), 0, 2)
    field = np.gradient(creases, axis=1) * 4 + 0.7 * smooth_noise(rng, width // 2, height // 2, 90, 90)
    small = mottle_image(
        Image.new("RGB", (width // 2, height // 2), lighter(base, 0.3)), field.astype(np.float32), 0.07
    )
    return small.resize((width, height), Image.Resampling.BICUBIC)


def _wood_colour(rng: np.random.Generator) -> RGB:
    return pick_one(rng, ((206, 168, 124), (176, 132, 94), (226, 204, 174), (140, 104, 80), (190, 176, 162)))


def draw_planks(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    base = _wood_colour(rng)
    image = Image.new("RGB", (width, height), base)
    drawer = ImageDraw.Draw(image)
    board = height / rng.uniform(6, 9)
    for row in range(int(height / board) + 1):
        x = -float(rng.uniform(0, width))
        while x < width:
            long = width * rng.uniform(0.7, 1.3)
            tone = mix_colours(
                base, darker(base, 0.4) if rng.random() < 0.6 else lighter(base, 0.3), float(rng.uniform(0, 0.35))
            )
            drawer.rectangle((x, row * board, x + long, (row + 1) * board), fill=tone, outline=darker(base, 0.42))
            x += long
    grain = smooth_noise(rng, width, height, 90, 2.2) + 0.6 * smooth_noise(rng, width, height, 200, 9)
    return mottle_image(image.filter(ImageFilter.GaussianBlur(0.6)), grain, 0.055)


def draw_parquet(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Herringbone."""
    base = _wood_colour(rng)
    image = Image.new("RGB", (width, height), darker(base, 0.4))
    drawer = ImageDraw.Draw(image)
    long = width / rng.uniform(3.6, 5.4)
    step = long / 4
    r = math.sqrt(0.5)
    for row in range(-6, int(height / (step / r)) + 8):
        for column in range(-2, int(width / (long * r * 2)) + 3):
            for side in (0, 1):
                x, y = column * long * r * 2 + side * long * r, row * step / r
                tone = mix_colours(
                    base, darker(base, 0.4) if rng.random() < 0.5 else lighter(base, 0.3), float(rng.uniform(0, 0.35))
                )
                a, b = (long * r, long * r) if side == 0 else (long * r, -long * r)
                y0 = y if side == 0 else y + long * r
                drawer.polygon(
                    [(x, y0), (x + a, y0 + b), (x + a, y0 + b + step / r - 1.5), (x, y0 + step / r - 1.5)], fill=tone
                )
    return mottle_image(
        image.filter(ImageFilter.GaussianBlur(0.7)),
        smooth_noise(rng, width, height, 12, 12) + smooth_noise(rng, width, height, 150, 150),
        0.04,
    )


def draw_rug(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """A round woven rug on boards."""
    image = draw_planks(rng, width, height)
    colours: tuple[RGB, ...] = pick_one(
        rng,
        (
            ((232, 222, 204), (198, 172, 142)),
            ((214, 196, 190), (168, 120, 112)),
            ((206, 214, 206), (124, 146, 138)),
            ((236, 226, 206), (96, 116, 140)),
        ),
    )
    cx, cy, radius = width * rng.uniform(0.4, 0.6), height * rng.uniform(0.42, 0.58), height * rng.uniform(0.46, 0.56)
    drawer = ImageDraw.Draw(image)
    rings = int(rng.integers(9, 15))
    for i in range(rings):
        r = radius * (1 - i / rings)
        drawer.ellipse(
            (cx - r, cy - r, cx + r, cy + r),
            fill=colours[1] if i % 4 == 1 else mix_colours(colours[0], darker(colours[0], 0.2), (i % 3) * 0.25),
        )
    return mottle_image(image.filter(ImageFilter.GaussianBlur(0.8)), smooth_noise(rng, width, height, 4, 4), 0.05)
