"""Takes the pictures: a clean one for the shop, and what people post from the street."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageFilter

from evalapp.demo.camera import coarsen_view, dapple_image, develop_image, perspective_view, view_image
from evalapp.demo.cloth import Sewn, Sheet, sew_garment
from evalapp.demo.geometry import Frame
from evalapp.demo.palette import RGB
from evalapp.demo.props import draw_hanger
from evalapp.demo.scenes import SCENES
from evalapp.demo.scenes.texture import vertical_gradient
from evalapp.demo.wearer import draw_wearer, random_look

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
    sheet = _sew_for_shop(garment, size).whole_sheet()
    canvas = vertical_gradient(width, height, BACKDROP)
    corner = ((width - sheet.colour.width) // 2, (height - sheet.colour.height) // 2)
    mask = Image.new("L", (width, height), 0)
    mask.paste(sheet.alpha, corner)
    _cast_shadow(canvas, mask, (0.004, 0.016), 0.022, 0.34)
    _cast_shadow(canvas, mask, (0.001, 0.004), 0.005, 0.28)
    canvas.paste(sheet.colour, corner, sheet.alpha)
    return _finish_picture(canvas, mask.reduce(FINE))


def take_street(garment: Garment, shot: Shot, size: int = SIZE) -> Picture:
    rng = np.random.default_rng(shot.seed)
    long = size * FINE
    width, height = (
        (round(size * shot.aspect) * FINE, long) if shot.aspect <= 1 else (long, round(size / shot.aspect) * FINE)
    )
    sewn = _sew_for_shop(garment, size)
    scene = SCENES[shot.scene](rng, width // FINE, height // FINE)
    canvas = scene.resize((width, height), Image.Resampling.BICUBIC)
    stage, garment_mask = _set_stage(garment, sewn, shot, rng, (width, height))
    view = perspective_view(shot, stage.colour.size, (width, height), shot.zoom)
    colour = view_image(stage.colour, (width, height), view)
    alpha = view_image(stage.alpha, (width, height), view)
    if shot.stage != "worn":
        _cast_shadow(canvas, alpha, (0.008, 0.014), 0.012, 0.42)
    elif shot.scene in ("brick", "plaster", "panelling"):
        _cast_shadow(canvas, alpha, (0.035, 0.02), 0.02, 0.30)
    canvas.paste(colour, (0, 0), alpha)
    canvas = dapple_image(canvas, shot, rng)
    picture = _finish_picture(
        canvas, view_image(garment_mask, (width // FINE, height // FINE), coarsen_view(view, FINE))
    )
    return Picture(develop_image(picture.image, shot, rng), picture.mask, picture.box)


def _sew_for_shop(garment: Garment, size: int) -> Sewn:
    """Shop and street pictures share one sewing, sized for the shop."""
    return sew_garment(garment, round(size * SHOP_ASPECT * FINE * 0.84), round(size * FINE * 0.86))


def _set_stage(
    garment: Garment, sewn: Sewn, shot: Shot, rng: np.random.Generator, size: tuple[int, int]
) -> tuple[Sheet, Image.Image]:
    """The garment on its wearer, hanger or nothing, on a stage larger than the view; and the garment's own mask."""
    sheet = sewn.front.frame
    room = 1.3 / shot.zoom
    width, height = round(size[0] * room), round(size[1] * room)
    corner = ((width - sheet.width) // 2, (height - sheet.height) // 2)
    frame = Frame(sheet.scale, sheet.left - corner[0] / sheet.scale, sheet.top - corner[1] / sheet.scale, width, height)
    stage = Sheet(Image.new("RGB", (width, height), garment.base), Image.new("L", (width, height), 0), frame)
    garment_mask = Image.new("L", (width, height), 0)
    _add_layer(stage, sewn.back, corner)
    garment_mask.paste(sewn.back.alpha, corner, sewn.back.alpha)
    if shot.stage == "worn":
        person = draw_wearer(frame, random_look(rng), sewn.cut.worn, layered=garment.category in LAYERED)
        _add_layer(stage, Sheet(*person, frame), (0, 0))
        garment_mask.paste(0, (0, 0), person[1])
    elif shot.stage == "hung":
        hanger = draw_hanger(frame, clips="upper" not in sewn.cut.worn, top=sheet.top + 1.6)
        _add_layer(stage, Sheet(*hanger, frame), (0, 0))
    _add_layer(stage, sewn.front, corner)
    garment_mask.paste(sewn.front.alpha, corner, sewn.front.alpha)
    return stage, garment_mask


def _add_layer(stage: Sheet, layer: Sheet, corner: tuple[int, int]) -> None:
    stage.colour.paste(layer.colour, corner, layer.alpha)
    stage.alpha.paste(255, corner, layer.alpha)


def _cast_shadow(canvas: Image.Image, mask: Image.Image, shift: tuple[float, float], blur: float, depth: float) -> None:
    """What the garment throws on the ground behind it; lengths in shares of the height."""
    coarse = 4
    small = mask.reduce(coarse)
    tall = small.height
    moved = Image.new("L", small.size, 0)
    moved.paste(small, (round(shift[0] * tall), round(shift[1] * tall)))
    soft = moved.filter(ImageFilter.GaussianBlur(max(0.6, blur * tall))).point([round(v * depth) for v in range(256)])
    canvas.paste((70, 56, 62), (0, 0), soft.resize(canvas.size, Image.Resampling.BILINEAR))


def _finish_picture(canvas: Image.Image, garment_mask: Image.Image) -> Picture:
    """Reduces the fine canvas; `garment_mask` has the finished size and says how much of each pixel is garment."""
    mask = garment_mask.point([255 if v >= 96 else 0 for v in range(256)])
    box = mask.getbbox()
    if box is None:
        raise ValueError("The garment lies outside its picture; give the shot a smaller shift.")
    return Picture(canvas.reduce(FINE), mask, box)
