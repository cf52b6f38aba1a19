"""Where cloth folds: height fields, in units, on a coarse grid over a piece. One function per way of falling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalapp.demo.silhouettes.pieces import Drape

Field = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What folds are laid on: `inside` (0…1, the piece on its grid), `step` units per cell, and the dice."""

    inside: Field
    step: float
    rng: np.random.Generator

    @property
    def down(self) -> Field:
        """0 at the top row, 1 at the lowest; a column."""
        return np.linspace(0.0, 1.0, self.inside.shape[0], dtype=np.float32)[:, None]

    def random_phase(self) -> float:
        return float(self.rng.uniform(0.0, 2 * np.pi))

    def smooth_hills(self, wide: float, tall: float) -> Field:
        """Smooth noise whose hills are about that many units across."""
        rows, columns = self.inside.shape
        shape = (max(2, round(rows * self.step / tall) + 2), max(2, round(columns * self.step / wide) + 2))
        coarse = Image.fromarray(self.rng.standard_normal(shape).astype(np.float32))
        return np.asarray(coarse.resize((columns, rows), Image.Resampling.BICUBIC), dtype=np.float32)

    def across_rows(self) -> tuple[Field, float]:
        """-1…1 from side to side of every row of the piece, and half the width of its widest row in units."""
        x = np.arange(self.inside.shape[1], dtype=np.float32)[None, :]
        mass = np.maximum(self.inside.sum(axis=1, keepdims=True), 1.0)
        middle = (self.inside * x).sum(axis=1, keepdims=True) / mass
        return np.asarray((x - middle) / (mass / 2), dtype=np.float32), float(mass.max()) / 2 * self.step


def fold_heights(drape: Drape, ground: Ground) -> Field:
    return np.asarray(FALLS[drape](ground), dtype=np.float32)


def _gaussian_bump(position: Field, centre: float, width: float) -> Field:
    return np.asarray(np.exp(-(((position - centre) / width) ** 2)), dtype=np.float32)


def _still_heights(ground: Ground) -> Field:
    return np.zeros_like(ground.inside)


def _body_heights(ground: Ground) -> Field:
    """Soft crumples above the waist, a few long ones towards the hem."""
    down = ground.down
    crumple = 0.42 * (0.5 + _gaussian_bump(down, 0.68, 0.18)) * ground.smooth_hills(6.0, 11.0)
    return np.asarray(crumple + 0.3 * (0.3 + down) * ground.smooth_hills(3.6, 22.0), dtype=np.float32)


def _arm_heights(ground: Ground) -> Field:
    """Rings around the elbow and below the shoulder, bowed to one side."""
    rows, columns = ground.inside.shape
    along = ground.down * np.float32(rows * ground.step)
    bow = 3.0 * np.linspace(-1.0, 1.0, columns, dtype=np.float32)[None, :] * (1 if ground.rng.random() < 0.5 else -1)
    crumple = _gaussian_bump(along, 34.0, 11.0) + 0.5 * _gaussian_bump(along, 8.0, 6.0) + 0.15
    fine = np.sin((along + bow) * ground.rng.uniform(0.85, 1.1) + ground.random_phase())
    broad = np.sin((along - bow) * 0.53 + ground.random_phase())
    return np.asarray(0.22 * crumple * (fine + 0.6 * broad), dtype=np.float32)


def _leg_heights(ground: Ground) -> Field:
    """Crumples behind the knee and above the shoe, long soft folds between."""
    down = ground.down
    crumple = 0.25 + _gaussian_bump(down, 0.55, 0.12) + 0.8 * _gaussian_bump(down, 0.96, 0.08)
    return np.asarray(
        0.3 * crumple * ground.smooth_hills(5.0, 7.0) + 0.25 * ground.smooth_hills(4.0, 40.0), dtype=np.float32
    )


def _hang_heights(ground: Ground) -> Field:
    """Folds that hang from the top and open with the hem."""
    side, half = ground.across_rows()
    down = ground.down
    waves = np.zeros_like(ground.inside)
    for frequency in (2.6, 4.4, 6.8, 9.3):
        sway = down * ground.rng.uniform(-0.7, 0.7) + ground.random_phase()
        waves += (ground.rng.uniform(0.5, 1.0) * np.sin(side * frequency + sway)).astype(np.float32)
    return np.asarray(0.08 * half**0.6 * (0.12 + down**1.2) * waves, dtype=np.float32)


def _pleat_heights(ground: Ground) -> Field:
    """Pressed pleats: long slopes and sharp edges."""
    side, half = ground.across_rows()
    phase = side * max(4, round(half * 0.33))
    tooth = phase - np.floor(phase)
    slope = np.minimum(tooth * 1.25, (1 - tooth) * 5.0)
    return np.asarray(0.55 * (0.35 + 0.65 * ground.down) * slope, dtype=np.float32)


def _gather_heights(ground: Ground) -> Field:
    """Small folds where cloth is drawn together, at the top and a little at the bottom."""
    side, half = ground.across_rows()
    down = ground.down
    fade = _gaussian_bump(down, 0.0, 0.5) + 0.45 * _gaussian_bump(down, 1.0, 0.3) + 0.2
    waves = np.sin(side * half * 1.1 + ground.random_phase()) + 0.6 * np.sin(side * half * 1.85 + ground.random_phase())
    return np.asarray(0.26 * fade * waves, dtype=np.float32)


FALLS: Final[dict[Drape, Callable[[Ground], Field]]] = {
    "still": _still_heights,
    "body": _body_heights,
    "arm": _arm_heights,
    "leg": _leg_heights,
    "hang": _hang_heights,
    "pleats": _pleat_heights,
    "gathers": _gather_heights,
}
