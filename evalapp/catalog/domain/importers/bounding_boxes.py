"""Bounding boxes as people write them, made into whole pixels inside the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

RawBox = tuple[float, float, float, float]
"""x1, y1, x2, y2: corners as written, finite, with x1 < x2 and y1 < y2."""

Box = tuple[int, int, int, int]
"""x1, y1, x2, y2 in whole pixels inside the picture, the second corner exclusive."""


def parse_box(texts: Sequence[str]) -> RawBox | None:
    """Four cells as a box, None where all of them are empty; raises ValueError with a line for a person."""
    cells = [text.strip() for text in texts]
    if not any(cells):
        return None
    try:
        x1, y1, x2, y2 = (float(cell) for cell in cells)
    except ValueError:
        raise ValueError(f"The box ({', '.join(cells)}) is not four numbers.") from None
    if not all(map(math.isfinite, (x1, y1, x2, y2))):
        raise ValueError(f"The box ({', '.join(cells)}) is not four finite numbers.")
    if x1 >= x2 or y1 >= y2:
        raise ValueError(f"The box ({', '.join(cells)}) is empty: x1 < x2 and y1 < y2 must hold.")
    return x1, y1, x2, y2


def clamp_box(box: RawBox, width: int, height: int) -> Box:
    """The pixels of a `width` by `height` picture that the box touches; raises ValueError if there are none.

    Corners between 0 and 1 are refused, too: some programs write shares of the picture.
    """
    x1, y1, x2, y2 = box
    if min(x1, y1) >= 0 and x2 <= 1 < width and y2 <= 1 < height:
        # Taken for pixels they would all be the same one in the corner.
        raise ValueError(f"The box ({x1:g}, {y1:g}, {x2:g}, {y2:g}) looks like shares of the picture; give pixels.")
    left, top = math.floor(max(x1, 0)), math.floor(max(y1, 0))
    right, bottom = math.ceil(min(x2, width)), math.ceil(min(y2, height))
    if left >= right or top >= bottom:
        raise ValueError(f"The box ({x1:g}, {y1:g}, {x2:g}, {y2:g}) lies outside the {width} by {height} picture.")
    return left, top, right, bottom


def turned_box(box: RawBox, orientation: int, width: int, height: int) -> RawBox:
    """A box drawn on the pixels as stored, on the picture as displayed after EXIF `orientation` (1 … 8).

    `width` and `height` are those displayed.
    """
    x1, y1, x2, y2 = box
    if orientation >= 5:
        # Stored on its side: rows become columns.
        x1, y1, x2, y2 = y1, x1, y2, x2
    if orientation in {2, 3, 6, 7}:
        x1, x2 = width - x2, width - x1
    if orientation in {3, 4, 7, 8}:
        y1, y2 = height - y2, height - y1
    return x1, y1, x2, y2
