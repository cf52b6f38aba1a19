"""Whole numbers as texts of files, forms and addresses name them."""

from __future__ import annotations

MOST_STORED = 2**31 - 1
"""What a column of whole numbers holds."""


def whole_number(text: str, least: int, most: int) -> int | None:
    """A number as people and pandas write it, `3` or `3.0`; None where it is none from `least` to `most`."""
    digits = text.removesuffix(".0").removesuffix(".")
    # Longer ones are out of range anyway, and Python refuses to read those of thousands of digits.
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 18:
        return None
    return int(digits) if least <= int(digits) <= most else None
