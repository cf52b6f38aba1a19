"""How a filtered question is answered: few allowed rows are compared one by one, many are left to the engine.

A graph or list index that filters what it has found answers a strict filter with two rows instead of ten, and nobody
notices. Here nothing is left to chance: whoever is allowed few rows gets them compared exactly, which is also faster.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

FEW_SHARE = 0.03
FEW_ROWS = 5_000
MOST_EFFORT = 8.0


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """Exactly over the allowed rows, or through the engine with `effort` times its usual probes."""

    exact: bool
    effort: float = 1.0


def plan_search(rows: int, allowed: int) -> SearchPlan:
    """The plan for a base of `rows`, of which so many are allowed."""
    if allowed <= max(FEW_SHARE * rows, FEW_ROWS):
        return SearchPlan(exact=True)
    return SearchPlan(exact=False, effort=min(MOST_EFFORT, math.sqrt(rows / allowed)))
