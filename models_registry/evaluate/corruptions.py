"""What happens to photos on their way: mirrored, cut, compressed, shrunk, drawn and written on. Pillow only.

One list serves training, which wants pictures varied, and the robustness report, which asks how many answers
survive. A corruption takes an RGB picture, a strength in 0 … 1 and a source of chance, and gives a picture of the
same size: boxes stay where they are. The same seed gives the same pixels.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

if TYPE_CHECKING:
    from collections.abc import Callable

    Corrupt = Callable[[Image.Image, float, np.random.Generator], Image.Image]

WORDS = ("SALE", "NEW IN", "-50%", "only today", "@best.looks", "COPYRIGHT", "sold out", "8:41")


@dataclass(frozen=True, slots=True)
class Corruption:
    """One thing that happens to a photo. `summary` says what strength 0 and 1 mean."""

    name: str
    summary: str
    apply: Corrupt


def corrupt_picture(name: str, image: Image.Image, *, strength: float = 0.5, seed: int = 0) -> Image.Image:
    """The picture after one corruption; raises KeyError for an unknown one, ValueError for a strength beyond 0 … 1."""
    if not 0 <= strength <= 1:
        raise ValueError(f"A strength lies in 0 … 1, not {strength:g}.")
    return CORRUPTIONS[name].apply(image, strength, np.random.default_rng(seed))


def mirror_picture(image: Image.Image, _strength: float, _rng: np.random.Generator) -> Image.Image:
    """Left and right exchanged."""
    return ImageOps.mirror(image)


def crop_picture(image: Image.Image, strength: float, rng: np.random.Generator) -> Image.Image:
    """A part of the picture, from all of it down to half of each side, anywhere, scaled up again."""
    share = 1 - 0.5 * strength
    width, height = max(1, round(image.width * share)), max(1, round(image.height * share))
    left = int(rng.integers(image.width - width + 1))
    top = int(rng.integers(image.height - height + 1))
    part = image.crop((left, top, left + width, top + height))
    return part.resize(image.size, Image.Resampling.BILINEAR)


def save_as_jpeg(image: Image.Image, strength: float, _rng: np.random.Generator) -> Image.Image:
    """Saved as JPEG of quality 60 down to 5 and opened again."""
    stored = io.BytesIO()
    image.save(stored, "JPEG", quality=round(60 - 55 * strength))
    with Image.open(stored) as opened:
        return opened.convert("RGB")


def shrink_picture(image: Image.Image, strength: float, _rng: np.random.Generator) -> Image.Image:
    """Scaled down to between half and an eighth of each side, and up again."""
    factor = 2 * 4**strength
    small = (max(1, round(image.width / factor)), max(1, round(image.height / factor)))
    return image.resize(small, Image.Resampling.BOX).resize(image.size, Image.Resampling.BICUBIC)


def draw_strokes(image: Image.Image, strength: float, rng: np.random.Generator) -> Image.Image:
    """One to six strokes of a pen of one colour across the picture."""
    drawn = image.copy()
    pen = ImageDraw.Draw(drawn)
    long_side = max(image.size)
    for _ in range(1 + round(5 * strength)):
        corners = rng.random((5, 2)) * image.size
        points = [(float(x), float(y)) for x, y in corners]
        pen.line(points, fill=_random_colour(rng), width=max(1, long_side // 50), joint="curve")
    return drawn


def write_words(image: Image.Image, strength: float, rng: np.random.Generator) -> Image.Image:
    """One to four lines of words as shops and phones write them, larger with the strength."""
    drawn = image.copy()
    pen = ImageDraw.Draw(drawn)
    font = ImageFont.load_default(size=max(8.0, min(image.size) * (0.08 + 0.12 * strength)))
    for _ in range(1 + round(3 * strength)):
        text = WORDS[int(rng.integers(len(WORDS)))]
        left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
        x = float(rng.uniform(0, max(1.0, image.width - (right - left))))
        y = float(rng.uniform(0, max(1.0, image.height - (bottom - top))))
        pen.text(
            (x - left, y - top),
            text,
            fill=_random_colour(rng),
            font=font,
            stroke_width=1,
            stroke_fill=_random_colour(rng),
        )
    return drawn


def _random_colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = rng.integers(256, size=3).tolist()
    return red, green, blue


CORRUPTIONS: dict[str, Corruption] = {
    entry.name: entry
    for entry in (
        Corruption("flip", "mirrored; strength says nothing", mirror_picture),
        Corruption("crop", "a part of it, from all down to half of each side", crop_picture),
        Corruption("jpeg", "JPEG quality from 60 down to 5", save_as_jpeg),
        Corruption("shrink", "scaled down 2 to 8 times and up again", shrink_picture),
        Corruption("scribble", "1 to 6 strokes of a pen", draw_strokes),
        Corruption("text", "1 to 4 lines of words", write_words),
    )
}
