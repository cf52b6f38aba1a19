"""Rank correlation against scipy, and an interval that holds what it promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm, spearmanr

from evalapp.stats.correlation import rank_correlation

PAIRS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=4, max_size=30)


@given(PAIRS)
def test_the_value_is_that_of_scipy_also_with_ties(pairs: list[tuple[int, int]]) -> None:
    x, y = zip(*pairs, strict=True)
    found = rank_correlation(x, y)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert found.value is None
        assert (found.low, found.high) == (-1, 1)
        return
    assert found.value == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)
    assert -1 <= found.low <= found.value <= found.high <= 1


@given(PAIRS)
def test_only_the_order_matters(pairs: list[tuple[int, int]]) -> None:
    x, y = (np.array(values, dtype=float) for values in zip(*pairs, strict=True))
    assert rank_correlation(x, y) == rank_correlation(np.exp(x), y**3 + y)


def test_few_things_leave_doubt_even_in_perfect_order() -> None:
    assert rank_correlation([1, 2, 3], [1, 2, 3]).low == -1
    assert 0.5 < rank_correlation(range(8), range(8)).low < 0.95


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Bivariate normal, whose rank correlation is 6/π asin(r/2); at least 95 % up to chance."""
    random, correlation = np.random.default_rng(8), 0.6
    truth = 6 / np.pi * np.arcsin(correlation / 2)
    runs = 600
    hits = 0
    for _ in range(runs):
        x, y = random.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], 12).T
        found = rank_correlation(x, y)
        hits += found.low <= truth <= found.high
    assert binomtest(hits, runs, 0.95, alternative="less").pvalue > 0.01


def test_scores_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="same length"):
        rank_correlation([1, 2], [1, 2, 3])


@pytest.mark.parametrize("alpha", [0.05, 0.3])
@pytest.mark.parametrize("count", [4, 7, 20])
def test_the_interval_is_that_of_bonett_and_wright(count: int, alpha: float) -> None:
    x = np.arange(count)
    y = np.random.default_rng(count).permutation(count // 2).tolist() + list(range(count // 2, count))
    y[-2:] = [y[-1], y[-2]]
    value = spearmanr(x, y).statistic
    reach = norm.ppf(1 - alpha / 2) * np.sqrt((1 + value**2 / 2) / (count - 3))
    found = rank_correlation(x, y, alpha)
    assert found.low == pytest.approx(np.tanh(np.arctanh(value) - reach))
    assert found.high == pytest.approx(np.tanh(np.arctanh(value) + reach))
    assert (found.things, found.alpha) == (count, alpha)
    assert rank_correlation(x, y) == rank_correlation(x, y, 0.05)


@pytest.mark.parametrize("sign", [1, -1])
def test_perfect_order_is_held_away_from_certainty_by_the_number_of_things(sign: int) -> None:
    found = rank_correlation(range(6), sign * np.arange(6))
    reach = norm.ppf(0.975) * np.sqrt(1.5 / 3)
    inner = np.tanh(np.arctanh(1 - 1 / 36) - reach)
    assert (found.low, found.high) == pytest.approx((inner, 1.0) if sign > 0 else (-1.0, -inner))
    assert found.value == sign


@pytest.mark.parametrize(("count", "value"), [(0, None), (1, None), (2, 1.0), (3, 1.0)])
def test_below_four_things_everything_is_possible(count: int, value: float | None) -> None:
    found = rank_correlation(range(count), range(count))
    assert found.value == (value if value is None else pytest.approx(value))
    assert (found.low, found.high, found.things) == (-1, 1, count)
    assert rank_correlation(range(4), range(4)).low > -1


def test_scores_must_be_flat_and_one_that_is_all_alike_has_no_order() -> None:
    with pytest.raises(ValueError, match="flat"):
        rank_correlation([[1, 2]], [[1, 2]])
    for x, y in (([1, 1, 1, 1, 1], [1, 2, 3, 4, 5]), ([1, 2, 3, 4, 5], [2, 2, 2, 2, 2])):
        assert rank_correlation(x, y).value is None
