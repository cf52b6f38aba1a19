"""What cloth looks like from close by: knit, rib, denim twill, wool, linen. Grey tiles that multiply over colour."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Tile = NDArray[np.uint8]


@lru_cache(maxsize=64)
def weave_tile(material: str, scale: float, grain: int) -> Tile | None:
    """The surface of a material at `scale` pixels per unit, 255 where the dye is untouched; None where smooth."""
    scale = round(scale, 2)
    match material:
        case "knit":
            return _knit_tile(scale)
        case "cable knit":
            return _cable_tile(scale)
        case "denim":
            return _denim_tile(scale, grain)
        case "wool" | "flannel" | "fleece":
            return _fuzz_tile(scale, grain, 15 if material == "wool" else 8)
        case "linen":
            return _linen_tile(scale, grain)
    return None


def _shade_depth(depth: NDArray[np.float64], strength: float) -> Tile:
    """0…1 (1 = on top) to grey, shading at most `strength`."""
    return (255 * (1 - strength * (1 - np.clip(depth, 0, 1)))).astype(np.uint8)


def _knit_tile(scale: float) -> Tile:
    """Stocking stitch: columns of small Vs."""
    wide, high = max(6, round(1.7 * scale)), max(5, round(1.35 * scale))
    y, x = np.indices((high, wide)) / np.array([high, wide])[:, None, None]
    leg = np.abs(x - 0.5) * 2
    place = (y + 0.55 * leg) % 1.0
    return _shade_depth(np.sin(np.pi * place) ** 0.7 * (0.55 + 0.45 * np.sin(np.pi * np.clip(leg, 0.04, 1))), 0.34)


def _cable_tile(scale: float) -> Tile:
    """Two strands that twist around each other, between columns of purl."""
    wide, high = max(12, round(8.4 * scale)), max(12, round(7.0 * scale))
    y, x = np.indices((high, wide)) / np.array([high, wide])[:, None, None]
    swing = 0.13 * np.sin(2 * np.pi * y)
    first, second = np.abs(x - 0.5 - swing), np.abs(x - 0.5 + swing)
    front = np.where(np.cos(2 * np.pi * y) > 0, first, second)
    behind = np.where(np.cos(2 * np.pi * y) > 0, second, first)
    rope = np.maximum(np.clip(1 - (front / 0.11) ** 2, 0, 1), 0.72 * np.clip(1 - (behind / 0.11) ** 2, 0, 1))
    column = np.clip(np.abs(np.sin(np.pi * x * 7)), 0, 1) * 0.55 * (np.abs(x - 0.5) > 0.3)
    strands = 0.9 + 0.1 * np.sin(2 * np.pi * (y * 6 + x * 5))
    return _shade_depth(np.maximum(rope, column + 0.12) * strands, 0.42)


def rib_tile(scale: float) -> Tile:
    """The upright ribs of cuffs and bands."""
    wide = max(5, round(1.5 * scale))
    x = (np.arange(wide) + 0.5) / wide
    return _shade_depth(np.sin(np.pi * x) ** 0.8, 0.34)[None, :]


def _denim_tile(scale: float, grain: int) -> Tile:
    """Diagonal twill with the slubs and the wear of washed denim."""
    side = 240
    rng = np.random.default_rng([grain, 1])
    y, x = np.indices((side, side))
    step = max(4, round(0.62 * scale / 4) * 4)
    step = next(n for n in (4, 5, 6, 8, 10, 12) if n >= min(step, 12))
    twill = 0.5 + 0.5 * np.sin(2 * np.pi * (x + y) / step)
    slub = np.repeat(rng.random((1, side)), side, axis=0)
    return _shade_depth(0.45 + 0.3 * twill + 0.16 * slub + 0.16 * rng.random((side, side)), 0.30)


def _fuzz_tile(scale: float, grain: int, strength: int) -> Tile:
    side = 256
    rng = np.random.default_rng([grain, 2])
    speckle = Image.fromarray((rng.random((side, side)) * 255).astype(np.uint8))
    soft = np.asarray(speckle.filter(ImageFilter.BoxBlur(max(0.5, scale * 0.07))), dtype=np.float64) / 255
    return _shade_depth(0.5 + (soft - 0.5) * 3.2, strength / 100)


def _linen_tile(scale: float, grain: int) -> Tile:
    """Uneven threads, both ways."""
    side = 256
    rng = np.random.default_rng([grain, 3])
    run = max(1, round(scale * 0.16))
    warp = np.repeat(rng.random(side // run + 1), run)[:side]
    weft = np.repeat(rng.random(side // run + 1), run)[:side]
    return _shade_depth(0.45 + 0.3 * warp[None, :] + 0.3 * weft[:, None], 0.16)
