"""The person who wears the garment in street pictures: one calm pose, many looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from evalapp.demo.geometry import Frame, Points, curve, ellipse, join, mirror_points, points, ribbon, symmetric_outline
from evalapp.demo.palette import COLOURS, RGB, darker, lighter, mix_colours
from evalapp.demo.silhouettes.lower import leg_shape
from evalapp.demo.silhouettes.upper import ARM, bodice_outline, neck_curve, sleeve_shape

SKINS: Final[tuple[RGB, ...]] = (
    (244, 208, 184),
    (234, 188, 158),
    (222, 172, 134),
    (188, 132, 96),
    (146, 98, 70),
    (102, 68, 52),
)
HAIRS: Final[tuple[RGB, ...]] = (
    (44, 34, 36),
    (70, 46, 38),
    (112, 72, 46),
    (176, 124, 70),
    (222, 184, 118),
    (160, 70, 44),
    (150, 146, 148),
)
STYLES: Final = ("bob", "bun", "long", "short", "curly", "scarf", "beanie")
SHOES: Final[tuple[RGB, ...]] = ((246, 244, 240), (52, 48, 50), (150, 96, 62), (200, 60, 60))
BOTTOMS: Final = ("denim", "black", "cream", "indigo", "grey", "beige")
TOPS: Final = ("white", "black", "cream", "grey", "navy")


@dataclass(frozen=True, slots=True)
class Look:
    skin: RGB
    hair: RGB
    style: str
    shoes: RGB
    bottom: RGB
    top: RGB
    cap: RGB


def random_look(rng: np.random.Generator) -> Look:
    """A person at random; what they wear beside the garment is plain, so that the garment is the story."""

    def pick_colour(choices: tuple[RGB, ...]) -> RGB:
        return choices[int(rng.integers(len(choices)))]

    skin = pick_colour(SKINS)
    return Look(
        skin=skin,
        hair=pick_colour(HAIRS[:3] if skin in SKINS[-2:] else HAIRS),
        style=STYLES[int(rng.integers(len(STYLES)))],
        shoes=pick_colour(SHOES),
        bottom=pick_colour(tuple(COLOURS[name] for name in BOTTOMS)),
        top=pick_colour(tuple(COLOURS[name] for name in TOPS)),
        cap=pick_colour(
            tuple(COLOURS[name] for name in ("mustard", "burgundy", "teal", "cream", "navy", "rust", "sage"))
        ),
    )


class _Sketch:
    """Paints outlined, flatly shaded shapes on a transparent canvas."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.colour = Image.new("RGB", (frame.width, frame.height), (90, 70, 70))
        self.alpha = Image.new("L", (frame.width, frame.height), 0)
        self._paint, self._cover = ImageDraw.Draw(self.colour), ImageDraw.Draw(self.alpha)
        self._pen = max(2, round(0.3 * frame.scale))

    def fill_shape(self, outline: Points, colour: RGB, *, line: bool = True) -> None:
        flat = self.frame.to_pairs(outline)
        self._paint.polygon(flat, fill=colour)
        self._cover.polygon(flat, fill=255)
        if line:
            self._paint.line([*flat, flat[0]], fill=darker(colour, 0.3), width=self._pen, joint="curve")

    def fill_both(self, outline: Points, colour: RGB, *, line: bool = True) -> None:
        self.fill_shape(outline, colour, line=line)
        self.fill_shape(mirror_points(outline), colour, line=line)

    def draw_stroke(self, line: Points, colour: RGB, width: float = 0.45) -> None:
        self._paint.line(
            self.frame.to_pairs(line), fill=colour, width=max(2, round(width * self.frame.scale)), joint="curve"
        )


def draw_wearer(
    frame: Frame, person: Look, covered: tuple[str, ...], *, layered: bool
) -> tuple[Image.Image, Image.Image]:
    """Colours and mask of the person; `covered` halves are left bare for the garment, `layered` puts a tee below it."""
    sketch = _Sketch(frame)
    _back_hair(sketch, person)
    _draw_legs(sketch, person)
    _torso_and_arms(sketch, person)
    if "lower" not in covered:
        leg = leg_shape(42.0, 12.6, 16.8, 14.0, 146.0)
        sketch.fill_both(leg, person.bottom)
        sketch.draw_stroke(curve((0, 46), (0, 70)), darker(person.bottom, 0.3))
    if "upper" not in covered:
        _draw_tee(sketch, person.top)
    elif layered:
        sketch.fill_shape(bodice_outline(neck_curve("crew"), [(12.0, 36.0), (12.0, 44.0)], shoulder=16.0), person.top)
    _draw_head(sketch, person)
    return sketch.colour, sketch.alpha


def _draw_tee(sketch: _Sketch, colour: RGB) -> None:
    outer, inner = sleeve_shape("short", 0.95)
    sketch.fill_both(join(outer, inner[::-1]), colour)
    sketch.fill_shape(
        bodice_outline(neck_curve("crew"), [(12.6, 36.0), (13.4, 46.0), (14.6, 52.0)], armpit=(14.6, 22.0)), colour
    )


def _draw_legs(sketch: _Sketch, person: Look) -> None:
    axis = curve((7.6, 64), (8.2, 88), (8.4, 108), (8.8, 126), (8.9, 150))
    sketch.fill_both(
        ribbon(axis, list(np.interp(np.linspace(0, 1, len(axis)), [0, 0.3, 0.52, 0.7, 1], [8.2, 6.8, 4.9, 4.9, 2.7]))),
        person.skin,
    )
    shoe = join(curve((5.6, 147), (5.6, 152), (6.6, 158), (9.6, 159.5), (12.8, 158), (12.6, 152), (11.8, 147)))
    sketch.fill_both(shoe, person.shoes)
    sketch.fill_both(
        join(curve((6.4, 157), (9.6, 158.4), (12.9, 157)), points([(12.7, 159.4), (9.6, 160.2), (6.6, 159.4)])),
        lighter(person.shoes, 0.6),
    )


def _torso_and_arms(sketch: _Sketch, person: Look) -> None:
    axis = curve(*[(float(x), float(y)) for x, y in ARM])
    widths = list(np.interp(np.linspace(0, 1, len(axis)), [0, 0.06, 0.15, 0.55, 1], [0.8, 2.9, 3.9, 3.3, 2.2]))
    hand = join(curve((26.8, 65), (26.6, 69), (27.8, 74.5), (29.4, 76), (31.0, 73.5), (31.2, 68.5), (30.4, 65)))
    sketch.fill_both(hand, person.skin)
    sketch.fill_both(ribbon(axis, widths), person.skin)
    half = join(
        points([(0.0, -13.0), (3.8, -13.0)]),
        curve((3.8, -6.0), (5.0, -0.2), (10.0, 2.4), (15.2, 4.6), (17.4, 8.4)),
        curve((14.2, 21.0), (12.4, 32.0), (11.0, 42.0), (15.6, 60.0), (13.0, 70.0), (0.0, 70.0)),
    )
    sketch.fill_shape(symmetric_outline(half), person.skin)
    sketch.fill_shape(
        symmetric_outline(curve((0.0, -12.5), (3.6, -12.4), (3.5, -7.0), (2.4, -5.2), (0.0, -4.4))),
        mix_colours(person.skin, (120, 60, 60), 0.2),
        line=False,
    )


def _draw_head(sketch: _Sketch, person: Look) -> None:
    skin = person.skin
    sketch.fill_both(ellipse((7.4, -18.6), 1.3, 2.0), skin)
    sketch.fill_shape(
        symmetric_outline(curve((0.0, -29.0), (4.8, -28.0), (7.3, -22.5), (6.9, -16.0), (4.2, -10.6), (0.0, -8.8))),
        skin,
    )
    sketch.fill_both(ellipse((4.1, -15.2), 1.5, 0.95), mix_colours(skin, (232, 96, 96), 0.28), line=False)
    ink = darker(skin, 0.72)
    for side in (-1.0, 1.0):
        eye = curve((1.7, -18.6), (2.9, -17.8), (4.2, -18.6)) * np.array([side, 1.0])
        brow = curve((1.6, -21.0), (2.9, -21.8), (4.3, -21.2)) * np.array([side, 1.0])
        sketch.draw_stroke(eye, ink, 0.42)
        sketch.draw_stroke(brow, mix_colours(person.hair, ink, 0.3), 0.45)
    sketch.draw_stroke(curve((0.1, -17.0), (0.7, -15.4), (-0.1, -15.1)), darker(skin, 0.3), 0.35)
    sketch.draw_stroke(curve((-1.8, -12.9), (0.0, -12.1), (1.8, -12.9)), mix_colours((176, 64, 70), skin, 0.15), 0.55)
    _front_hair(sketch, person)


def _back_hair(sketch: _Sketch, person: Look) -> None:
    hair = darker(person.hair, 0.12)
    if person.style == "long":
        sketch.fill_shape(
            symmetric_outline(curve((0, -31), (8, -28.5), (10.2, -18), (10.6, -4), (13.0, 9), (9, 14), (0, 13))), hair
        )
    elif person.style == "bob":
        sketch.fill_shape(
            symmetric_outline(curve((0, -31), (8, -28.5), (10.4, -19), (10.2, -9), (6, -6.5), (0, -7))), hair
        )
    elif person.style == "bun":
        sketch.fill_shape(ellipse((0.6, -33.4), 4.3, 4.0), hair)
    elif person.style == "curly":
        for angle in np.linspace(-10, 190, 13):
            x, y = 9.6 * np.cos(np.radians(angle)), -20.5 - 9.6 * np.sin(np.radians(angle))
            sketch.fill_shape(ellipse((float(x), float(y)), 4.1, 4.1, steps=18), hair, line=False)


def _front_hair(sketch: _Sketch, person: Look) -> None:
    cap = symmetric_outline(curve((0.0, -31.2), (5.4, -30.0), (8.4, -24.8), (8.2, -18.6)))
    if person.style == "scarf":
        veil = join(curve((0.0, -31.2), (7.2, -29.0), (9.8, -20.0), (8.6, -10.0), (11.0, -1.0), (6.0, 3.4), (0.0, 4.4)))
        face = curve((0.0, -8.6), (4.6, -11.0), (6.6, -17.0), (6.2, -23.0), (3.6, -26.4), (0.0, -27.0))
        sketch.fill_both(join(veil, face), person.cap, line=False)
        sketch.draw_stroke(curve((-8.0, -8.0), (-1.0, -1.6), (6.8, -3.2)), darker(person.cap, 0.25), 0.5)
        return
    fringe = curve((8.2, -18.6), (6.6, -23.6), (1.0, -26.6), (-3.4, -25.4), (-6.8, -22.4), (-8.2, -18.6))
    sketch.fill_shape(join(cap[: len(cap) // 2], fringe, cap[len(cap) // 2 :]), person.hair)
    if person.style == "beanie":
        dome = symmetric_outline(curve((0.0, -34.2), (5.6, -33.0), (8.8, -28.4), (9.0, -23.6), (0.0, -24.4)))
        fold = symmetric_outline(join(curve((0.0, -27.4), (9.3, -26.4)), curve((9.2, -22.4), (0.0, -23.2))))
        sketch.fill_shape(dome, person.cap)
        sketch.fill_shape(fold, lighter(person.cap, 0.15))
    elif person.style == "long":
        lock = join(curve((8.4, -22.0), (9.2, -12.0), (9.6, -3.0)), curve((7.2, -3.0), (6.9, -13.0), (7.2, -21.0)))
        sketch.fill_both(lock, person.hair)
