"""What holds a garment that nobody wears: hangers, and the rail they hang on."""

from __future__ import annotations

from PIL import Image, ImageDraw

from evalapp.demo.geometry import Frame, Points, curve, join, mirror_points, points, ribbon
from evalapp.demo.palette import RGB, darker

WOOD: RGB = (196, 152, 104)
STEEL: RGB = (150, 152, 158)


def draw_hanger(frame: Frame, *, clips: bool, top: float) -> tuple[Image.Image, Image.Image]:
    """A hanger as the garment needs it: a wooden yoke for shoulders, a bar with clips for waists at height `top`."""
    colour = Image.new("RGB", (frame.width, frame.height), WOOD)
    alpha = Image.new("L", (frame.width, frame.height), 0)

    def draw_shape(outline: Points, fill: RGB) -> None:
        flat = frame.to_pairs(outline)
        ImageDraw.Draw(colour).polygon(flat, fill=fill)
        ImageDraw.Draw(colour).line([*flat, flat[0]], fill=darker(fill, 0.35), width=2, joint="curve")
        ImageDraw.Draw(alpha).polygon(flat, fill=255)

    def draw_wire(line: Points, half: float) -> None:
        draw_shape(ribbon(line, [half] * len(line)), STEEL)

    neck = top - 5.0 if clips else -2.6
    draw_wire(
        curve(
            (0.0, neck + 2),
            (0.0, neck - 5),
            (1.8, neck - 7.4),
            (3.4, neck - 10.4),
            (0.6, neck - 13.4),
            (-2.9, neck - 11.0),
        ),
        0.42,
    )
    draw_wire(points([(-200.0, neck - 13.6), (200.0, neck - 13.6)]), 0.9)
    if clips:
        draw_shape(ribbon(points([(-14.0, neck + 2.0), (14.0, neck + 2.0)]), [0.7, 0.7]), WOOD)
        for side in (-9.5, 9.5):
            draw_shape(
                points(
                    [
                        (side - 1.3, neck + 1.2),
                        (side + 1.3, neck + 1.2),
                        (side + 1.6, top + 3.2),
                        (side - 1.6, top + 3.2),
                    ]
                ),
                STEEL,
            )
    else:
        yoke = join(
            curve((0.0, neck - 0.6), (8.0, 0.6), (16.5, 5.2)), curve((16.8, 7.4), (8.0, 3.4), (0.0, neck + 2.8))
        )
        draw_shape(yoke, WOOD)
        draw_shape(mirror_points(yoke), WOOD)
    return colour, alpha
