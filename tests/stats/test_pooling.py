"""Partial pooling: what each group says, drawn towards the whole as far as it is uncertain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

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
