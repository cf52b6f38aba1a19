"""Named clothing colours and the little colour arithmetic that shading needs."""

from __future__ import annotations

from typing import Final

RGB = tuple[int, int, int]

COLOURS: Final[dict[str, RGB]] = {
    "white": (247, 245, 240),
    "cream": (240, 228, 204),
    "beige": (215, 196, 168),
    "camel": (190, 147, 98),
    "brown": (110, 76, 56),
    "black": (46, 45, 50),
    "charcoal": (84, 87, 95),
    "grey": (165, 168, 172),
    "navy": (43, 56, 92),
    "blue": (61, 102, 168),
    "sky": (153, 190, 220),
    "teal": (38, 118, 122),
    "green": (53, 112, 78),
    "olive": (112, 113, 67),
    "sage": (160, 178, 150),
    "mint": (178, 220, 202),
    "yellow": (245, 212, 103),
    "mustard": (208, 157, 50),
    "orange": (230, 133, 66),
    "rust": (178, 84, 51),
    "coral": (238, 128, 112),
    "red": (197, 52, 56),
    "burgundy": (117, 36, 54),
    "pink": (230, 129, 160),
    "blush": (240, 200, 194),
    "lilac": (195, 175, 219),
    "purple": (112, 77, 138),
    "light denim": (156, 184, 208),
    "denim": (88, 123, 163),
    "indigo": (50, 66, 104),
}
"""Every colour a garment can be said to have, as the eye meets it in daylight."""

DENIM: Final = ("light denim", "denim", "indigo", "black", "grey", "white")
DARK: Final = ("black", "charcoal", "navy", "indigo", "burgundy", "green", "brown", "purple", "teal")

PARTNERS: Final[dict[str, tuple[str, ...]]] = {
    "white": ("navy", "red", "black", "blue", "green", "coral", "lilac"),
    "cream": ("rust", "navy", "green", "burgundy", "brown", "teal"),
    "beige": ("brown", "white", "navy", "olive", "burgundy"),
    "camel": ("cream", "navy", "black", "burgundy"),
    "brown": ("cream", "mustard", "blush", "sky"),
    "black": ("white", "cream", "red", "pink", "yellow"),
    "charcoal": ("white", "mint", "coral", "yellow"),
    "grey": ("white", "navy", "burgundy", "yellow", "pink"),
    "navy": ("white", "red", "cream", "yellow", "blush"),
    "blue": ("white", "yellow", "navy", "coral"),
    "sky": ("white", "navy", "yellow", "red"),
    "teal": ("cream", "mustard", "blush", "white"),
    "green": ("cream", "white", "pink", "mustard"),
    "olive": ("cream", "rust", "white", "black"),
    "sage": ("white", "cream", "green", "burgundy"),
    "mint": ("white", "green", "coral", "navy"),
    "yellow": ("white", "navy", "green", "coral"),
    "mustard": ("cream", "navy", "brown", "white"),
    "orange": ("white", "navy", "cream", "brown"),
    "rust": ("cream", "navy", "blush", "mustard"),
    "coral": ("white", "cream", "teal", "navy"),
    "red": ("white", "navy", "cream", "black"),
    "burgundy": ("cream", "blush", "camel", "navy"),
    "pink": ("white", "red", "green", "burgundy"),
    "blush": ("white", "burgundy", "green", "rust"),
    "lilac": ("white", "purple", "green", "yellow"),
    "purple": ("cream", "lilac", "mustard", "white"),
}
"""What goes with what: the second colour of a pattern is drawn from here, so that no pair is an accident."""


def mix_colours(a: RGB, b: RGB, share: float) -> RGB:
    """`a` with `share` (0…1) of `b` stirred in."""
    return (
        round(a[0] + (b[0] - a[0]) * share),
        round(a[1] + (b[1] - a[1]) * share),
        round(a[2] + (b[2] - a[2]) * share),
    )


def darker(colour: RGB, share: float) -> RGB:
    """Towards a warm near-black: pure black would look like ink on a drawing this soft."""
    return mix_colours(colour, (38, 28, 34), share)


def lighter(colour: RGB, share: float) -> RGB:
    return mix_colours(colour, (255, 252, 246), share)


def luminance(colour: RGB) -> float:
    """0 (black) … 1 (white), with the weights of ITU-R BT.601."""
    return (0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]) / 255


def line_ink(colour: RGB) -> RGB:
    """The line colour for seams and outlines on cloth of this colour."""
    return darker(colour, 0.62) if luminance(colour) > 0.3 else mix_colours(darker(colour, 0.7), (12, 10, 14), 0.3)
