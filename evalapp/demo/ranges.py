"""What each category of the shop comes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PATTERNS: Final = ("plain", "stripes", "gingham", "tartan", "dots", "floral", "print")


def _split_rack(text: str) -> tuple[str, ...]:
    """Words to choose from, separated by commas; `navy*2` hangs there twice and is twice as common."""
    rack: list[str] = []
    for entry in text.split(","):
        word, _, times = entry.strip().partition("*")
        rack += [word] * int(times or 1)
    return tuple(rack)


_BRIGHT: Final = (
    "white*2, cream, black*2, navy*2, grey, blue, sky, red, burgundy, green, olive, sage, mint, yellow, mustard, "
    "rust, coral, pink, blush, lilac, teal, beige, orange, purple, charcoal"
)
_EARTHY: Final = (
    "camel*2, beige, charcoal, black, navy, grey, brown, olive, burgundy, rust, green, cream, teal, mustard, blush"
)
_FRESH: Final = (
    "white, cream, sky, blush, mint, coral, yellow, navy, black, red, green, pink, lilac, blue, sage, teal, rust, "
    "mustard"
)


@dataclass(frozen=True, slots=True)
class Range:
    """One category: how many of 220 products it has, and the words its garments choose from."""

    share: int
    colours: tuple[str, ...]
    patterns: tuple[str, ...]
    materials: tuple[str, ...]
    fits: tuple[str, ...]
    lengths: tuple[str, ...]
    sleeves: tuple[str, ...]
    necklines: tuple[str, ...]
    details: tuple[str, ...]


def _make_range(
    share: int,
    *,
    colours: str,
    patterns: str,
    materials: str,
    fits: str,
    lengths: str,
    sleeves: str = "",
    necklines: str = "",
    details: str = "",
) -> Range:
    racks = (_split_rack(text) for text in (colours, patterns, materials, fits, lengths, sleeves, necklines, details))
    return Range(share, *racks)


RANGES: Final[dict[str, Range]] = {
    "dress": _make_range(
        34,
        colours=_FRESH,
        patterns="floral*3, plain*2, dots*2, gingham, stripes, print, tartan",
        materials="cotton*2, linen, satin",
        fits="fitted, regular, loose",
        lengths="mini, midi*2, maxi",
        sleeves="strappy, sleeveless, short*2, puff, three-quarter, long",
        necklines="crew, v-neck*2, scoop, square, boat, collar",
        details="flared*2, shift, tiered, belted",
    ),
    "t-shirt": _make_range(
        32,
        colours=_BRIGHT,
        patterns="plain*3, stripes*3, print*3, dots, floral",
        materials="cotton",
        fits="fitted, regular*2, oversized",
        lengths="cropped, regular*2",
        sleeves="short",
        necklines="crew*3, v-neck, scoop, boat",
        details="*2, pocket, ringer",
    ),
    "shirt": _make_range(
        20,
        colours="white, sky*2, blue, navy, blush, cream, olive, red, green, black, lilac, rust",
        patterns="plain*2, stripes*2, gingham*2, tartan*2, dots, print",
        materials="cotton*2, linen, flannel",
        fits="fitted, regular*2, oversized",
        lengths="regular*2, long",
        sleeves="long*3, short",
        necklines="collar",
        details="pocket*2, two pockets, ",
    ),
    "sweater": _make_range(
        20,
        colours=f"{_EARTHY}, white, red, sky, pink, mint",
        patterns="plain*3, stripes*2, print, dots",
        materials="knit*2, cable knit",
        fits="regular*2, oversized",
        lengths="cropped, regular*2",
        sleeves="long",
        necklines="crew*2, v-neck, turtleneck*2, boat",
    ),
    "skirt": _make_range(
        16,
        colours=f"{_EARTHY}, red, pink, sky, yellow, lilac",
        patterns="plain*2, tartan*3, dots, floral*2, gingham, stripes",
        materials="cotton, wool, satin",
        fits="fitted, regular, loose",
        lengths="mini, midi*2, maxi",
        details="a-line, pleated*2, pencil, tiered, buttoned",
    ),
    "trousers": _make_range(
        15,
        colours=_EARTHY,
        patterns="plain*3, stripes, tartan, gingham",
        materials="cotton, wool, linen",
        fits="tapered, straight*2, wide",
        lengths="cropped, long*2",
        details="creased*2, drawstring, belted",
    ),
    "jeans": _make_range(
        14,
        colours="light denim*2, denim*3, indigo*2, black, grey, white",
        patterns="plain",
        materials="denim",
        fits="skinny, straight*2, wide",
        lengths="cropped, long*2",
        details="*2, ripped, turn-ups",
    ),
    "jacket": _make_range(
        13,
        colours=f"{_EARTHY}, red, light denim, denim*2, indigo",
        patterns="plain*4, tartan, stripes",
        materials="cotton",
        fits="fitted, regular, oversized",
        lengths="cropped, regular",
        sleeves="long",
        necklines="collar, stand, lapel",
        details="trucker*2, bomber*2, blazer*2",
    ),
    "blouse": _make_range(
        12,
        colours=_FRESH,
        patterns="plain*2, floral*2, dots*2, stripes, print, gingham",
        materials="cotton, satin, linen",
        fits="regular, loose",
        lengths="cropped, regular",
        sleeves="puff, balloon*2, three-quarter, sleeveless",
        necklines="v-neck, scoop, square, boat, collar",
        details="bow, peplum, ruffle, ",
    ),
    "coat": _make_range(
        10,
        colours="camel*2, black, navy, grey, cream, burgundy, olive, rust, green, blush",
        patterns="plain*4, tartan, gingham",
        materials="wool",
        fits="regular, oversized",
        lengths="midi*2, long",
        sleeves="long",
        necklines="lapel",
        details="double-breasted, single-breasted, belted, duffle",
    ),
    "hoodie": _make_range(
        9,
        colours=_BRIGHT,
        patterns="plain*3, print*2, stripes",
        materials="fleece",
        fits="regular, oversized",
        lengths="cropped, regular*2",
        sleeves="long",
        necklines="hood",
        details="pouch*2, zip",
    ),
    "shorts": _make_range(
        8,
        colours="denim, light denim, beige, white, navy, olive, black, coral, sky, yellow, pink",
        patterns="plain*2, stripes, floral, gingham, dots",
        materials="cotton, linen",
        fits="regular, loose",
        lengths="mini, knee",
        details="drawstring, turn-ups, belted",
    ),
    "cardigan": _make_range(
        7,
        colours=f"{_EARTHY}, pink, sky, mint, red",
        patterns="plain*2, stripes, dots, print",
        materials="knit, cable knit",
        fits="regular, oversized",
        lengths="cropped, regular, long",
        sleeves="long",
        necklines="v-neck*2, crew",
        details="pockets, *2",
    ),
    "tank top": _make_range(
        6,
        colours=_FRESH,
        patterns="plain*2, stripes, floral, dots, print",
        materials="cotton, satin",
        fits="fitted, regular, loose",
        lengths="cropped, regular",
        sleeves="strappy, sleeveless",
        necklines="scoop, v-neck, square",
    ),
    "jumpsuit": _make_range(
        4,
        colours="black, navy, rust, olive, red, sage, teal, denim",
        patterns="plain, floral, dots, stripes",
        materials="cotton, linen",
        fits="regular, wide",
        lengths="cropped, long",
        sleeves="strappy, sleeveless, short, long",
        necklines="v-neck, square, collar, scoop",
        details="belted, ",
    ),
}
"""The whole shop. Dresses and t-shirts many, jumpsuits few, as in real shops."""

CATEGORIES: Final = tuple(RANGES)
