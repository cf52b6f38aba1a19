"""The autoencoder's codes looked at: pictures decoded along single dimensions, from one end to the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from models_registry.spec import Preprocess

WALK = "walk.png"
DIMENSIONS, STEPS, REACH = 8, 9, 2.0
"""So many dimensions, one to a row, in so many steps from -REACH to REACH standard deviations around the mean code."""


@dataclass(frozen=True, slots=True)
class Walk:
    """The dimensions shown, those in which codes differ most first, how much they differ there (standard deviation),
    and the picture: a row per dimension, a tile per step."""

    dimensions: tuple[int, ...]
    spreads: tuple[float, ...]
    picture: NDArray[np.uint8]

    def write(self, folder: Path) -> None:
        """The picture as a file, which is there whole or not at all."""
        draft = folder / f".{WALK}"
        Image.fromarray(self.picture).save(draft, "PNG")
        draft.replace(folder / WALK)

    def to_json(self) -> dict[str, object]:
        """What the run's measures say of it."""
        return {
            "dimensions": list(self.dimensions),
            "spreads": [round(spread, 4) for spread in self.spreads],
            "steps": STEPS,
            "reach": REACH,
        }


def latent_walk(decoder: nn.Module, codes: NDArray[np.float32], rules: Preprocess) -> Walk:
    """Decode around the mean of the codes [n, d]; `decoder` gives pictures as the network reads them [n, 3, h, w]."""
    middle, spreads = codes.mean(axis=0), codes.std(axis=0)
    chosen = np.argsort(-spreads, kind="stable")[:DIMENSIONS]
    walk_codes = np.repeat(middle[None, None], len(chosen), axis=0).repeat(STEPS, axis=1)
    for row, dimension in enumerate(chosen):
        walk_codes[row, :, dimension] += np.linspace(-REACH, REACH, STEPS) * spreads[dimension]
    device = next(decoder.parameters()).device
    with torch.no_grad():
        decoded = decoder(torch.from_numpy(walk_codes.reshape(-1, codes.shape[1]).astype(np.float32)).to(device))
    tiles = decoded.numpy(force=True).transpose(0, 2, 3, 1) * np.array(rules.std) + np.array(rules.mean)
    if rules.channels == "bgr":
        tiles = tiles[..., ::-1]
    side = tiles.shape[1]
    pixels = np.clip(np.rint(tiles * 255), 0, 255).astype(np.uint8)
    sheet = pixels.reshape(len(chosen), STEPS, side, side, 3).transpose(0, 2, 1, 3, 4)
    picture = np.ascontiguousarray(sheet.reshape(len(chosen) * side, STEPS * side, 3))
    return Walk(tuple(int(one) for one in chosen), tuple(float(spreads[one]) for one in chosen), picture)
