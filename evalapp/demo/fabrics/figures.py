"""One large figure printed on the chest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from evalapp.demo.fabrics.motifs import figure_inks
from evalapp.demo.fabrics.shapes import LARGE

if TYPE_CHECKING:
    from evalapp.demo.garments import Garment


def draw_figure(garment: Garment, side: int) -> tuple[Image.Image, Image.Image]:
    """The garment's chest print, `side` pixels square, and its mask."""
    ink = figure_inks(garment)
    art = Image.new("RGB", (side, side), garment.base)
    mask = Image.new("L", (side, side), 0)
    colours, covers = ImageDraw.Draw(art), ImageDraw.Draw(mask)
    for polygon, role in LARGE[garment.motif // 3 % len(LARGE)]():
        placed = [(x, y) for x, y in ((polygon + 1.0) * side / 2).tolist()]
        colours.polygon(placed, fill=ink[role])
        covers.polygon(placed, fill=235)
    return art, mask
