"""Partial pooling: what each group says, drawn towards the whole as far as it is uncertain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import brentq

from evalapp.stats.pooling import pool_groups

SHARES = arrays(np.float64, st.integers(1, 12), elements=st.floats(0, 1))


@given(SHARES, st.floats(1e-4, 0.2))
def test_every_group_moves_towards_the_mean_and_none_beyond_it(shares: np.ndarray, variance: float) -> None:
    found = pool_groups(shares, np.full(len(shares), variance))
    assert found.mean == pytest.approx(shares.mean())
    towards = (found.estimates - found.mean) * (shares - found.mean)
    assert (towards >= -1e-12).all()
    assert (np.abs(found.estimates - found.mean) <= np.abs(shares - found.mean) + 1e-12).all()


def test_the_less_is_known_of_a_group_the_more_it_moves() -> None:
    shares, variances = [0.2, 0.8, 0.8, 0.2], [0.001, 0.001, 0.1, 0.1]
    moved = np.abs(pool_groups(shares, variances).estimates - shares)
    assert moved[2] > moved[1]
    assert moved[3] > moved[0]


def test_groups_that_differ_by_chance_only_become_one() -> None:
    found = pool_groups([0.49, 0.51, 0.5], [0.01, 0.02, 0.04])
    assert found.spread == 0
    assert np.ptp(found.estimates) == pytest.approx(0, abs=1e-12)


def test_a_group_without_votes_gets_the_mean() -> None:
    found = pool_groups([0.3, np.nan, 0.7], [0.01, 1.0, 0.01])
    assert found.estimates[1] == pytest.approx(found.mean)
    assert np.isnan(pool_groups([np.nan], [1.0]).estimates).all()


def test_the_spread_between_groups_is_found_again() -> None:
    """Simulated groups: truths with a spread of 0.1, errors of 0.05 and 0.1."""
    random = np.random.default_rng(3)
    errors = np.tile([0.05, 0.1], 2000)
    truths = random.normal(0.6, 0.1, len(errors))
    seen = random.normal(truths, errors)
    found = pool_groups(seen, errors**2)
    assert found.spread == pytest.approx(0.1, rel=0.05)
    assert found.mean == pytest.approx(0.6, abs=0.01)
    assert ((found.estimates - truths) ** 2).mean() < 0.85 * ((seen - truths) ** 2).mean()


def test_bad_variances_are_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        pool_groups([0.5], [0.0])
    with pytest.raises(ValueError, match="same length"):
        pool_groups([0.5, 0.4], [0.1])


@pytest.mark.parametrize("seed", range(4))
def test_it_is_paule_and_mandel_with_weighted_means(seed: int) -> None:
    random = np.random.default_rng(seed)
    shares, variances = random.uniform(0, 1, 7), random.uniform(0.001, 0.02, 7)

    def mean_at(tau2: float) -> float:
        return float(np.average(shares, weights=1 / (variances + tau2)))

    def excess(tau2: float) -> float:
        return float(((shares - mean_at(tau2)) ** 2 / (variances + tau2)).sum()) - 6

    tau2 = brentq(excess, 0, 10, xtol=1e-14)
    found = pool_groups(shares, variances)
    assert found.spread == pytest.approx(np.sqrt(tau2))
    assert found.mean == pytest.approx(mean_at(tau2))
    expected = (tau2 * shares + variances * mean_at(tau2)) / (tau2 + variances)
    assert found.estimates == pytest.approx(expected)


def test_two_groups_differ_by_what_their_errors_do_not_explain() -> None:
    # Half a squared difference of 0.36 less an error of 0.01 each.
    assert pool_groups([0.2, 0.8], [0.01, 0.01]).spread == pytest.approx(np.sqrt(0.18 - 0.01))
    assert pool_groups([0.2, 0.8], [0.179, 0.179]).spread == pytest.approx(np.sqrt(0.001))
    assert pool_groups([0.2, 0.8], [0.181, 0.181]).spread == 0


def test_one_group_is_its_own_mean() -> None:
    found = pool_groups([0.3], [0.04])
    assert (found.estimates.tolist(), found.mean, found.spread) == ([0.3], 0.3, 0.0)
    nothing = pool_groups([], [])
    assert (nothing.estimates.shape, nothing.spread) == ((0,), 0.0)
    assert np.isnan(nothing.mean)
    assert pool_groups([np.nan, np.nan], [1.0, 1.0]).spread == 0.0


def test_arrays_that_are_no_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="flat"):
        pool_groups([[0.5]], [[0.1]])
    with pytest.raises(ValueError, match="above 0"):
        pool_groups([0.5, 0.4], [0.1, -0.1])
    # Of a group without an estimate the variance is not looked at.
    assert pool_groups([0.5, np.nan], [0.1, 0.0]).estimates.tolist() == [0.5, 0.5]
