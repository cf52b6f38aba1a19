"""The uniform design and drawing without replacement."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from evalapp.stats.designs.uniform_design import draw_without_replacement, uniform_propensity

WEIGHTS = st.lists(st.floats(0.01, 10), min_size=1, max_size=30)


def test_the_uniform_design_sums_to_one_over_the_pool() -> None:
    slots = [1, 3, 2, 7]
    assert sum(uniform_propensity(len(slots), s) for s in slots for _ in range(s)) == pytest.approx(1.0)


@given(WEIGHTS, st.integers(0, 40), st.integers(0, 2**32))
def test_propensities_are_what_drawing_one_by_one_gives(weights: list[float], n: int, seed: int) -> None:
    draws = draw_without_replacement(np.random.default_rng(seed), np.array(weights), n)
    left = list(range(len(weights)))
    for index, propensity in zip(draws.indices.tolist(), draws.propensities.tolist(), strict=True):
        assert propensity == pytest.approx(weights[index] / sum(weights[other] for other in left))
        left.remove(index)
    assert len(left) == max(0, len(weights) - n)


def test_the_last_of_the_pool_is_certain() -> None:
    draws = draw_without_replacement(np.random.default_rng(0), np.array([0.1, 0.7, 0.2]), 3)
    assert draws.propensities[-1] == 1.0


def test_orders_come_as_often_as_they_should() -> None:
    weights = np.array([1.0, 2.0, 5.0])
    rng = np.random.default_rng(5)
    orders = list(itertools.permutations(range(3), 2))
    runs = [tuple(draw_without_replacement(rng, weights, 2).indices.tolist()) for _ in range(20_000)]
    expected = [weights[a] / 8 * weights[b] / (8 - weights[a]) * len(runs) for a, b in orders]
    assert chisquare([runs.count(order) for order in orders], expected).pvalue > 0.001


def test_weights_must_be_above_zero() -> None:
    with pytest.raises(ValueError, match="above 0"):
        draw_without_replacement(np.random.default_rng(0), np.array([1.0, 0.0]), 1)


def test_an_empty_pool_gives_nothing() -> None:
    assert len(draw_without_replacement(np.random.default_rng(0), np.array([]), 5).indices) == 0
