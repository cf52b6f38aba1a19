"""Places where street pictures are taken. A scene is a function from (rng, width, height) to a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from evalapp.demo.scenes import outdoors, surfaces, walls

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from PIL import Image

SCENES: Final[dict[str, Callable[[np.random.Generator, int, int], Image.Image]]] = {
    "brick": walls.brick,
    "plaster": walls.plaster,
    "panelling": walls.panelling,
    "tiles": walls.tiles,
    "city": outdoors.city,
    "night": outdoors.night,
    "park": outdoors.park,
    "seaside": outdoors.seaside,
    "cafe": outdoors.cafe,
    "linen": surfaces.linen,
    "planks": surfaces.planks,
    "parquet": surfaces.parquet,
    "rug": surfaces.rug,
}
