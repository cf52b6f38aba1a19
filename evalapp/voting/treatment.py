"""The same picture once more, as somebody else might have published it: cropped, of another size, compressed anew."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from models_registry.pictures import open_rgb

_KEPT = (0.78, 0.94)
"""Share of each side that the crop keeps, at least and at most."""
_QUALITY = (72, 90)


def treated(data: bytes, size: tuple[int, int], rng: np.random.Generator) -> bytes:
    """A JPEG of this width and height that shows most of the picture in `data`. Raises BadPicture."""
    image = open_rgb(data)
    width, height = size
    fit = min(image.width / width, image.height / height) * rng.uniform(*_KEPT)
    across, down = max(1, round(width * fit)), max(1, round(height * fit))
    left = int(rng.integers(image.width - across + 1))
    top = int(rng.integers(image.height - down + 1))
    shown = image.resize(size, Image.Resampling.LANCZOS, box=(left, top, left + across, top + down))
    out = io.BytesIO()
    shown.save(out, "JPEG", quality=int(rng.integers(*_QUALITY)))
    return out.getvalue()


def likely_size(own: tuple[int, int], others: list[tuple[int, int]], most_loss: float = 0.35) -> tuple[int, int]:
    """Of the sizes of other pictures, one that a crop of a picture of size `own` can have without being enlarged.

    So the size does not tell that the picture was treated. Its own size where no other fits.
    """
    width, height = own
    for across, down in others:
        scale = min(width * _KEPT[0] / across, height * _KEPT[0] / down)
        used = across * down * scale * scale / (width * height * _KEPT[0] ** 2)
        if scale >= 1 and used >= 1 - most_loss:
            return across, down
    return own
