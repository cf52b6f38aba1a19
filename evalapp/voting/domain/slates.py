"""What a study can show, as arrays, and the law by which pairs are drawn from it. No database, no state."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalapp.stats.designs.uniform_design import draw_without_replacement

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Law:
    """The probability of each pair of a pool, and the version of the design; None is the uniform one.

    `cumulative` are the sums that a draw looks into, ending with 1.
    """

    probabilities: FloatArray
    cumulative: FloatArray
    version: int | None

    @classmethod
    def from_weights(cls, weights: FloatArray, version: int | None) -> Law:
        """Weights of any scale, at least one of them above 0; or none at all, where all pairs have been flagged."""
        sums = np.cumsum(weights)
        total = float(sums[-1]) if len(sums) else 1.0
        return cls(weights / total, sums / total, version)

    def draw_places(self, rng: np.random.Generator, n: int) -> list[int]:
        """`n` places in the pool, independent of each other; each in logarithmic time."""
        places: list[int] = np.searchsorted(self.cumulative, rng.random(n), side="right").tolist()
        return places


@dataclass(frozen=True, slots=True)
class Pool:
    """The pairs that can be shown, query by query, in an order that tells nothing.

    `pairs` are ids; `owners[i]` is the number of pair i's query, whose pairs lie from `starts[query]` up to
    `starts[query + 1]`, and whose position in the study is `positions[query]`. `only_control[i]`: nobody but the random
    control put pair i first.
    """

    pairs: IntArray
    owners: IntArray
    starts: IntArray
    positions: IntArray
    only_control: BoolArray

    @classmethod
    def from_sorted_pairs(cls, pairs: IntArray, positions: IntArray, only_control: BoolArray) -> Pool:
        """From pairs sorted by the positions of their queries."""
        firsts = np.flatnonzero(np.diff(positions, prepend=-1))
        sizes = np.diff(firsts, append=len(pairs))
        owners = np.repeat(np.arange(len(firsts)), sizes)
        return cls(pairs, owners, np.append(firsts, len(pairs)), positions[firsts], only_control)

    @property
    def queries(self) -> int:
        """Queries that have pairs."""
        return len(self.starts) - 1

    @property
    def sizes(self) -> IntArray:
        """Pairs of each query."""
        return np.diff(self.starts)

    def pairs_of_query(self, position: int) -> IntArray:
        """The pairs of the query that stands at this position of the study; none where it has none."""
        low, high = np.searchsorted(self.positions, [position, position + 1])
        return self.pairs[self.starts[low] : self.starts[high]]

    def places_of_query(self, place: int) -> range:
        """The places of all pairs of the same query."""
        owner = self.owners[place]
        return range(int(self.starts[owner]), int(self.starts[owner + 1]))

    def uniform_probabilities(self) -> FloatArray:
        """Every query equally likely, then every pair of the query: 1 / (Q slots)."""
        share: FloatArray = 1.0 / (self.queries * self.sizes[self.owners])
        return share


@dataclass(frozen=True, slots=True)
class Hand:
    """Pairs of one query that are shown together, by their places in the pool, and the probability of each.

    It is the probability that the pair is among those shown: the first is drawn by the law, the others at random from
    the same query. With one pair it is the law's own.
    """

    places: list[int]
    propensities: list[float]


@dataclass(frozen=True, slots=True)
class Rules:
    """How many pairs of one query a hand has: as many as there are from `least` up to `most`."""

    least: int
    most: int


def hands_from_all(
    pool: Pool, law: Law, rules: Rules, firsts: list[int], seen: Collection[int], rng: np.random.Generator
) -> Iterator[Hand]:
    """Hands begun by the places `firsts`, which the law drew; what was seen (ids of pairs) is left out.

    Leaving it out moves the probabilities by less than the seen share; those given are of the draw.
    """
    dealt_or_seen = set(seen)
    for first in firsts:
        if (pair := int(pool.pairs[first])) in dealt_or_seen:
            continue
        if rules.most == 1:
            dealt_or_seen.add(pair)
            yield Hand([first], [float(law.probabilities[first])])
            continue
        unseen_places = [place for place in pool.places_of_query(first) if int(pool.pairs[place]) not in dealt_or_seen]
        if len(unseen_places) >= rules.least:
            span = np.fromiter(pool.places_of_query(first), dtype=np.int64)
            hand = _complete_hand(law.probabilities, rules, first, unseen_places, span, rng)
            dealt_or_seen.update(int(pool.pairs[place]) for place in hand.places)
            yield hand


def hands_from_unseen(
    pool: Pool, law: Law, rules: Rules, seen: Collection[int], n: int, rng: np.random.Generator
) -> Iterator[Hand]:
    """Up to `n` hands by the law restricted to the pairs not seen, renormalised hand by hand."""
    weights = np.where(np.isin(pool.pairs, np.fromiter(seen, dtype=np.int64)), 0.0, law.probabilities)
    if rules.most == 1:
        (unseen,) = np.nonzero(weights)
        draws = draw_without_replacement(rng, weights[unseen], n)
        for place, chance in zip(unseen[draws.indices].tolist(), draws.propensities.tolist(), strict=True):
            yield Hand([place], [chance])
        return
    for _ in range(n):
        left = np.bincount(pool.owners, weights > 0, minlength=pool.queries)
        weights[(left < rules.least)[pool.owners]] = 0.0
        if not (total := float(weights.sum())) > 0:
            return
        first = Law.from_weights(weights, law.version).draw_places(rng, 1)[0]
        rest = [place for place in pool.places_of_query(first) if weights[place] > 0]
        hand = _complete_hand(weights / total, rules, first, rest, np.array(rest), rng)
        weights[hand.places] = 0.0
        yield hand


def _complete_hand(
    chances: FloatArray, rules: Rules, first: int, unseen_places: list[int], span: IntArray, rng: np.random.Generator
) -> Hand:
    """The place `first` and others of `unseen_places`, in a random order.

    Of s pairs with chances π and P = Σ π, a hand of k holds pair c with probability π_c + (P - π_c) (k - 1) / (s - 1).
    """
    others = [place for place in unseen_places if place != first]
    mates = rng.permutation(others)[: rules.most - 1].tolist()
    places: list[int] = rng.permutation([first, *mates]).tolist() if mates else [first]
    size, shown = len(span), min(rules.most, len(span))
    whole = float(chances[span].sum())
    share = (shown - 1) / (size - 1) if size > 1 else 0.0
    return Hand(places, [float(chances[place] + (whole - chances[place]) * share) for place in places])
