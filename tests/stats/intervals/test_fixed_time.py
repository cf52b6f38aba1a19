"""Wilson's interval of an error: that of as many independent votes; 0 to 1 where nothing can be concluded."""

from __future__ import annotations

import math

import pytest
from scipy.stats import binomtest

from evalapp.stats.intervals.fixed_time import wilson_of_error


@pytest.mark.parametrize(("liked", "votes"), [(1, 40), (30, 50), (99, 100), (400, 1000)])
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.4])
def test_it_is_the_interval_of_as_many_independent_votes(liked: int, votes: int, alpha: float) -> None:
    share = liked / votes
    found = wilson_of_error(share, math.sqrt(share * (1 - share) / votes), alpha)
    peer = binomtest(liked, votes).proportion_ci(1 - alpha, method="wilson")
    assert (found.low, found.high) == pytest.approx((peer.low, peer.high), abs=1e-12)
    assert (found.estimate, found.alpha, found.method) == (share, alpha, "wilson")


def test_five_percent_are_left_out_if_not_told() -> None:
    assert wilson_of_error(0.4, 0.1) == wilson_of_error(0.4, 0.1, 0.05)


def test_with_large_errors_the_ends_stay_between_0_and_1() -> None:
    found = wilson_of_error(0.5, 100.0)
    assert 0 <= found.low < 0.01
    assert 0.99 < found.high <= 1
    assert wilson_of_error(0.02, 0.5).low >= 0
    assert wilson_of_error(0.98, 0.5).high <= 1


@pytest.mark.parametrize(("estimate", "error"), [(0.4, 0.0), (0.0, 0.1), (1.0, 0.1), (0.0, 0.0)])
def test_where_all_said_the_same_nothing_is_concluded(estimate: float, error: float) -> None:
    found = wilson_of_error(estimate, error)
    assert (found.estimate, found.low, found.high) == (estimate, 0.0, 1.0)


@pytest.mark.parametrize(
    ("estimate", "error", "alpha"),
    [(-0.1, 0.1, 0.05), (1.1, 0.1, 0.05), (2.0, 0.0, 0.05), (0.5, -0.1, 0.05), (0.5, 0.1, 0.0), (0.5, 0.1, 1.0),
     (0.5, 0.1, 1.5), (0.5, 0.0, 2.0)],
)  # fmt: skip
def test_what_cannot_be_is_refused(estimate: float, error: float, alpha: float) -> None:
    with pytest.raises(ValueError, match="needed"):
        wilson_of_error(estimate, error, alpha)
