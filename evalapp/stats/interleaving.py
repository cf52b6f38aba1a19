"""Two rankings shown as one, and which of them people prefer: team draft, with an interval that is valid at any moment.

Radlinski, Kurup and Joachims, How does clickthrough data reflect retrieval quality? (CIKM 2008).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from evalapp.stats.intervals.normal_mixture import LEAST_VOTERS, inflate_variances, mixture_radius

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import ArrayLike

Team = Literal["a", "b"]


@dataclass(frozen=True, slots=True)
class DraftedItem:
    """An item of the list that is shown, and the team that put it there."""

    item: Hashable
    team: Team


def team_draft(
    first: Sequence[Hashable], second: Sequence[Hashable], length: int, rng: np.random.Generator
) -> list[DraftedItem]:
    """One list of up to `length` items in which both rankings, best first, take turns.

    In every round a coin decides who picks first; each adds its best item that is not there yet. So both teams are
    as long, and neither stands higher on average. A ranking that has nothing left passes.

    >>> [(one.item, one.team) for one in team_draft("abc", "bad", 3, np.random.default_rng(0))]
    [('b', 'b'), ('a', 'a'), ('c', 'a')]
    """
    drafted: list[DraftedItem] = []
    drafted_items: set[Hashable] = set()
    rankings_left: dict[Team, list[Hashable]] = {"a": list(first)[::-1], "b": list(second)[::-1]}
    while len(drafted) < length and (rankings_left["a"] or rankings_left["b"]):
        order: tuple[Team, Team] = ("a", "b") if rng.random() < 0.5 else ("b", "a")
        for team in order:
            pick = _best_left(rankings_left[team], drafted_items)
            if pick is not None and len(drafted) < length:
                drafted_items.add(pick)
                drafted.append(DraftedItem(pick, team))
    return drafted


@dataclass(frozen=True, slots=True)
class LivePreference:
    """How much more a judgement speaks for a than for b: `difference` in -1 … 1, positive for a.

    `low` and `high` hold it at every moment of the test at once with probability 1 - alpha: one may look as often as
    one likes and stop whenever 0 is outside.
    """

    difference: float
    low: float
    high: float
    visitors: int
    judgements: int

    @property
    def preferred(self) -> Team | None:
        """The team that is surely preferred; None while that is open."""
        if self.low > 0:
            return "a"
        return "b" if self.high < 0 else None


def live_preference(
    credits_a: ArrayLike, credits_b: ArrayLike, judged: ArrayLike, alpha: float = 0.05
) -> LivePreference:
    """The preference after so many visitors, each a cluster.

    Per visitor: `credits_a` and `credits_b`, dopes less nopes on the items of each team, and `judged`, how many items
    were judged in all. The difference is that of the credits per judgement; its confidence sequence is that of sums
    with the visitors' own variance (`normal_mixture`), which says nothing before there are 20 of them.
    Raises ValueError where the lengths differ or credits exceed what was judged.

    >>> found = live_preference([1] * 30, [0] * 30, [2] * 30)
    >>> found.difference, round(found.low, 2), round(found.high, 2), found.preferred
    (0.5, 0.13, 0.87, 'a')
    """
    gains = np.asarray(credits_a, dtype=np.float64) - np.asarray(credits_b, dtype=np.float64)
    masses = np.asarray(judged, dtype=np.float64)
    if gains.shape != masses.shape or gains.ndim != 1:
        raise ValueError("Credits and judgements come as one number per visitor.")
    if (np.abs(gains) > masses).any():
        raise ValueError("A visitor cannot credit more than was judged.")
    gains, masses = gains[masses > 0], masses[masses > 0]
    total, visitors = float(masses.sum()), len(masses)
    if not visitors:
        return LivePreference(0.0, -1.0, 1.0, 0, 0)
    difference = float(gains.sum() / total)
    reach = np.inf
    if visitors >= LEAST_VOTERS:
        variance = np.square(gains - difference * masses).sum()
        reach = float(mixture_radius(inflate_variances(variance, total, np.square(masses).sum()), alpha)) / total
    low, high = max(-1.0, difference - reach), min(1.0, difference + reach)
    return LivePreference(difference, low, high, visitors, int(total))


def _best_left(ranking: list[Hashable], drafted_items: set[Hashable]) -> Hashable | None:
    while ranking:
        pick = ranking.pop()
        if pick not in drafted_items:
            return pick
    return None
