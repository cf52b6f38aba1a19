"""Which category is cut by which function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from evalapp.demo.silhouettes import bottoms, dresses, jersey, knitwear, outerwear, shirts

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalapp.demo.garments import Garment
    from evalapp.demo.silhouettes.pieces import Cut

CUTS: Final[dict[str, Callable[[Garment], Cut]]] = {
    "dress": dresses.cut_dress,
    "t-shirt": jersey.cut_t_shirt,
    "shirt": shirts.cut_shirt,
    "sweater": knitwear.cut_sweater,
    "skirt": bottoms.cut_skirt,
    "trousers": bottoms.cut_trousers,
    "jeans": bottoms.cut_jeans,
    "jacket": outerwear.cut_jacket,
    "blouse": shirts.cut_blouse,
    "coat": outerwear.cut_coat,
    "hoodie": knitwear.cut_hoodie,
    "shorts": bottoms.cut_shorts,
    "cardigan": knitwear.cut_cardigan,
    "tank top": jersey.cut_tank_top,
    "jumpsuit": dresses.cut_jumpsuit,
}


def cut_garment(garment: Garment) -> Cut:
    """The garment's pieces, ready to be painted."""
    return CUTS[garment.category](garment)
