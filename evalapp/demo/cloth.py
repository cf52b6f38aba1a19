"""Sewing pixels: paints a cut garment with its fabric, folds, seams and shadows on a transparent sheet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from evalapp.demo.drape import Relief, relief_of
from evalapp.demo.fabrics import Bolt, bolt_for
from evalapp.demo.fabrics.figures import draw_figure
from evalapp.demo.geometry import Frame, Points, ellipse
from evalapp.demo.palette import RGB, darker, lighter, line_ink, luminance, mix_colours
from evalapp.demo.silhouettes.pieces import Button, Cut, Decal, Layer, Piece, Stroke
from evalapp.demo.silhouettes.wardrobe import cut_garment

if TYPE_CHECKING:
    from evalapp.demo.garments import Garment

SHADE_TINT: RGB = (58, 44, 66)
"""What cloth turns to in its own shadow: a violet dusk, kinder than grey."""


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A painted half of a garment: its colours, where it is, and the frame that says where units lie."""

    colour: Image.Image
    alpha: Image.Image
    frame: Frame


@dataclass(frozen=True, slots=True, eq=False)
class Sewn:
    """A garment painted once, used by all its pictures: the layers behind and in front of a wearer."""

    back: Sheet
    front: Sheet
    cut: Cut

    def whole_sheet(self) -> Sheet:
        """Back and front as one, the ghost-mannequin look."""
        colour = self.back.colour.copy()
        colour.paste(self.front.colour, mask=self.front.alpha)
        return Sheet(colour, ImageChops.lighter(self.back.alpha, self.front.alpha), self.front.frame)


@lru_cache(maxsize=2)
def sew_garment(garment: Garment, width: int, height: int) -> Sewn:
    """The garment as large as fits into `width` by `height` pixels, its sheets just large enough."""
    pattern = cut_garment(garment)
    frame = _fit_frame(pattern, width, height)
    bolt = bolt_for(garment, frame.scale)
    rng = np.random.default_rng(garment.grain)
    back = _paint_layers(pattern.back, garment, bolt, frame, rng)
    front = _paint_layers(pattern.front, garment, bolt, frame, rng)
    return Sewn(back, front, pattern)


def _fit_frame(pattern: Cut, width: int, height: int) -> Frame:
    shapes = [layer.outline for layer in (*pattern.back, *pattern.front) if isinstance(layer, Piece)]
    all_points = np.vstack(shapes)
    left, top = (float(v) for v in all_points.min(axis=0) - 1.0)
    right, bottom = (float(v) for v in all_points.max(axis=0) + 1.0)
    scale = min(width / (right - left), height / (bottom - top))
    return Frame(scale, left, top, round((right - left) * scale), round((bottom - top) * scale))


def _paint_layers(
    layers: tuple[Layer, ...], garment: Garment, bolt: Bolt, frame: Frame, rng: np.random.Generator
) -> Sheet:
    base = garment.base
    sheet = Sheet(
        Image.new("RGB", (frame.width, frame.height), darker(base, 0.25)),
        Image.new("L", (frame.width, frame.height), 0),
        frame,
    )
    for layer in layers:
        match layer:
            case Piece():
                _paint_piece(sheet, layer, bolt, rng)
            case Stroke():
                _paint_stroke(sheet, layer, base)
            case Button():
                _paint_button(sheet, layer, base)
            case Decal():
                _paint_decal(sheet, layer, garment)
    return sheet


def _paint_piece(sheet: Sheet, piece: Piece, bolt: Bolt, rng: np.random.Generator) -> None:
    frame = sheet.frame
    shape = frame.to_pixels(piece.outline)
    x1, y1 = (max(0, int(v) - 1) for v in shape.min(axis=0))
    x2, y2 = min(frame.width, int(shape[:, 0].max()) + 2), min(frame.height, int(shape[:, 1].max()) + 2)
    if x2 - x1 < 2 or y2 - y1 < 2:
        return
    window = Frame(frame.scale, frame.left + x1 / frame.scale, frame.top + y1 / frame.scale, x2 - x1, y2 - y1)
    mask = _fill_mask(window, piece.outline)
    if piece.lift:
        _throw_shadow(sheet, window, piece, (x1, y1))
    folds = relief_of(piece, mask, window, rng)
    stuff = bolt.fill_frame(piece.cloth, window, piece.grain, folds)
    lit = _light_cloth(stuff, folds, piece.tone, bolt.gloss)
    sheet.colour.paste(lit, (x1, y1), mask)
    sheet.alpha.paste(255, (x1, y1), mask)
    pen = line_ink(bolt.ground_colour(piece.cloth))
    line = frame.to_pairs(np.vstack([piece.outline, piece.outline[:2]]))
    ImageDraw.Draw(sheet.colour).line(
        line, fill=mix_colours(pen, bolt.ground_colour(piece.cloth), 0.25), width=_pen_width(frame, 0.32), joint="curve"
    )


def _fill_mask(frame: Frame, outline: Points) -> Image.Image:
    mask = Image.new("L", (frame.width, frame.height), 0)
    ImageDraw.Draw(mask).polygon(frame.to_pairs(outline), fill=255)
    return mask.filter(ImageFilter.BoxBlur(0.6))


def _throw_shadow(sheet: Sheet, window: Frame, piece: Piece, corner: tuple[int, int]) -> None:
    """Darkens what already lies on the sheet around a piece that stands off it."""
    reach = max(2, round(piece.lift * 2.2 * window.scale))
    wide = Frame(
        window.scale,
        window.left - reach / window.scale,
        window.top - reach / window.scale,
        window.width + 2 * reach,
        window.height + 2 * reach,
    )
    sunk = piece.outline + np.array([piece.lift * 0.25, piece.lift * 0.8])
    shadow = (
        _fill_mask(wide, sunk).filter(ImageFilter.BoxBlur(reach * 0.45)).point([round(v * 0.42) for v in range(256)])
    )
    sheet.colour.paste(SHADE_TINT, (corner[0] - reach, corner[1] - reach), shadow)


def _light_cloth(stuff: Image.Image, folds: Relief, tone: float, gloss: float) -> Image.Image:
    """Cloth under a lamp at the upper left: shadows multiply towards dusk, lights are screened on."""
    light = (1 + (folds.light - 1) * np.float32(0.7 + 0.3 * gloss)) * np.float32(tone)
    dark = np.clip(light, 0.0, 1.0)
    tint = np.array(SHADE_TINT, dtype=np.float32) / 255 * 0.55
    shadow = (tint + (1 - tint) * dark[..., None]) * 255
    size = stuff.size
    shaded = ImageChops.multiply(
        stuff, Image.fromarray(shadow.astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)
    )
    glow = np.clip((light - 1.0) * 190 * gloss, 0, 90 * gloss).astype(np.uint8)
    if not glow.any():
        return shaded
    shine = Image.fromarray(glow).resize(size, Image.Resampling.BILINEAR)
    return ImageChops.screen(shaded, Image.merge("RGB", (shine, shine, shine)))


def _pen_width(frame: Frame, units: float) -> int:
    return max(2, round(units * frame.scale))


def _paint_stroke(sheet: Sheet, stroke: Stroke, base: RGB) -> None:
    pen = stroke.colour or (
        mix_colours(line_ink(base), base, 0.35) if stroke.tone <= 0 else lighter(base, 0.3 + stroke.tone)
    )
    drawer = ImageDraw.Draw(sheet.colour)
    line = sheet.frame.to_pixels(stroke.line)
    width = _pen_width(sheet.frame, stroke.width)
    if not stroke.dashed:
        drawer.line([(float(x), float(y)) for x, y in line], fill=pen, width=width, joint="curve")
        return
    for start, end in _dash_spans(line, sheet.frame.scale):
        drawer.line([start, end], fill=pen, width=width)


def _dash_spans(line: Points, scale: float) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Stitches of 1.1 units with gaps of 0.6."""
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    starts = np.arange(0.0, lengths[-1], 1.7 * scale)
    ends = np.minimum(starts + 1.1 * scale, lengths[-1])
    xs, ys = line[:, 0], line[:, 1]
    return [
        (
            (float(np.interp(a, lengths, xs)), float(np.interp(a, lengths, ys))),
            (float(np.interp(b, lengths, xs)), float(np.interp(b, lengths, ys))),
        )
        for a, b in zip(starts, ends, strict=True)
    ]


def _paint_button(sheet: Sheet, button: Button, base: RGB) -> None:
    colour = button.colour or (
        mix_colours(base, (250, 246, 236), 0.75) if luminance(base) < 0.7 else darker(base, 0.35)
    )
    drawer = ImageDraw.Draw(sheet.colour)
    x, y = button.centre
    shade = sheet.frame.to_pairs(ellipse((x + 0.15, y + 0.3), button.radius, button.radius))
    drawer.polygon(shade, fill=darker(base, 0.4))
    drawer.polygon(
        sheet.frame.to_pairs(ellipse((x, y), button.radius, button.radius)), fill=colour, outline=darker(colour, 0.45)
    )
    for dx in (-0.28, 0.28):
        drawer.polygon(sheet.frame.to_pairs(ellipse((x + dx, y), 0.14, 0.14)), fill=darker(colour, 0.6))


def _paint_decal(sheet: Sheet, decal: Decal, garment: Garment) -> None:
    side = round(decal.radius * 2 * sheet.frame.scale)
    art, mask = draw_figure(garment, side)
    x, y = sheet.frame.to_pixel(decal.centre[0] - decal.radius, decal.centre[1] - decal.radius)
    sheet.colour.paste(art, (round(x), round(y)), mask)
