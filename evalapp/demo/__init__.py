"""The demo catalogue: a small shop of garments that the project draws by itself, the same for ever for one seed.

    from pathlib import Path
    from evalapp import demo

    catalogue = demo.generate(Path("var/demo"))

`garments` describes what exists, `draw_shop` and `draw_street` take a picture of it, `generate` writes a folder of
JPEG files with `items.csv`, where every attribute is known exactly because the garment was made from it.
"""

from evalapp.demo.garments import Garment, garments
from evalapp.demo.generate import DemoCatalogue, generate
from evalapp.demo.pictures import Picture, draw_shop, draw_street, take_shop, take_street
from evalapp.demo.shots import Shot, shots_of

__all__ = [
    "DemoCatalogue",
    "Garment",
    "Picture",
    "Shot",
    "draw_shop",
    "draw_street",
    "garments",
    "generate",
    "shots_of",
    "take_shop",
    "take_street",
]
