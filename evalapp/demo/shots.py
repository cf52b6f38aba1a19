"""How each picture was taken: the street shots of a product differ in everything but the garment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from evalapp.demo.garments import Garment

Stage = Literal["worn", "hung", "flat"]

SCENES: Final[dict[Stage, tuple[str, ...]]] = {
    "worn": ("brick", "plaster", "city", "city", "night", "park", "park", "seaside", "cafe", "panelling"),
    "hung": ("brick", "plaster", "plaster", "panelling", "tiles"),
    "flat": ("linen", "linen", "planks", "parquet", "rug"),
}
SHOTS_PER_PRODUCT: Final = (2, 3, 1, 2, 4, 2, 2, 1)
"""Street pictures by place in the shop; 17 in every 8 products, so 220 products give more than 680 pictures."""


@dataclass(frozen=True, slots=True)
class Shot:
    """The conditions of one street picture.

    `zoom` scales the garment against its size in the shop picture, `x` and `y` move it by shares of the picture,
    `roll` turns it (degrees), `lean_x` and `lean_y` tip it in perspective, `exposure`, `contrast` are factors,
    `warmth` shifts from blue (< 0) to amber, `vignette`, `blur` (pixels of the finished picture), `noise`
    (grey levels), `quality` (JPEG), `aspect` (width over height), `shade` is light through leaves or a window.
    """

    stage: Stage
    scene: str
    seed: int
    zoom: float
    x: float
    y: float
    roll: float
    lean_x: float
    lean_y: float
    exposure: float
    contrast: float
    warmth: float
    vignette: float
    blur: float
    noise: float
    quality: int
    aspect: float
    shade: Literal["", "leaves", "window"]


def shots_of(garment: Garment, place: int) -> list[Shot]:
    """The street shots of the garment that stands at `place` in the shop; at least one."""
    rng = np.random.default_rng([garment.grain, 11])
    count = SHOTS_PER_PRODUCT[place % len(SHOTS_PER_PRODUCT)]
    return [_draw_shot(rng) for _ in range(count)]


def _draw_shot(rng: np.random.Generator) -> Shot:
    stage: Stage = ("worn", "hung", "flat")[int(rng.choice(3, p=[0.62, 0.19, 0.19]))]
    scenes = SCENES[stage]
    scene = scenes[int(rng.integers(len(scenes)))]
    tipped = {"worn": 4.0, "hung": 3.5, "flat": 17.0}[stage]
    close = {"worn": (0.76, 1.02), "hung": (0.78, 1.02), "flat": (0.78, 1.05)}[stage]
    sharp = rng.random() < 0.7
    return Shot(
        stage=stage,
        scene=scene,
        seed=int(rng.integers(2**31)),
        zoom=float(rng.uniform(*close)),
        x=float(rng.uniform(-0.1, 0.1)),
        y=float(rng.uniform(-0.07, 0.08)),
        roll=float(np.clip(rng.normal(0, tipped * 0.7), -1.6 * tipped, 1.6 * tipped)),
        lean_x=float(rng.normal(0, 0.035)),
        lean_y=float(rng.normal(0, 0.04)),
        exposure=float(rng.uniform(0.82, 1.12)),
        contrast=float(rng.uniform(0.88, 1.12)),
        warmth=float(np.clip(rng.normal(0.02, 0.055), -0.11, 0.13)),
        vignette=float(rng.uniform(0.0, 0.32)),
        blur=0.0 if sharp else float(rng.uniform(0.4, 1.3)),
        noise=float(rng.uniform(0.0, 5.5)),
        quality=int(rng.integers(58, 88)),
        aspect=(0.75, 0.75, 0.8, 1.0)[int(rng.integers(4))],
        shade=("", "", "leaves", "window")[int(rng.integers(4))] if stage != "flat" or scene == "linen" else "",
    )
