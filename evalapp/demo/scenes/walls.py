"""Walls to stand or hang in front of."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from evalapp.demo.palette import RGB, darker, lighter, mix_colours
from evalapp.demo.scenes.texture import draw_plant, mottle_image, pick_one, smooth_noise, vertical_gradient


def draw_brick(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    base = pick_one(rng, ((176, 102, 84), (150, 90, 78), (206, 186, 172), (226, 222, 214), (134, 128, 130)))
    mortar = lighter(base, 0.5) if rng.random() < 0.6 else darker(base, 0.3)
    image = Image.new("RGB", (width, height), mortar)
    drawer = ImageDraw.Draw(image)
    tall = height / rng.uniform(17, 26)
    wide, gap = tall * 2.7, max(1.5, tall * 0.11)
    for row in range(int(height / tall) + 2):
        start = -wide * (0.5 * (row % 2) + 0.3)
        for column in range(int(width / wide) + 3):
            x, y = start + column * wide, row * tall - tall * 0.4
            tone = mix_colours(
                base, darker(base, 0.35) if rng.random() < 0.5 else lighter(base, 0.3), float(rng.uniform(0, 0.45))
            )
            drawer.rounded_rectangle((x + gap, y + gap, x + wide - gap, y + tall - gap), radius=tall * 0.12, fill=tone)
    image = image.filter(ImageFilter.GaussianBlur(0.8))
    return mottle_image(
        image, smooth_noise(rng, width, height, 9, 6) + smooth_noise(rng, width, height, 160, 160), 0.05
    )


def draw_plaster(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """A painted wall, perhaps in two colours, perhaps with a plant."""
    upper = pick_one(
        rng,
        (
            (232, 214, 196),
            (214, 222, 214),
            (236, 226, 206),
            (220, 196, 184),
            (198, 212, 222),
            (238, 234, 228),
            (226, 206, 160),
        ),
    )
    image = Image.new("RGB", (width, height), upper)
    drawer = ImageDraw.Draw(image)
    if rng.random() < 0.5:
        lower: RGB = pick_one(rng, ((178, 116, 92), (116, 138, 122), (92, 112, 136), (214, 160, 128), (170, 150, 172)))
        edge = height * rng.uniform(0.5, 0.72)
        drawer.rectangle((0, edge, width, height), fill=lower)
        drawer.rectangle((0, edge - 3, width, edge), fill=lighter(lower, 0.35))
    floor = height * rng.uniform(0.9, 0.97)
    drawer.rectangle((0, floor, width, height), fill=(186, 158, 130))
    drawer.rectangle((0, floor - height * 0.025, width, floor), fill=(240, 236, 228))
    if rng.random() < 0.55:
        draw_plant(
            drawer, rng, width * (0.1 if rng.random() < 0.5 else 0.9), floor + 2, height * rng.uniform(0.2, 0.34)
        )
    field = smooth_noise(rng, width, height, 120, 120) + 0.4 * smooth_noise(rng, width, height, 7, 7)
    return mottle_image(image.filter(ImageFilter.GaussianBlur(0.6)), field, 0.035)


def draw_panelling(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Painted or plain wooden boards, upright."""
    base = pick_one(rng, ((214, 190, 158), (178, 134, 96), (226, 226, 220), (150, 166, 156), (128, 144, 164)))
    image = Image.new("RGB", (width, height), base)
    drawer = ImageDraw.Draw(image)
    board = width / rng.uniform(6, 10)
    x = -float(rng.uniform(0, board))
    while x < width:
        drawer.rectangle(
            (x, 0, x + board, height), fill=mix_colours(base, darker(base, 0.3), float(rng.uniform(0, 0.35)))
        )
        drawer.line((x, 0, x, height), fill=darker(base, 0.4), width=2)
        drawer.line((x + 2, 0, x + 2, height), fill=lighter(base, 0.3), width=1)
        x += board
    return mottle_image(
        image, 0.7 * smooth_noise(rng, width, height, 4, 90) + smooth_noise(rng, width, height, 140, 200), 0.05
    )


def draw_tiles(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    base = pick_one(rng, ((198, 218, 212), (236, 232, 224), (226, 200, 190), (176, 196, 214), (206, 214, 178)))
    image = Image.new("RGB", (width, height), lighter(base, 0.6))
    drawer = ImageDraw.Draw(image)
    side = height / rng.uniform(10, 15)
    for row in range(int(height / side) + 1):
        for column in range(int(width / side) + 1):
            tone = mix_colours(base, darker(base, 0.3), float(rng.uniform(0, 0.3)))
            drawer.rectangle(
                (column * side + 1.5, row * side + 1.5, (column + 1) * side - 1, (row + 1) * side - 1), fill=tone
            )
    shine = vertical_gradient(width, height, ((255, 255, 255), (226, 224, 222)))
    lit: Image.Image = Image.blend(image, shine, 0.16)
    return mottle_image(lit, smooth_noise(rng, width, height, 200, 120), 0.04)
