"""The same picture once more, as somebody else might have published it: cropped, of another size, compressed anew."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

_KEPT = (0.78, 0.94)
"""Share of each side that the crop keeps, at least and at most."""
_LEAST_KEPT = 0.5
"""Share of the area that has to be left where the shape is another."""
_QUALITY = (72, 90)


def treat_picture(image: Image.Image, size: tuple[int, int], rng: np.random.Generator) -> bytes:
    """A JPEG of this width and height that shows most of the picture."""
    width, height = size
    fit = min(image.width / width, image.height / height) * rng.uniform(*_KEPT)
    across, down = max(1, round(width * fit)), max(1, round(height * fit))
    left = int(rng.integers(image.width - across + 1))
    top = int(rng.integers(image.height - down + 1))
    shown = image.resize(size, Image.Resampling.LANCZOS, box=(left, top, left + across, top + down))
    out = io.BytesIO()
    shown.save(out, "JPEG", quality=int(rng.integers(*_QUALITY)))
    return out.getvalue()


def likely_size(own_size: tuple[int, int], others: list[tuple[int, int]]) -> tuple[int, int]:
    """The first of the sizes of other pictures whose shape keeps most of a picture of size `own_size`.

    The sizes are those of pictures that people see beside it anyway, so that a size does not tell what was treated.
    """
    width, height = own_size

    def kept_share(size: tuple[int, int]) -> float:
        scale = min(width / size[0], height / size[1])
        return size[0] * size[1] * scale * scale / (width * height)

    return next(
        (size for size in others if kept_share(size) >= _LEAST_KEPT), max(others, key=kept_share, default=own_size)
    )
