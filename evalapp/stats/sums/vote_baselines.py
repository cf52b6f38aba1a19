"""The baseline m of a vote: what is expected of this voter on this query before the candidate is looked at."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from evalapp.stats.sums.epochs import CLIP

FloatArray = NDArray[np.float64]

VOTER_PRIOR = 6.0
QUERY_PRIOR = 4.0
"""How many votes the overall mean is worth against a voter's, and a query's, own votes."""


def shrunk_means(liked: ArrayLike, votes: ArrayLike, mean: ArrayLike, prior: float) -> FloatArray:
    """(prior · mean + liked) / (prior + votes): running means that start at `mean`. Arrays of any one shape.

    >>> shrunk_means([0, 3, 30], [0, 3, 60], 0.4, prior=6.0).round(3).tolist()
    [0.4, 0.6, 0.491]
    """
    return np.asarray((prior * np.asarray(mean) + np.asarray(liked)) / (prior + np.asarray(votes)))


def baselines_of_votes(mean: ArrayLike, voter_means: ArrayLike, query_means: ArrayLike) -> FloatArray:
    """m: the voter's and the query's departures from the mean, added as log-odds, clipped to 0.05 … 0.95.

    Any number that is known before the vote and does not look at the candidate keeps E ψ_ij = A_i - A_j; a good one
    removes the voters' leniency and the queries' difficulty from the variance.

    >>> baselines_of_votes(0.5, [0.5, 0.8, 0.8], [0.5, 0.5, 0.8]).round(3).tolist()
    [0.5, 0.8, 0.941]
    """
    both = logit(np.asarray(voter_means)) + logit(np.asarray(query_means)) - logit(np.asarray(mean))
    return np.asarray(np.clip(expit(both), CLIP, 1.0 - CLIP))
