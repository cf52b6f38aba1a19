"""From values to places on the sheet."""

from __future__ import annotations

import math
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """Values `low` … `high` at places `start` … `end`; what lies outside is put at the edge."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of a value."""
        if self.high <= self.low:
            return (self.start + self.end) / 2
        share = (value - self.low) / (self.high - self.low)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)

    def round_ticks(self, most: int) -> list[float]:
        """At most `most` + 1 round values between the ends, evenly spaced."""
        span = self.high - self.low
        if span <= 0:
            return [self.low]
        step = _round_up(span / most)
        first = math.ceil(self.low / step - 1e-9)
        return [index * step for index in range(first, math.floor(self.high / step + 1e-9) + 1)]


def shares_around(values: list[float], step: float = 0.1) -> tuple[float, float]:
    """The least and the greatest of these shares, rounded outwards to steps and kept within 0 … 1."""
    if not values:
        return 0.0, 1.0
    low = math.floor(min(values) / step + 1e-9) * step
    high = math.ceil(max(values) / step - 1e-9) * step
    if high - low < 2 * step:
        low, high = low - step, high + step
    return max(0.0, low), min(1.0, high)


def _round_up(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * factor for factor in _STEPS if power * factor >= step * (1 - 1e-9))
