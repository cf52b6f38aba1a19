"""Intervals for one look whose time was fixed beforehand, out of weighted votes of voters who vote more than once."""

from __future__ import annotations

import math

from scipy.special import ndtri

from evalapp.stats.intervals.share_intervals import Interval


def wilson_of_error(estimate: float, error: float, alpha: float = 0.05) -> Interval:
    """Wilson's interval (1927) for a share known with the standard error `error`.

    Uses the number of independent votes that would have that error, n = p(1 - p) / error². Where all said the same, or
    the error is 0 because there was one voter, nothing can be concluded from it: 0 to 1. Right at one moment fixed
    beforehand only. ValueError for an estimate outside 0 … 1, a negative error or an alpha outside (0, 1).

    >>> found = wilson_of_error(0.6, math.sqrt(0.6 * 0.4 / 50))
    >>> round(found.low, 4), round(found.high, 4)
    (0.4618, 0.7239)
    """
    if not 0 <= estimate <= 1 or error < 0 or not 0 < alpha < 1:
        raise ValueError("an estimate in 0 … 1, an error of at least 0 and an alpha in (0, 1) are needed")
    variance = estimate * (1 - estimate)
    if error == 0 or variance == 0:
        return Interval(estimate, 0.0, 1.0, alpha, "wilson")
    votes = variance / error**2
    z = -float(ndtri(alpha / 2))
    slack = z * z / votes
    centre = (estimate + slack / 2) / (1 + slack)
    half = z * math.sqrt(variance / votes + slack / (4 * votes)) / (1 + slack)
    return Interval(estimate, max(0.0, centre - half), min(1.0, centre + half), alpha, "wilson")
