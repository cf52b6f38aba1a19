"""The studies of the table of figures, and what they cost with votes of one's own and in theory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtri

from evalapp.stats.intervals.share_intervals import beta_binomial
from tests.simulation.world import People, World, world_of

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Row:
    """Approvals, overlap of first choices inside families of so many, and across families."""

    name: str
    approvals: tuple[float, ...]
    overlap: float
    family: int = 0
    across: float = 0.0

    def world(self, rng: np.random.Generator, people: People | None = None, queries: int = 1000) -> World:
        families = [one // self.family for one in range(len(self.approvals))] if self.family else None
        return world_of(
            self.approvals, self.overlap, rng, queries=queries, people=people, families=families, across=self.across
        )


def _spread(high: float, low: float) -> tuple[float, ...]:
    return tuple(float(one) for one in np.linspace(high, low, 10))


ORIGINAL = Row("7 contenders, 0.65 against 0.40–0.45, overlap 0.2", (0.65, 0.45, 0.44, 0.43, 0.42, 0.41, 0.40), 0.2)
MODELS = Row("4 models × 3 metrics, 0.55 / 0.50, overlap 0.7 and 0.2", (0.55, 0.50, *_spread(0.48, 0.35)), 0.7, 3, 0.2)
CLOSE = Row("12 contenders, 0.55 / 0.53 / 0.42–0.50, overlap 0.6", (0.55, 0.53, *_spread(0.50, 0.42)), 0.6)
NEAR = Row("4 contenders, the second 2.5 points below", (0.55, 0.525, 0.45, 0.40), 0.3)
TWELVE = Row("12 contenders, 0.65 against 0.40–0.55", (0.65, 0.55, *_spread(0.50, 0.40)), 0.3)
TIE = Row("4 contenders, two of them equal at the top", (0.55, 0.55, 0.45, 0.40), 0.3)


def own_votes(approvals: tuple[float, ...], rng: np.random.Generator, *, most: int, valid: bool) -> float:
    """Votes until the best is declared if each contender has votes of its own, in turns: by Wilson's intervals at
    δ / M, looked at all the time (which is not even valid), or by beta-binomial confidence sequences at δ / M."""
    count, delta = len(approvals), 0.05
    looks = np.unique(np.geomspace(10, most / count, 1500).astype(int))
    hits = np.stack([np.cumsum(rng.random(looks[-1]) < one)[looks - 1] for one in approvals])
    if not valid:
        z = -float(ndtri(delta / count / 2))
        share, slack = hits / looks, z * z / looks
        centre = (share + slack / 2) / (1 + slack)
        half = z * np.sqrt(share * (1 - share) / looks + slack / (4 * looks)) / (1 + slack)
        apart = centre[0] - half[0] > (centre[1:] + half[1:]).max(axis=0)
        return float(looks[np.argmax(apart)] * count) if apart.any() else np.inf
    # The intervals shrink: the first look at which they are apart is found by bisection.
    low, high = 0, len(looks) - 1
    while low < high:
        middle = (low + high) // 2
        found = [beta_binomial(int(one[middle]), int(looks[middle]), delta / count) for one in hits]
        low, high = (low, middle) if found[0].low > max(one.high for one in found[1:]) else (middle + 1, high)
    return float(looks[low] * count)


def bernoulli_divergence(p: float, q: float) -> float:
    """kl(p, q); of neighbours by its first term, where the logarithms would cancel to nothing."""
    if abs(p - q) < 1e-5:
        return float((p - q) ** 2 / (2 * q * (1 - q)))
    return float(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))


def garivier_kaufmann(approvals: tuple[float, ...], delta: float = 0.05) -> float:
    """No procedure that is wrong with probability at most δ expects fewer own votes (Garivier and Kaufmann 2016):

        T* kl(δ, 1 - δ),   1 / T* = max over shares w of min_a (w_1 kl(μ_1, m_a) + w_a kl(μ_a, m_a))

    m_a being the weighted mean of both. At the optimum all a are equal; the value is found by bisection.
    """
    best, *others = sorted(approvals, reverse=True)

    def mixed(x: float, other: float) -> float:
        return (best + x * other) / (1 + x)

    def gain(x: float, other: float) -> float:
        m = mixed(x, other)
        return bernoulli_divergence(best, m) + x * bernoulli_divergence(other, m)

    def shares(level: float) -> list[float]:
        return [float(brentq(lambda x, o=other: gain(x, o) - level, 0.0, 1e9)) for other in others]

    def balance(level: float) -> float:
        found = zip(shares(level), others, strict=True)
        return (
            sum(bernoulli_divergence(best, mixed(x, o)) / bernoulli_divergence(o, mixed(x, o)) for x, o in found) - 1.0
        )

    top = min(bernoulli_divergence(best, other) for other in others)
    level = float(brentq(balance, top * 1e-3, top * (1 - 1e-6)))
    return (1 + sum(shares(level))) / level * bernoulli_divergence(delta, 1 - delta)
