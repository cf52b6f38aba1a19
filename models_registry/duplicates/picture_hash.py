"""A picture in 256 bits that hardly change when it is saved again, and the copies by which that is proved."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

if TYPE_CHECKING:
    from numpy.typing import NDArray

HASH_BITS = 256
_SIDE = 16
_CUTS = (
    *((share, share, 1 - share, 1 - share) for share in (0.025, 0.05, 0.075, 0.1)),
    *((x, y, x + 0.9, y + 0.9) for x in (0.0, 0.1) for y in (0.0, 0.1)),
)
"""Windows x1, y1, x2, y2 in shares of the sides: the middle, smaller and smaller, and the four corners."""


def picture_hash(image: Image.Image) -> NDArray[np.uint8]:
    """Difference hashes [1 + n, 32] of an RGB picture: as it is first, then mirrored and as it would be if it were cut.

    Shrunk to 17 x 16 shades of grey, a bit says whether a place is darker than its right neighbour. Most bits stay
    under compression, scaling and other light. A cut moves them, and so the hashes of some cuts are kept as well.
    """
    grey = image.convert("L")
    width, height = grey.size
    whole = _shrink_to_shades(grey, (0.0, 0.0, float(width), float(height)))
    cuts = [_shrink_to_shades(grey, (x1 * width, y1 * height, x2 * width, y2 * height)) for x1, y1, x2, y2 in _CUTS]
    return np.stack([_pack_bits(shades) for shades in (whole, whole[:, ::-1], *cuts)])


def treated_copies(image: Image.Image) -> dict[str, Image.Image]:
    """What becomes of a picture that is uploaded once more: JPEG of quality 40, half size, cut to 90 %, mirrored."""
    stored = io.BytesIO()
    image.save(stored, "JPEG", quality=40)
    with Image.open(stored) as opened:
        compressed = opened.convert("RGB")
    width, height = image.size
    margins = (round(0.05 * width), round(0.05 * height))
    return {
        "jpeg": compressed,
        "half": image.resize((max(1, width // 2), max(1, height // 2)), Image.Resampling.BICUBIC),
        "crop": image.crop((margins[0], margins[1], max(1, width - margins[0]), max(1, height - margins[1]))),
        "mirror": ImageOps.mirror(image),
    }


def _shrink_to_shades(grey: Image.Image, box: tuple[float, float, float, float]) -> NDArray[np.int16]:
    small = grey.resize((_SIDE + 1, _SIDE), Image.Resampling.BOX, box=box)
    return np.asarray(small, dtype=np.int16)


def _pack_bits(shades: NDArray[np.int16]) -> NDArray[np.uint8]:
    return np.packbits(shades[:, :-1] < shades[:, 1:])
