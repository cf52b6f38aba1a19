"""A bolt is the cloth of one garment at one scale: its pattern tile, its weave, and the plain cloths beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from evalapp.demo.fabrics.checks import gingham_tile, stripes_tile, tartan_tile
from evalapp.demo.fabrics.motifs import dots_tile, floral_tile, print_tile
from evalapp.demo.fabrics.weaves import rib_tile, weave_tile
from evalapp.demo.garments import has_chest_print
from evalapp.demo.palette import RGB, darker, mix_colours

if TYPE_CHECKING:
    from evalapp.demo.drape import Relief
    from evalapp.demo.garments import Garment
    from evalapp.demo.geometry import Frame
    from evalapp.demo.silhouettes.pieces import Cloth

Tile = NDArray[np.uint8]


GLOSS: Final = {"satin": 2.4, "wool": 0.5, "flannel": 0.6, "fleece": 0.5, "knit": 0.6, "cable knit": 0.6}
"""How much a material shines in its folds, where it is not like cotton."""


@dataclass(frozen=True, slots=True, eq=False)
class Bolt:
    """`tile` repeats over the main cloth (None when plain); `yarn` and `rib` are grey and multiply over it."""

    base: RGB
    second: RGB
    tile: Tile | None
    yarn: Tile | None
    rib: Tile
    turn: float
    gloss: float

    def ground_colour(self, cloth: Cloth) -> RGB:
        """The colour of that cloth, its pattern aside."""
        if cloth == "accent":
            return self.second
        if cloth == "lining":
            return mix_colours(self.base, (205, 190, 178), 0.25)
        return self.base

    def fill_frame(self, cloth: Cloth, frame: Frame, grain: float, folds: Relief) -> Image.Image:
        """A frame full of that cloth, threads turned by `grain` degrees and bent by the folds."""
        size = (frame.width, frame.height)
        plain = Image.new("RGB", size, self.ground_colour(cloth))
        surface = self.rib if cloth == "rib" else self.yarn
        tile = self.tile if cloth == "main" else None
        if tile is None and surface is None:
            return plain
        threads = _Threads(frame, grain, folds)
        if tile is not None:
            plain = Image.fromarray(threads.pick_pixels(tile, self.turn))
        if surface is None or cloth == "lining":
            return plain
        woven = Image.fromarray(threads.pick_pixels(surface, 0.0))
        return ImageChops.multiply(plain, Image.merge("RGB", (woven, woven, woven)))


class _Threads:
    """Where each pixel of a frame lies on the cloth, in pixels along weft and warp."""

    def __init__(self, frame: Frame, grain: float, folds: Relief) -> None:
        self._x0, self._y0 = frame.left * frame.scale, frame.top * frame.scale
        self._grain = grain
        bend = Image.fromarray(folds.bend * np.float32(frame.scale))
        self._bend = (
            np.asarray(bend.resize((frame.width, frame.height), Image.Resampling.BILINEAR))
            if folds.bend.any()
            else np.float32(0.0)
        )
        self._x = np.arange(frame.width, dtype=np.float32)[None, :] + np.float32(self._x0)
        self._y = np.arange(frame.height, dtype=np.float32)[:, None] + np.float32(self._y0)

    def pick_pixels(self, tile: Tile, turn: float) -> Tile:
        angle = math.radians(self._grain + turn)
        c, s = np.float32(math.cos(angle)), np.float32(math.sin(angle))
        weft = (self._x * c + self._y * s + self._bend).astype(np.int32) % tile.shape[1]
        warp = (self._y * c - self._x * s + self._bend * np.float32(0.6)).astype(np.int32) % tile.shape[0]
        flat = tile.reshape(tile.shape[0] * tile.shape[1], *tile.shape[2:])
        return np.asarray(flat.take(warp * np.int32(tile.shape[1]) + weft, axis=0), dtype=np.uint8)


def bolt_for(garment: Garment, scale: float) -> Bolt:
    """The garment's cloth at `scale` pixels per unit."""
    return Bolt(
        base=garment.base,
        second=garment.second if garment.pattern != "plain" else darker(garment.base, 0.3),
        tile=_pattern_tile(garment, scale),
        yarn=weave_tile(garment.material, scale, garment.grain),
        rib=rib_tile(scale),
        turn=_pattern_turn(garment),
        gloss=GLOSS.get(garment.material, 1.0),
    )


def _pattern_turn(garment: Garment) -> float:
    """Knits are striped across; woven stripes may run down or slantwise; gingham and tartan stay straight."""
    if garment.pattern == "stripes":
        if garment.category in ("t-shirt", "sweater", "hoodie", "cardigan", "tank top"):
            return 90.0
        if garment.category in ("trousers", "jacket", "shirt"):
            return 0.0
        return garment.turn
    return (
        45.0 if garment.pattern == "gingham" and garment.turn == 45 and garment.category in ("dress", "skirt") else 0.0
    )


def _pattern_tile(garment: Garment, scale: float) -> Tile | None:
    match garment.pattern:
        case "stripes":
            return stripes_tile(garment, scale)
        case "gingham":
            return gingham_tile(garment, scale)
        case "tartan":
            return tartan_tile(garment, scale)
        case "dots":
            return dots_tile(garment, scale)
        case "floral":
            return floral_tile(garment, scale)
        case "print" if not has_chest_print(garment):
            return print_tile(garment, scale)
    return None
