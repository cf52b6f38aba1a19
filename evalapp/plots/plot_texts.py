"""How a drawing says numbers and the few words of its own; in English where nobody says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_NOTHING = 1e-12
"""Closer than this to none or all is what sums of floats leave, and no share of anything that was counted."""


def rounded_share(share: float, digits: int = 0) -> tuple[str, float]:
    """The per cent in which a share is told, with a sign before it where rounding would make it none or all.

    One rule for pages, plots and commands; `lib/shares.js` is its twin in the browser.

    >>> [rounded_share(share) for share in (4749 / 4760, 1.0, 0.65, 1 / 4760, 0.0)]
    [('>', 99.0), ('', 100.0), ('', 65.0), ('<', 1.0), ('', 0.0)]
    """
    percent, step = 100 * share, 10.0**-digits
    if share > _NOTHING and round(percent, digits) <= 0:
        return "<", step
    if share < 1 - _NOTHING and round(percent, digits) >= 100:
        return ">", 100 - step
    return "", percent


@dataclass(frozen=True, slots=True)
class Phrases:
    """`number` writes a value with so many digits, `votes` a count of votes; the rest are texts with places to fill."""

    number: Callable[[float, int], str] = lambda value, digits: f"{value:,.{digits}f}"
    votes: Callable[[int], str] = lambda count: f"{count:,} votes"
    percent: str = "{number}%"
    no_votes: str = "no votes yet"
    alone: str = "{name}: {share} on its own"
    interval: str = "{name}: {share}, {low} to {high}"
    both: str = "{name}: {x} and {y}"
    better: str = "{row} better than {column}: {chance}"

    def share(self, value: float, digits: int = 0) -> str:
        """0.25 as `25%`; what is not the whole is never `100%`, see `rounded_share`."""
        mark, percent = rounded_share(value, digits)
        return self.percent.format(number=mark + self.number(percent, digits))


ENGLISH = Phrases()
