"""Takes the pictures: a clean one for the shop, and what people post from the street."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageFilter

from evalapp.demo.camera import coarser, dappled, developed, perspective, viewed
from evalapp.demo.cloth import Sewn, Sheet, sew
from evalapp.demo.geometry import Frame
from evalapp.demo.palette import RGB
from evalapp.demo.props import draw_hanger
from evalapp.demo.scenes import SCENES
from evalapp.demo.scenes.texture import gradient
from evalapp.demo.wearer import draw_wearer, look

if TYPE_CHECKING:
    from evalapp.demo.garments import Garment
    from evalapp.demo.shots import Shot

SIZE: Final = 480
"""Long side of a finished picture, in pixels; everything is drawn twice as large and reduced."""
FINE: Final = 2
SHOP_ASPECT: Final = 0.8
BACKDROP: Final[tuple[RGB, ...]] = ((248, 246, 242), (244, 241, 236), (234, 230, 224))
LAYERED: Final = ("jacket", "coat", "cardigan")
"""What is worn over a plain tee."""

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A finished picture, the mask of what can be seen of the garment, and its box (x1, y1, x2, y2; ends excluded)."""

    image: Image.Image
    mask: Image.Image
    box: Box


def draw_shop(garment: Garment, size: int = SIZE) -> Image.Image:
    """The garment alone on a light ground; `size` is the height in pixels."""
    return take_shop(garment, size).image


def draw_street(garment: Garment, shot: Shot, size: int = SIZE) -> Image.Image:
    """The garment somewhere in the world; `size` is the long side in pixels."""
    return take_street(garment, shot, size).image


def take_shop(garment: Garment, size: int = SIZE) -> Picture:
    width, height = round(size * SHOP_ASPECT) * FINE, size * FINE
    sheet = _sewn(garment, size).whole()
    canvas = gradient(width, height, BACKDROP)
    at = ((width - sheet.colour.width) // 2, (height - sheet.colour.height) // 2)
    mask = Image.new("L", (width, height), 0)
    mask.paste(sheet.alpha, at)
    _shadow(canvas, mask, (0.004, 0.016), 0.022, 0.34)
    _shadow(canvas, mask, (0.001, 0.004), 0.005, 0.28)
    canvas.paste(sheet.colour, at, sheet.alpha)
    return _finished(canvas, mask.reduce(FINE))


def take_street(garment: Garment, shot: Shot, size: int = SIZE) -> Picture:
    rng = np.random.default_rng(shot.seed)
    long = size * FINE
    width, height = (
        (round(size * shot.aspect) * FINE, long) if shot.aspect <= 1 else (long, round(size / shot.aspect) * FINE)
    )
    sewn = _sewn(garment, size)
    scene = SCENES[shot.scene](rng, width // FINE, height // FINE)
    canvas = scene.resize((width, height), Image.Resampling.BICUBIC)
    stage, seen = _staged(garment, sewn, shot, rng, (width, height))
    view = perspective(shot, stage.colour.size, (width, height), shot.zoom)
    colour = viewed(stage.colour, (width, height), view)
    alpha = viewed(stage.alpha, (width, height), view)
    if shot.stage != "worn":
        _shadow(canvas, alpha, (0.008, 0.014), 0.012, 0.42)
    elif shot.scene in ("brick", "plaster", "panelling"):
        _shadow(canvas, alpha, (0.035, 0.02), 0.02, 0.30)
    canvas.paste(colour, (0, 0), alpha)
    canvas = dappled(canvas, shot, rng)
    picture = _finished(canvas, viewed(seen, (width // FINE, height // FINE), coarser(view, FINE)))
    return Picture(developed(picture.image, shot, rng), picture.mask, picture.box)


def _sewn(garment: Garment, size: int) -> Sewn:
    """Shop and street pictures share one sewing, sized for the shop."""
    return sew(garment, round(size * SHOP_ASPECT * FINE * 0.84), round(size * FINE * 0.86))


def _staged(
    garment: Garment, sewn: Sewn, shot: Shot, rng: np.random.Generator, size: tuple[int, int]
) -> tuple[Sheet, Image.Image]:
    """The garment on its wearer, hanger or nothing, on a stage larger than the view; and the garment's own mask."""
    sheet = sewn.front.frame
    room = 1.3 / shot.zoom
    width, height = round(size[0] * room), round(size[1] * room)
    at = ((width - sheet.width) // 2, (height - sheet.height) // 2)
    frame = Frame(sheet.scale, sheet.left - at[0] / sheet.scale, sheet.top - at[1] / sheet.scale, width, height)
    stage = Sheet(Image.new("RGB", (width, height), garment.base), Image.new("L", (width, height), 0), frame)
    seen = Image.new("L", (width, height), 0)
    _add(stage, sewn.back, at)
    seen.paste(sewn.back.alpha, at, sewn.back.alpha)
    if shot.stage == "worn":
        person = draw_wearer(frame, look(rng), sewn.cut.worn, layered=garment.category in LAYERED)
        _add(stage, Sheet(*person, frame), (0, 0))
        seen.paste(0, (0, 0), person[1])
    elif shot.stage == "hung":
        hanger = draw_hanger(frame, clips="upper" not in sewn.cut.worn, top=sheet.top + 1.6)
        _add(stage, Sheet(*hanger, frame), (0, 0))
    _add(stage, sewn.front, at)
    seen.paste(sewn.front.alpha, at, sewn.front.alpha)
    return stage, seen


def _add(stage: Sheet, layer: Sheet, at: tuple[int, int]) -> None:
    stage.colour.paste(layer.colour, at, layer.alpha)
    stage.alpha.paste(255, at, layer.alpha)


def _shadow(canvas: Image.Image, mask: Image.Image, shift: tuple[float, float], blur: float, depth: float) -> None:
    """What the garment throws on the ground behind it; lengths in shares of the height."""
    coarse = 4
    small = mask.reduce(coarse)
    tall = small.height
    moved = Image.new("L", small.size, 0)
    moved.paste(small, (round(shift[0] * tall), round(shift[1] * tall)))
    soft = moved.filter(ImageFilter.GaussianBlur(max(0.6, blur * tall))).point([round(v * depth) for v in range(256)])
    canvas.paste((70, 56, 62), (0, 0), soft.resize(canvas.size, Image.Resampling.BILINEAR))


def _finished(canvas: Image.Image, seen: Image.Image) -> Picture:
    """Reduces the fine canvas; `seen` has the finished size and says how much of each pixel is garment."""
    mask = seen.point([255 if v >= 96 else 0 for v in range(256)])
    box = mask.getbbox()
    if box is None:
        raise ValueError("The garment lies outside its picture; give the shot a smaller shift.")
    return Picture(canvas.reduce(FINE), mask, box)
