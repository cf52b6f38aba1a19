"""The camera: where the garment lands in the picture, the light, and what lens and sensor do to it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from evalapp.demo.geometry import curve, join, turn_points

if TYPE_CHECKING:
    from evalapp.demo.shots import Shot

Coefficients = tuple[float, ...]
"""Eight numbers a…h: a picture's (x, y) shows the stage's ((ax + by + c) / (gx + hy + 1), (dx + ey + f) / …)."""


def perspective_view(shot: Shot, stage: tuple[int, int], picture: tuple[int, int], zoom: float) -> Coefficients:
    """The view of the stage, its middle shifted, rolled, leant and scaled as the shot says."""
    half_w, half_h = picture[0] / 2, picture[1] / 2
    angle = math.radians(shot.roll)
    c, s = math.cos(angle), math.sin(angle)
    corners, stage_corners = [], []
    for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        depth = 1 + shot.lean_x * sx + shot.lean_y * sy
        x, y = sx * half_w / zoom, sy * half_h / zoom
        stage_corners.append((stage[0] / 2 + x, stage[1] / 2 + y))
        px, py = x * zoom * depth, y * zoom * depth
        corners.append((half_w + px * c - py * s + shot.x * picture[0], half_h + px * s + py * c + shot.y * picture[1]))
    rows, values = [], []
    for (x, y), (u, v) in zip(corners, stage_corners, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return tuple(float(k) for k in np.linalg.solve(np.array(rows, dtype=np.float64), np.array(values)))


def coarsen_view(view: Coefficients, times: int) -> Coefficients:
    """The same view for a picture that many times smaller."""
    a, b, c, d, e, f, g, h = view
    return (a * times, b * times, c, d * times, e * times, f, g * times, h * times)


def view_image(image: Image.Image, size: tuple[int, int], view: Coefficients) -> Image.Image:
    return image.transform(size, Image.Transform.PERSPECTIVE, view, Image.Resampling.BILINEAR)


def dapple_image(image: Image.Image, shot: Shot, rng: np.random.Generator) -> Image.Image:
    """Shadows of leaves or of a window's bars, thrown over the whole scene."""
    if not shot.shade:
        return image
    w, h = image.width // 6, image.height // 6
    light = Image.new("L", (w, h), 255)
    drawer = ImageDraw.Draw(light)
    if shot.shade == "leaves":
        blade = join(curve((0, 0), (0.2, 0.5), (0, 1)), curve((0, 1), (-0.2, 0.5), (0, 0))) * h * 0.22
        for _ in range(26):
            x, y = rng.normal(w * 0.85, w * 0.3), rng.normal(h * 0.12, h * 0.25)
            leaf = turn_points(blade, float(rng.uniform(0, 360)), (0.0, 0.0)) + np.array([x, y])
            drawer.polygon([(px, py) for px, py in leaf.tolist()], fill=176)
    else:
        light.paste(186, (0, 0, w, h))
        shift = rng.uniform(-0.2, 0.3) * w
        for column in range(2):
            for row in range(3):
                x, y = shift + column * w * 0.36, h * (0.05 + row * 0.3)
                drawer.polygon(
                    [(x, y + w * 0.1), (x + w * 0.31, y), (x + w * 0.31, y + h * 0.25), (x, y + h * 0.25 + w * 0.1)],
                    fill=255,
                )
    soft = light.filter(ImageFilter.GaussianBlur(1.6)).resize(image.size, Image.Resampling.BICUBIC)
    cool = soft.point([round(255 - (255 - v) * 0.8) for v in range(256)])
    return ImageChops.multiply(image, Image.merge("RGB", (soft, soft, cool)))


def develop_image(image: Image.Image, shot: Shot, rng: np.random.Generator) -> Image.Image:
    """Colour cast, exposure, contrast, vignette, blur and sensor noise, on the finished size."""
    if shot.blur:
        image = image.filter(ImageFilter.GaussianBlur(shot.blur))
    pixels = np.asarray(image, dtype=np.float32)
    gains = np.array([1 + shot.warmth, 1.0, 1 - shot.warmth], dtype=np.float32) * np.float32(shot.exposure)
    pixels = (pixels * gains - 128) * np.float32(shot.contrast) + 128
    y = np.linspace(-1, 1, image.height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, image.width, dtype=np.float32)[None, :]
    pixels *= (1 - np.float32(shot.vignette) * 0.5 * (x * x + y * y))[..., None]
    if shot.noise:
        grain = rng.standard_normal(pixels.shape[:2], dtype=np.float32) * np.float32(shot.noise)
        pixels += grain[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
