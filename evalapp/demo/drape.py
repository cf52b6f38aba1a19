"""How a piece of cloth takes the light, and how its folds bend the pattern on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageFilter

from evalapp.demo.folds import Field, Ground, fold_heights

if TYPE_CHECKING:
    from evalapp.demo.geometry import Frame
    from evalapp.demo.silhouettes.pieces import Drape, Piece

COARSE: Final = 4
"""Folds are soft: they are computed on every fourth pixel and enlarged."""

STRENGTH: Final[dict[Drape, tuple[float, float]]] = {
    "still": (0.0, 0.0),
    "body": (0.55, 0.5),
    "hang": (0.85, 0.75),
    "pleats": (1.0, 0.5),
    "gathers": (0.8, 0.5),
    "arm": (0.6, 0.2),
    "leg": (0.55, 0.4),
}
"""How strongly the folds of each drape shade, and bend the pattern."""


@dataclass(frozen=True, slots=True, eq=False)
class Relief:
    """Light (1 = as dyed, less = shade, more = shine) and bend (units the pattern shifts), on the coarse grid."""

    light: Field
    bend: Field


def relief_of(piece: Piece, mask: Image.Image, frame: Frame, rng: np.random.Generator) -> Relief:
    """The folds of one piece, lit from the upper left; `rng` decides where they fall."""
    size = (max(3, frame.width // COARSE), max(3, frame.height // COARSE))
    inside = np.asarray(mask.resize(size, Image.Resampling.BOX), dtype=np.float32) / np.float32(255)
    step = COARSE / frame.scale
    light = 1.0 - _rim_shade(inside, 1 / step) * np.float32(piece.edge)
    shade, bend = (np.float32(strength) for strength in STRENGTH[piece.drape])
    if not shade:
        return Relief(light, np.zeros_like(light))
    high = fold_heights(piece.drape, Ground(inside, step, rng))
    slope = (np.gradient(high, axis=1) + np.float32(0.45) * np.gradient(high, axis=0)) / np.float32(step)
    return Relief(light - np.clip(slope * shade, -0.12, 0.30), high * bend)


def _rim_shade(inside: Field, scale: float) -> Field:
    """Shade towards the rim: a wide soft one on the side away from the lamp, a narrow one all around."""
    dx, dy = round(1.6 * scale), round(0.8 * scale)
    wide = np.pad(_blur_field(inside, 3.6 * scale), ((0, dy), (0, dx)))[dy:, dx:]
    narrow = _blur_field(inside, 0.9 * scale)
    shade = np.clip(1.0 - wide, 0.0, 0.75) * 0.40 + np.clip(1.0 - narrow, 0.0, 0.6) * 0.22 - 0.03
    return np.asarray(shade, dtype=np.float32)


def _blur_field(field: Field, radius: float) -> Field:
    """Gaussian blur; beyond the grid there is nothing."""
    pad = max(1, int(radius * 2))
    grey = Image.fromarray((np.pad(field, pad) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(grey, dtype=np.float32)[pad:-pad, pad:-pad] / np.float32(255)
