"""How a drawing says numbers and the few words of its own; in English where nobody says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


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
        """0.25 as `25%`."""
        return self.percent.format(number=self.number(100 * value, digits))


ENGLISH = Phrases()
