"""Which category is cut by which function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from evalapp.demo.silhouettes import bottoms, dresses, jersey, knitwear, outerwear, shirts

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalapp.demo.garments import Garment
    from evalapp.demo.silhouettes.pieces import Cut

CUTS: Final[dict[str, Callable[[Garment], Cut]]] = {
    "dress": dresses.dress,
    "t-shirt": jersey.t_shirt,
    "shirt": shirts.shirt,
    "sweater": knitwear.sweater,
    "skirt": bottoms.skirt,
    "trousers": bottoms.trousers,
    "jeans": bottoms.jeans,
    "jacket": outerwear.jacket,
    "blouse": shirts.blouse,
    "coat": outerwear.coat,
    "hoodie": knitwear.hoodie,
    "shorts": bottoms.shorts,
    "cardigan": knitwear.cardigan,
    "tank top": jersey.tank_top,
    "jumpsuit": dresses.jumpsuit,
}


def cut(garment: Garment) -> Cut:
    """The garment's pieces, ready to be painted."""
    return CUTS[garment.category](garment)
