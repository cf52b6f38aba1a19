"""The parts of a cut garment, in painting order, all in units (see `geometry`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from evalapp.demo.geometry import XY, Points, mirror_points
from evalapp.demo.palette import RGB

Cloth = Literal["main", "accent", "lining", "rib", "solid"]
"""main: the patterned cloth; accent: the second colour, plain; lining: the inside; rib: main colour, ribbed;
solid: main colour without its pattern."""

Drape = Literal["still", "body", "hang", "pleats", "gathers", "arm", "leg"]
"""How a piece falls into folds."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """One piece of cloth. `grain` turns its threads (degrees); `lift` is how far it stands off what lies below."""

    outline: Points
    cloth: Cloth = "main"
    drape: Drape = "body"
    grain: float = 0.0
    lift: float = 0.0
    tone: float = 1.0
    edge: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """A seam, stitch row, cord or crease. `tone` < 0 darkens the cloth's ink, > 0 lightens; `colour` overrides."""

    line: Points
    width: float = 0.35
    tone: float = 0.0
    colour: RGB | None = None
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Button:
    centre: XY
    radius: float = 0.95
    colour: RGB | None = None


@dataclass(frozen=True, slots=True)
class Decal:
    """A printed figure on the chest."""

    centre: XY
    radius: float


Layer = Piece | Stroke | Button | Decal


@dataclass(frozen=True, slots=True)
class Cut:
    """A garment ready to be painted: what lies behind the wearer's neck or waist, and what lies in front."""

    front: tuple[Layer, ...]
    back: tuple[Layer, ...] = ()
    worn: tuple[str, ...] = field(default=("upper",))
    """Which halves of the body it covers: "upper", "lower" or both."""


def both_sides(layer: Layer) -> tuple[Layer, Layer]:
    """The layer and its mirror image on the other side."""
    if isinstance(layer, Piece):
        mirrored_layer: Layer = Piece(
            mirror_points(layer.outline), layer.cloth, layer.drape, -layer.grain, layer.lift, layer.tone, layer.edge
        )
    elif isinstance(layer, Stroke):
        mirrored_layer = Stroke(mirror_points(layer.line), layer.width, layer.tone, layer.colour, layer.dashed)
    elif isinstance(layer, Button):
        mirrored_layer = Button((-layer.centre[0], layer.centre[1]), layer.radius, layer.colour)
    else:
        mirrored_layer = Decal((-layer.centre[0], layer.centre[1]), layer.radius)
    return layer, mirrored_layer
