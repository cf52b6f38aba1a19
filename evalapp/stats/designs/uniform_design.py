"""Which pair is shown next, and with what probability: the uniform design."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalapp.stats.estimators import FloatArray


@dataclass(frozen=True, slots=True)
class Draws:
    """Indices in the order drawn, and for each the probability it had at its turn."""

    indices: NDArray[np.intp]
    propensities: FloatArray


def uniform_propensity(queries: int, slots: int) -> float:
    """Every query equally likely, then every distinct first choice of the query: π = 1 / (Q slots).

    >>> uniform_propensity(queries=10, slots=4)
    0.025
    """
    return 1.0 / (queries * slots)


def draw_without_replacement(rng: np.random.Generator, weights: FloatArray, n: int) -> Draws:
    """Up to `n` indices, one after another, each in proportion to the weights of those that are left.

    Exponential keys (Efraimidis and Spirakis 2006): the smallest of E / weight, E exponential, have the same law
    as drawing one by one, in a single pass. The propensity of a draw is its weight over all weight left at its turn.

    >>> draws = draw_without_replacement(np.random.default_rng(0), np.array([1.0, 1.0, 2.0]), 3)
    >>> sorted(draws.indices.tolist()), float(draws.propensities[-1])
    ([0, 1, 2], 1.0)
    """
    if (weights <= 0).any():
        raise ValueError("weights must be above 0")
    keys = rng.standard_exponential(len(weights)) / weights
    chosen = np.argsort(keys, kind="stable")[:n]
    drawn = weights[chosen]
    # From the last turn backwards, so that a pool drawn to its end gives exactly 1 to the last.
    unchosen = float(np.delete(weights, chosen).sum())
    left = np.cumsum(drawn[::-1])[::-1] + unchosen
    return Draws(chosen, drawn / left)
