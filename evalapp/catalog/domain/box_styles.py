"""How an item with a box is shown: the rule, in whole pixels of the picture as displayed."""

from __future__ import annotations

from dataclasses import dataclass

Corners = tuple[int, int, int, int]
"""x1, y1 inside; x2, y2 just outside."""

MOST_MARGIN = 100
"""Per cent."""


@dataclass(frozen=True, slots=True)
class BoxStyle:
    """The box cut out, or with `dimmed` the whole picture, darkened outside the box.

    `margin` is what is shown around the box on each side, in per cent of the box's width and height.
    """

    dimmed: bool = False
    margin: int = 0


PLAIN = BoxStyle()
"""Exactly the pixels of which the vectors are made."""


def with_margin(box: Corners, margin: int, width: int, height: int) -> Corners:
    """The box and `margin` per cent of its sides around it, as far as a picture of this size has them."""
    x1, y1, x2, y2 = box
    across, down = round((x2 - x1) * margin / 100), round((y2 - y1) * margin / 100)
    return max(0, x1 - across), max(0, y1 - down), min(width, x2 + across), min(height, y2 + down)
