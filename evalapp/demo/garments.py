"""What exists: the garments of the demo shop, described in words and numbers before anything is drawn."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from evalapp.demo.palette import COLOURS, PARTNERS, RGB, luminance, mix_colours
from evalapp.demo.ranges import CATEGORIES, RANGES, Range

EASE = {"skinny": 0.9, "fitted": 0.93, "tapered": 0.96, "straight": 1.0, "regular": 1.0, "loose": 1.1}
EASE |= {"oversized": 1.17, "wide": 1.14}
CHEST_PRINTS = ("t-shirt", "hoodie", "tank top", "sweater")
STRAPPY_NECKS = ("v-neck", "scoop", "square")
JACKET_NECKS = {"trucker": "collar", "bomber": "stand", "blazer": "lapel"}
DENIM_COLOURS = ("light denim", "denim", "indigo")


@dataclass(frozen=True, slots=True)
class Garment:
    """One product: the words a label would carry, and the numbers that make it this one and no other.

    Words that make no sense for a category are empty (a skirt has no neckline). `ease` scales widths, `flare`
    and `stretch` vary hem and length by a few percent, `period` is the size of one repeat of the pattern in
    units, `turn` its angle in degrees, `motif` which flower or figure it shows, `grain` seeds folds and yarn.
    """

    product: str
    category: str
    colour: str
    second_colour: str
    pattern: str
    material: str
    sleeve: str
    neckline: str
    length: str
    fit: str
    detail: str
    split: str
    base: RGB
    second: RGB
    third: RGB
    ease: float
    flare: float
    stretch: float
    period: float
    turn: float
    motif: int
    grain: int

    def labels(self) -> dict[str, str]:
        """The attributes as the catalogue publishes them."""
        return {
            "colour": self.colour,
            "second_colour": self.second_colour,
            "pattern": self.pattern,
            "material": self.material,
            "sleeve": self.sleeve,
            "neckline": self.neckline,
            "length": self.length,
            "fit": self.fit,
            "detail": self.detail,
        }


def garments(seed: int, products: int) -> list[Garment]:
    """The first `products` garments of the shop with this seed, the same for ever; no two of a kind look alike.

    Raises ValueError when fewer products are asked for than there are categories.
    """
    counts = _product_counts(products)
    drawn: list[Garment] = []
    for category in CATEGORIES:
        rng = np.random.default_rng([seed, _seed_of_word(category)])
        looks_taken: set[tuple[str, ...]] = set()
        for place in range(counts[category]):
            garment = _draw_unlike(looks_taken, rng, category, place, seed)
            looks_taken.add(_looks_of(garment))
            drawn.append(garment)
    return drawn


def has_chest_print(garment: Garment) -> bool:
    """Whether a print is one large figure on the chest instead of many small ones all over."""
    return _on_chest(garment.category, garment.pattern, garment.motif)


def _on_chest(category: str, pattern: str, motif: int) -> bool:
    return pattern == "print" and category in CHEST_PRINTS and motif % 3 != 0


def _product_counts(products: int) -> dict[str, int]:
    """Products per category: one each, then by the highest quotient of Sainte-Laguë."""
    if products < len(CATEGORIES):
        raise ValueError(
            f"The demo catalogue needs at least {len(CATEGORIES)} products, one per category; got {products}."
        )
    counts = dict.fromkeys(CATEGORIES, 1)
    for _ in range(products - len(CATEGORIES)):
        counts[max(CATEGORIES, key=lambda name: RANGES[name].share / (2 * counts[name] + 1))] += 1
    return counts


def _seed_of_word(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def _looks_of(garment: Garment) -> tuple[str, ...]:
    """What the eye tells products of one category apart by."""
    return (garment.colour, garment.pattern, garment.sleeve, garment.detail)


def _draw_unlike(
    looks_taken: set[tuple[str, ...]], rng: np.random.Generator, category: str, place: int, seed: int
) -> Garment:
    """A garment that differs from the earlier ones; after many tries the shop is full and a twin is let in."""
    for _ in range(60):
        garment = _draw_garment(rng, category, place, seed)
        if _looks_of(garment) not in looks_taken:
            break
    return garment


def _draw_garment(rng: np.random.Generator, category: str, place: int, seed: int) -> Garment:
    line = RANGES[category]
    colour = _pick_word(rng, line.colours)
    pattern = _pick_pattern(rng, line, colour, place)
    second = _pick_partner(rng, colour, pattern)
    third = _pick_word(rng, tuple(name for name in PARTNERS.get(second, ("white",)) if name != colour))
    fit, sleeve, motif = _pick_word(rng, line.fits), _pick_word(rng, line.sleeves), int(rng.integers(0, 1000))
    detail = _pick_detail(rng, line, on_chest=_on_chest(category, pattern, motif))
    return Garment(
        product=hashlib.sha256(f"{seed}/{category}/{place}".encode()).hexdigest()[:8],
        category=category,
        colour=colour,
        second_colour="" if pattern == "plain" else second,
        pattern=pattern,
        material="denim" if colour in DENIM_COLOURS else _pick_word(rng, line.materials),
        sleeve=sleeve,
        neckline=_pick_neckline(rng, line, sleeve, detail),
        length=_pick_word(rng, line.lengths),
        fit=fit,
        detail=detail,
        split=("train", "test", "train", "val", "train")[place % 5],
        base=_dye_colour(rng, colour),
        second=_dye_colour(rng, second),
        third=_dye_colour(rng, third),
        ease=EASE[fit] * rng.uniform(0.97, 1.03),
        flare=rng.uniform(0.88, 1.14),
        stretch=rng.uniform(0.96, 1.05),
        period=rng.uniform(0.75, 1.5),
        turn=float(_pick_word(rng, ("0", "0", "0", "90", "45"))),
        motif=motif,
        grain=int(rng.integers(0, 2**31)),
    )


def _pick_pattern(rng: np.random.Generator, line: Range, colour: str, place: int) -> str:
    """The first places of a category walk through its patterns once, so that even a small shop shows all."""
    if colour in DENIM_COLOURS:
        return "plain"
    kinds = tuple(dict.fromkeys(line.patterns))
    return kinds[place] if place < len(kinds) else _pick_word(rng, line.patterns)


def _pick_detail(rng: np.random.Generator, line: Range, *, on_chest: bool) -> str:
    """Pockets and zips do not go through a figure on the chest."""
    return _pick_word(rng, tuple(word for word in line.details if not (on_chest and word in ("pocket", "zip"))))


def _pick_neckline(rng: np.random.Generator, line: Range, sleeve: str, detail: str) -> str:
    """A neckline that can be cut: straps carry only some, and each kind of jacket has its own."""
    if detail in JACKET_NECKS:
        return JACKET_NECKS[detail]
    return _pick_word(rng, tuple(word for word in line.necklines if sleeve != "strappy" or word in STRAPPY_NECKS))


def _pick_partner(rng: np.random.Generator, colour: str, pattern: str) -> str:
    """A second colour that can be told from the first; gingham is classic: a colour and white."""
    if pattern == "gingham" and luminance(COLOURS[colour]) < 0.75:
        return "white"
    told_apart = [
        name
        for name in PARTNERS.get(colour, ("white", "cream"))
        if abs(luminance(COLOURS[name]) - luminance(COLOURS[colour])) > 0.2
    ]
    return _pick_word(rng, tuple(told_apart))


def _pick_word(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(0, len(choices)))]


def _dye_colour(rng: np.random.Generator, name: str) -> RGB:
    """The named colour as one dye bath turned out: a little lighter, darker, warmer or cooler."""
    shade = mix_colours(COLOURS[name], (255, 250, 240) if rng.random() < 0.5 else (40, 40, 60), rng.uniform(0.0, 0.07))
    warmth = int(rng.integers(-5, 6))
    red, green, blue = shade
    return (min(255, max(0, red + warmth)), green, min(255, max(0, blue - warmth)))
