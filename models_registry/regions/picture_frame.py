"""Where a picture lies in what a network was given of it, and the way back for boxes and masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models_registry.spec import Box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models_registry.spec import Preprocess


@dataclass(frozen=True, slots=True)
class PictureFrame:
    """The place of a whole picture in a network's input, in shares of the input's sides: its corners."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def for_picture(cls, rules: Preprocess, width: int, height: int) -> PictureFrame:
        """For a picture of this size; raises ValueError for rules that cut something off."""
        if rules.resize == "squash":
            return cls(0.0, 0.0, 1.0, 1.0)
        if rules.resize != "letterbox":
            raise ValueError(f"A picture that is made ready by {rules.resize} is not all there.")
        down, across = rules.size
        scale = min(across / width, down / height)
        # As preprocessing rounds it: the bars are whole pixels.
        wide, high = min(across, max(1, round(width * scale))), min(down, max(1, round(height * scale)))
        left, top = (across - wide) // 2, (down - high) // 2
        return cls(left / across, top / down, (left + wide) / across, (top + high) / down)

    def box_in_picture(self, corners: Sequence[float], width: int, height: int) -> Box | None:
        """The box with corners x1, y1, x2, y2 in shares of the input, in whole pixels of the picture; None where no
        pixel is in it."""
        x1, x2 = ((corner - self.left) / (self.right - self.left) for corner in (corners[0], corners[2]))
        y1, y2 = ((corner - self.top) / (self.bottom - self.top) for corner in (corners[1], corners[3]))
        shares = [min(1.0, max(0.0, share)) for share in (x1, y1, x2, y2)]
        left, right = round(shares[0] * width), round(shares[2] * width)
        top, bottom = round(shares[1] * height), round(shares[3] * height)
        return Box(left, top, right, bottom) if right > left and bottom > top else None

    def cells_of_picture(self, width: int, height: int) -> tuple[int, int, int, int]:
        """The cells of a map of the input, `width` by `height`, that show the picture: left, top, right, bottom."""
        left, top = int(self.left * width), int(self.top * height)
        right, bottom = round(self.right * width), round(self.bottom * height)
        return left, top, max(left + 1, right), max(top + 1, bottom)
