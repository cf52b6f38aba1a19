"""A box that a locator suggests, and the best of many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PIL import Image

    from models_registry.spec import Box

MOST_BOXES = 20
_SAME = 0.6


@dataclass(frozen=True, slots=True)
class SuggestedBox:
    """A box in whole pixels of the picture as displayed, how sure the locator is (0 … 1), and its label if any."""

    box: Box
    score: float
    label: str = ""


class Locator(Protocol):
    """Whatever suggests where the thing is on a picture."""

    def suggest(self, image: Image.Image) -> list[SuggestedBox]:
        """Boxes of an RGB picture, the surest first; none is an answer, too."""
        ...


def best_boxes(boxes: Iterable[SuggestedBox], most: int = MOST_BOXES) -> list[SuggestedBox]:
    """The surest boxes first, without those that cover nearly the same as a surer one."""
    best: list[SuggestedBox] = []
    for candidate in sorted(boxes, key=lambda box: -box.score):
        if len(best) == most:
            break
        if all(box_overlap(candidate.box, other.box) < _SAME for other in best):
            best.append(candidate)
    return best


def box_overlap(one: Box, other: Box) -> float:
    """The area that two boxes share over the area that either covers, 0 … 1."""
    across = min(one.x2, other.x2) - max(one.x1, other.x1)
    down = min(one.y2, other.y2) - max(one.y1, other.y1)
    if across <= 0 or down <= 0:
        return 0.0
    shared = across * down
    return shared / (_box_area(one) + _box_area(other) - shared)


def _box_area(box: Box) -> int:
    return (box.x2 - box.x1) * (box.y2 - box.y1)
