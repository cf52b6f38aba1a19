"""Lengths of time as people say them."""

from __future__ import annotations


def in_words(seconds: float) -> str:
    """The two largest units: `45 s`, `1 min 15 s`, `2 h 5 min`, `3 d 4 h`."""
    whole = max(0, round(seconds))
    parts = [(whole // 86_400, "d"), (whole // 3_600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    first = next((place for place, (number, _) in enumerate(parts) if number), len(parts) - 1)
    parts_in_words = [
        f"{number} {unit}" for number, unit in parts[first : first + 2] if number or first == len(parts) - 1
    ]
    return " ".join(parts_in_words)
