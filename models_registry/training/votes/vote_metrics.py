"""How well scores tell liked from noped candidates: pooled, within a query, and against what people agree on at all."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_registry.training.votes.vote_data import Ballots, Pairs

    Floats = NDArray[np.float64]

RESAMPLED_VOTES = 500
_FEWEST = 20
"""Votes below which a measure would be a guess."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A value with its 95 % bootstrap interval over queries, from so many votes; None where there are too few."""

    value: float | None
    low: float | None
    high: float | None
    votes: float

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def vote_auc(scores: Floats, pairs: Pairs, *, seed: int = 0) -> Measure:
    """P(a liked vote scores above a noped one), ties half, over all votes; queries are drawn again for the interval."""
    value = weighted_auc(scores, pairs.likes, pairs.nopes)
    votes = float(pairs.weight.sum())
    if value is None or votes < _FEWEST:
        return Measure(None, None, None, votes)
    rng = np.random.default_rng(seed)
    queries, query_number = np.unique(pairs.query, return_inverse=True)
    draws = []
    for _ in range(RESAMPLED_VOTES):
        times = np.bincount(rng.integers(len(queries), size=len(queries)), minlength=len(queries))[query_number]
        draws.append(weighted_auc(scores, pairs.likes * times, pairs.nopes * times))
    low, high = np.quantile([draw for draw in draws if draw is not None], [0.025, 0.975])
    return Measure(value, float(low), float(high), votes)


def weighted_auc(scores: Floats, likes: Floats, nopes: Floats) -> float | None:
    """The area under the curve of scores [P] with the weight of likes and nopes of each; None where one is lacking."""
    all_likes, all_nopes = float(likes.sum()), float(nopes.sum())
    if all_likes <= 0 or all_nopes <= 0:
        return None
    levels, level_number = np.unique(scores, return_inverse=True)
    likes_at = np.bincount(level_number, likes, minlength=len(levels))
    nopes_at = np.bincount(level_number, nopes, minlength=len(levels))
    below = np.cumsum(nopes_at) - nopes_at
    return float(likes_at @ (below + nopes_at / 2) / (all_likes * all_nopes))


def within_query(scores: Floats, pairs: Pairs, *, seed: int = 0) -> Measure:
    """Two-alternative accuracy: of a liked and a noped vote on the same query, how often the liked one scores higher.

    Strict and lenient queries weigh alike in it, as both votes are of one query. Ties count half.
    """
    queries, query_number = np.unique(pairs.query, return_inverse=True)
    right, compared = np.zeros(len(queries)), np.zeros(len(queries))
    order = np.argsort(query_number, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(query_number[order])) + 1):
        value = weighted_auc(scores[rows], pairs.likes[rows], pairs.nopes[rows])
        # Both candidates of a comparison must be different ones: split votes on one pair tell nothing.
        same = float(pairs.likes[rows] @ pairs.nopes[rows])
        total = float(pairs.likes[rows].sum() * pairs.nopes[rows].sum())
        if value is not None:
            number = query_number[rows[0]]
            compared[number] = total - same
            right[number] = value * total - same / 2
    if compared.sum() < _FEWEST:
        return Measure(None, None, None, float(compared.sum()))
    rng = np.random.default_rng(seed)
    times = rng.multinomial(len(queries), np.full(len(queries), 1 / len(queries)), size=RESAMPLED_VOTES)
    bottom = times @ compared
    draws = (times @ right)[bottom > 0] / bottom[bottom > 0]
    low, high = np.quantile(draws, [0.025, 0.975])
    return Measure(float(right.sum() / compared.sum()), float(low), float(high), float(compared.sum()))


def log_loss(logits: Floats, pairs: Pairs) -> float:
    """Mean weighted cross-entropy in nats of log-odds [P] against the votes."""
    return float((pairs.weight @ np.logaddexp(0, logits) - pairs.likes @ logits) / pairs.weight.sum())


def brier_score(logits: Floats, pairs: Pairs) -> float:
    """Mean squared distance of the predicted probability from each vote."""
    chance = np.exp(-np.logaddexp(0, -logits))
    return float((pairs.likes @ (1 - chance) ** 2 + pairs.nopes @ chance**2) / pairs.weight.sum())


def noise_ceiling(ballots: Ballots) -> dict[str, float | None]:
    """How well the other voters' verdicts on the same pair tell a voter's own: no model can be asked for much more.

    Leave one voter out: each vote is told from the mean of the others on its pair, smoothed towards one half by one
    vote. `agreement` is the share told right (ties half), `auc` that of all votes so told; None below 20 such votes.
    """
    empty: dict[str, float | None] = {"agreement": None, "auc": None, "votes": 0.0}
    if not len(ballots):
        return empty
    base = 1 + int(ballots.candidate.max())
    _, pair_of_ballot = np.unique(ballots.query * base + ballots.candidate, return_inverse=True)
    likes, votes = np.bincount(pair_of_ballot, ballots.like), np.bincount(pair_of_ballot)
    others = votes[pair_of_ballot] - 1
    is_predictable = others > 0
    if is_predictable.sum() < _FEWEST:
        return empty
    mean = (likes[pair_of_ballot] - ballots.like + 0.5)[is_predictable] / (others[is_predictable] + 1)
    verdicts = ballots.like[is_predictable]
    right = np.where(mean == 0.5, 0.5, (mean > 0.5) == verdicts)
    area = weighted_auc(mean, verdicts.astype(np.float64), (~verdicts).astype(np.float64))
    return {"agreement": float(right.mean()), "auc": area, "votes": float(is_predictable.sum())}
