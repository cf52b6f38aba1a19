"""Intervals for a share of dope: one for a look whose time was fixed beforehand, two for looking all the time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, logsumexp, ndtri

from evalapp.stats.estimators import FloatArray, WeightedVotes, estimate_approval

BETS = np.geomspace(0.01, 0.5, 8)
"""How bold the bets are, as shares of what suits the variance; fixed before the first vote."""
_HALVINGS = 50


@dataclass(frozen=True, slots=True)
class Interval:
    """`low` … `high` around `estimate` (None without votes), with what it was made by."""

    estimate: float | None
    low: float
    high: float
    alpha: float
    method: str


def wilson_interval(successes: int, trials: int, alpha: float = 0.05) -> Interval:
    """Score interval of Wilson (1927). Right at one moment fixed beforehand, wrong when looked at repeatedly.

    Without trials it says nothing: 0 to 1. ValueError for counts that cannot be or an alpha outside (0, 1).

    >>> found = wilson_interval(8, 10)
    >>> round(found.low, 3), round(found.high, 3)
    (0.49, 0.943)
    """
    _check_counts(successes, trials, alpha)
    if trials == 0:
        return Interval(None, 0.0, 1.0, alpha, "wilson")
    z = -float(ndtri(alpha / 2))
    share, slack = successes / trials, z * z / trials
    centre = (share + slack / 2) / (1 + slack)
    half = z * math.sqrt(share * (1 - share) / trials + slack / (4 * trials)) / (1 + slack)
    low = max(0.0, centre - half) if successes else 0.0
    high = min(1.0, centre + half) if successes < trials else 1.0
    return Interval(share, low, high, alpha, "wilson")


def beta_binomial(successes: int, trials: int, alpha: float = 0.05, prior: float = 0.5) -> Interval:
    """Confidence sequence for one Bernoulli rate: right at every moment at once, however often one looks.

    Robbins' method of mixtures: with a Beta(prior, prior) mixture, the likelihood ratio against the rate p
        M(p) = B(prior + s, prior + f) / (B(prior, prior) p^s (1 - p)^f),    s successes, f failures
    is a martingale if p is the truth; by Ville's inequality it ever reaches 1 / alpha with probability at most
    alpha. The interval holds the rates for which it has not. ValueError as for `wilson_interval`.

    >>> found = beta_binomial(8, 10)
    >>> round(found.low, 3), round(found.high, 3)
    (0.342, 0.991)
    """
    _check_counts(successes, trials, alpha)
    if prior <= 0:
        raise ValueError("prior must be above 0")
    if trials == 0:
        return Interval(None, 0.0, 1.0, alpha, "beta-binomial")
    low = _beta_binomial_low(successes, trials, alpha, prior)
    high = 1.0 - _beta_binomial_low(trials - successes, trials, alpha, prior)
    return Interval(successes / trials, low, high, alpha, "beta-binomial")


def betting_interval(
    votes: WeightedVotes, *, weight_bound: float, variance_bound: float, alpha: float = 0.05
) -> Interval:
    """Confidence sequence for an approval out of weighted votes: right at every moment at once.

    For a rate x bet on every vote's w (y - x), whose mean is at most 0 if the approval is at most x:
        K(x) = mean over g of Π (1 + λ_g w (y - x)),    λ_g = min(g / variance_bound, 0.9 / weight_bound)
    is a test supermartingale, also when the pairs are drawn adaptively (Waudby-Smith and Ramdas 2024). `low` is the
    highest x against which it reached 2 / alpha; `high` the same for the votes mirrored. K falls as x grows, so
    bisection finds the end, and log K <= λ Σ w (y - x) keeps the estimate between both ends, always.
    The product needs only the counts per weight, so a vote costs nothing and its place in time does not matter.

    `weight_bound`: a number no weight can exceed; `variance_bound`: about the mean of w² (y - x)² per draw. Both must
    come from the design, not from the votes. The votes of one visitor are taken as those of a random visitor.
    ValueError if a weight is above its bound, for bounds not above 0 and for an alpha outside (0, 1).

    >>> votes = WeightedVotes.from_counts([1.0, 2.0], [60, 20], [20, 10])
    >>> found = betting_interval(votes, weight_bound=2.0, variance_bound=0.5)
    >>> round(found.low, 3), round(found.high, 3)
    (0.562, 0.845)
    """
    _check_counts(0, 0, alpha)
    if weight_bound <= 0 or variance_bound <= 0:
        raise ValueError("the bounds must be above 0")
    if votes.weights.size and votes.weights.max() > weight_bound * (1 + 1e-9):
        raise ValueError(f"a weight of {votes.weights.max():g} is above its bound of {weight_bound:g}")
    stakes = np.minimum(BETS / variance_bound, 0.9 / weight_bound)
    estimate = estimate_approval(votes)
    if estimate is None:
        return Interval(None, 0.0, 1.0, alpha, "betting")
    low = _betting_low(votes, stakes, alpha)
    high = 1.0 - _betting_low(votes.swap_verdicts(), stakes, alpha)
    # The exact ends lie around the estimate; only the last bit of the arithmetic can say otherwise.
    return Interval(estimate, min(low, estimate), max(high, estimate), alpha, "betting")


def _betting_low(votes: WeightedVotes, stakes: FloatArray, alpha: float) -> float:
    staked = np.outer(stakes, votes.weights)

    def log_wealth(rate: float) -> float:
        logs = np.log1p(staked * (1 - rate)) @ votes.dope + np.log1p(-staked * rate) @ votes.nope
        return float(logsumexp(logs)) - math.log(len(stakes))

    return _last_refuted(log_wealth, math.log(2 / alpha))


def _beta_binomial_low(successes: int, trials: int, alpha: float, prior: float) -> float:
    if successes == 0:
        return 0.0
    failures = trials - successes
    mixture = float(betaln(prior + successes, prior + failures) - betaln(prior, prior))

    def log_ratio(rate: float) -> float:
        if rate <= 0:
            return math.inf
        return mixture - successes * math.log(rate) - (failures * math.log1p(-rate) if failures else 0.0)

    return _last_refuted(log_ratio, math.log(1 / alpha), successes / trials)


def _last_refuted(evidence: Callable[[float], float], limit: float, highest: float = 1.0) -> float:
    """The highest rate in 0 … `highest` whose evidence, falling in the rate, reaches the limit; 0 if none does.

    Rounded down, so that what is left in the interval is never too little.
    """
    if evidence(0.0) < limit:
        return 0.0
    if evidence(highest) >= limit:
        return highest
    low, high = 0.0, highest
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if evidence(middle) >= limit else (low, middle)
    return low


def _check_counts(successes: int, trials: int, alpha: float) -> None:
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials cannot be")
    if not 0 < alpha < 1:
        raise ValueError("alpha must lie between 0 and 1")
