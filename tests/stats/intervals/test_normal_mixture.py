"""Mixtures: the formula for each variance by itself, and a radius at which the evidence is exactly enough."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm

from evalapp.stats.intervals.normal_mixture import (
    BOUNDLESS,
    GUARD_TUNINGS,
    TUNINGS,
    inflate_variances,
    log_evidence,
    log_evidence_two_sided,
    mixture_radius,
)

SUMS, VARIANCES = [-40.0, 0.0, 3.0, 55.0, 400.0], [10.0, 0.0, 250.0, 900.0, 20_000.0]


@pytest.mark.parametrize("tunings", [TUNINGS, GUARD_TUNINGS, np.array([5.0])])
def test_evidence_is_the_mean_over_tunings_of_the_formula(tunings: np.ndarray) -> None:
    found = log_evidence(SUMS, VARIANCES, tunings)
    for place, (total, variance) in enumerate(zip(SUMS, VARIANCES, strict=True)):
        each = [
            2 * math.sqrt(rho / (variance + rho)) * math.exp(total**2 / (2 * (variance + rho)))
            * norm.cdf(total / math.sqrt(variance + rho))
            for rho in tunings
        ]  # fmt: skip
        assert found[place] == pytest.approx(math.log(np.mean(each)))


def test_one_sided_evidence_is_what_normal_bets_win_on_average() -> None:
    total, variance, rho = 30.0, 200.0, 50.0

    def bet(size: float) -> float:
        return 2 * math.sqrt(rho / (2 * math.pi)) * math.exp(size * total - size**2 * (variance + rho) / 2)

    assert float(log_evidence(total, variance, np.array([rho]))) == pytest.approx(math.log(quad(bet, 0, 2)[0]))


def test_evidence_for_either_side_forgets_the_sign() -> None:
    found = log_evidence_two_sided(SUMS, VARIANCES)
    for place, (total, variance) in enumerate(zip(SUMS, VARIANCES, strict=True)):
        each = [math.sqrt(rho / (variance + rho)) * math.exp(total**2 / (2 * (variance + rho))) for rho in TUNINGS]
        assert found[place] == pytest.approx(math.log(np.mean(each)))
    assert log_evidence_two_sided(-np.array(SUMS), VARIANCES).tolist() == found.tolist()


def test_evidence_beyond_what_a_number_can_hold_stays_finite() -> None:
    assert float(log_evidence(1e5, 100.0)) > 1e6
    assert float(log_evidence_two_sided(1e5, 100.0)) > 1e6
    assert np.isfinite(log_evidence(-1e5, 100.0))


@pytest.mark.parametrize("alpha", [0.2, 0.05, 1e-6])
@pytest.mark.parametrize("variance", [0.0, 1.0, 500.0, 1e6])
def test_the_radius_is_where_the_evidence_for_either_side_reaches_its_bar(alpha: float, variance: float) -> None:
    found = float(mixture_radius(variance, alpha))
    peer = brentq(lambda s: float(log_evidence_two_sided(s, variance)) + math.log(alpha), 0, 1e6, xtol=1e-9)
    assert found == pytest.approx(peer, rel=1e-9)
    # Rounded outwards.
    assert float(log_evidence_two_sided(found, variance)) >= -math.log(alpha)


def test_the_radius_has_the_shape_of_the_variances_and_five_percent_if_not_told() -> None:
    square = np.array([[1.0, 10.0], [100.0, 1000.0]])
    found = mixture_radius(square)
    assert found.shape == (2, 2)
    assert found[1, 0] == mixture_radius(100.0, 0.05)
    assert mixture_radius([]).shape == (0,)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.5, 1.5])
def test_an_alpha_that_is_no_chance_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        mixture_radius(1.0, alpha)


def test_variances_grow_by_what_five_voters_cost() -> None:
    masses = np.array([4.0, 1.0, 1.0, 2.0, 3.0, 1.0, 2.0, 2.0])
    effective = masses.sum() ** 2 / (masses**2).sum()
    found = float(inflate_variances(7.0, masses.sum(), (masses**2).sum()))
    assert found == pytest.approx(7.0 * effective / (effective - 5))


def test_up_to_five_effective_voters_and_without_any_nothing_is_known() -> None:
    for voters, bounded in ((5, False), (6, True), (0, False)):
        found = float(inflate_variances(2.0, 3.0 * voters, 9.0 * voters))
        assert found == pytest.approx(2.0 * 6 if bounded else BOUNDLESS)
