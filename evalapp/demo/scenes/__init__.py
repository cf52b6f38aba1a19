"""Places where street pictures are taken. A scene is a function from (rng, width, height) to a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from evalapp.demo.scenes import outdoors, surfaces, walls

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from PIL import Image

SCENES: Final[dict[str, Callable[[np.random.Generator, int, int], Image.Image]]] = {
    "brick": walls.draw_brick,
    "plaster": walls.draw_plaster,
    "panelling": walls.draw_panelling,
    "tiles": walls.draw_tiles,
    "city": outdoors.draw_city,
    "night": outdoors.draw_night,
    "park": outdoors.draw_park,
    "seaside": outdoors.draw_seaside,
    "cafe": outdoors.draw_cafe,
    "linen": surfaces.draw_linen,
    "planks": surfaces.draw_planks,
    "parquet": surfaces.draw_parquet,
    "rug": surfaces.draw_rug,
}
