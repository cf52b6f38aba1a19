"""Intervals, ceilings and edges of the measures of votes, against counting by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from models_registry.training.votes.vote_data import Ballots, Pairs
from models_registry.training.votes.vote_metrics import (
    Measure,
    brier_score,
    log_loss,
    noise_ceiling,
    vote_auc,
    weighted_auc,
    within_query,
)

Floats = NDArray[np.float64]


def _pairs(query: list[int], likes: list[float], nopes: list[float]) -> Pairs:
    return Pairs(np.array(query), np.arange(len(query)), np.array(likes), np.array(nopes))


def _drawn_pairs(queries: int, seed: int) -> tuple[Floats, Pairs]:
    """Pairs of queries with gaps in their numbers, in no order, and scores with ties."""
    rng = np.random.default_rng(seed)
    query = rng.permutation(np.repeat(7 * np.arange(queries), 3))
    likes, nopes = rng.integers(3, size=(2, len(query))).astype(float)
    kept = likes + nopes > 0
    pairs = Pairs(query, np.arange(len(query)), likes, nopes).where(kept)
    return np.round(pairs.likes - pairs.nopes + rng.normal(size=len(pairs))), pairs


def _area_of_rows(scores: Floats, pairs: Pairs, rows: NDArray[np.int64]) -> float:
    likes, nopes, row_scores = pairs.likes[rows], pairs.nopes[rows], scores[rows]
    higher = (np.sign(row_scores[:, None] - row_scores) + 1) / 2
    return float(likes @ higher @ nopes / (likes.sum() * nopes.sum()))


def test_the_interval_of_the_area_is_that_of_500_draws_of_whole_queries() -> None:
    scores, pairs = _drawn_pairs(12, seed=1)
    queries = np.unique(pairs.query)
    for found, seed in ((vote_auc(scores, pairs), 0), (vote_auc(scores, pairs, seed=4), 4)):
        rng = np.random.default_rng(seed)
        areas = []
        for _ in range(500):
            drawn = queries[rng.integers(len(queries), size=len(queries))]
            rows = np.concatenate([np.flatnonzero(pairs.query == query) for query in drawn])
            areas.append(_area_of_rows(scores, pairs, rows))
        assert found.value == pytest.approx(_area_of_rows(scores, pairs, np.arange(len(pairs))))
        assert [found.low, found.high] == pytest.approx(np.quantile(areas, [0.025, 0.975]).tolist())
        assert found.votes == pairs.weight.sum()


def test_draws_without_a_like_or_a_nope_are_left_out_of_the_interval_of_the_area() -> None:
    """Of two queries, one all liked and one all noped, half of all draws lack one of them."""
    found = vote_auc(np.array([1.0, 0.0]), _pairs([0, 1], [10, 0], [0, 10]))
    assert found == Measure(1.0, 1.0, 1.0, 20.0)


def test_the_interval_within_queries_is_that_of_500_draws_of_whole_queries() -> None:
    scores, pairs = _drawn_pairs(15, seed=2)
    queries = np.unique(pairs.query)
    right, compared = np.zeros(len(queries)), np.zeros(len(queries))
    for number, query in enumerate(queries.tolist()):
        rows = np.flatnonzero(pairs.query == query).tolist()
        for liked in rows:
            for noped in rows:
                weight = pairs.likes[liked] * pairs.nopes[noped] * (liked != noped)
                compared[number] += weight
                right[number] += weight * (np.sign(scores[liked] - scores[noped]) + 1) / 2
    for found, seed in ((within_query(scores, pairs), 0), (within_query(scores, pairs, seed=4), 4)):
        chance = np.full(len(queries), 1 / len(queries))
        times = np.random.default_rng(seed).multinomial(len(queries), chance, size=500)
        shares = [(draw * right).sum() / (draw * compared).sum() for draw in times]
        assert found.value == pytest.approx(right.sum() / compared.sum())
        assert [found.low, found.high] == pytest.approx(np.quantile(shares, [0.025, 0.975]).tolist())
        assert found.votes == compared.sum()


def test_draws_without_a_comparison_are_left_out_of_the_interval_within_queries() -> None:
    """One query has all comparisons; a quarter of all draws take the other twice, which has none."""
    pairs = _pairs([0, 0, 1], [5, 0, 3], [0, 5, 4])
    assert within_query(np.array([1.0, 0.0, 5.0]), pairs) == Measure(1.0, 1.0, 1.0, 25.0)
    assert within_query(np.array([0.0, 0.0, 5.0]), pairs) == Measure(0.5, 0.5, 0.5, 25.0)


def test_comparisons_of_little_weight_are_in_the_interval_too() -> None:
    """A quarter of all draws take the second query twice, whose only comparison is wrong and weighs a half."""
    pairs = _pairs([0, 0, 1, 1], [5, 0, 0.5, 0], [0, 5, 0, 1])
    found = within_query(np.array([1.0, 0.0, 0.0, 1.0]), pairs)
    assert (found.low, found.high) == (0.0, 1.0)
    assert found.value == pytest.approx(25 / 25.5)


def test_split_votes_on_one_pair_alone_compare_nothing() -> None:
    found = within_query(np.array([1.0, 0.0]), _pairs([0, 1], [30, 10], [30, 10]))
    assert found == Measure(None, None, None, 0.0)


def test_without_votes_there_are_no_measures() -> None:
    none = _pairs([], [], [])
    assert vote_auc(np.empty(0), none) == Measure(None, None, None, 0.0)
    assert within_query(np.empty(0), none) == Measure(None, None, None, 0.0)
    nobody = np.empty(0, dtype=np.int64)
    ballots = Ballots(nobody, nobody, nobody, np.empty(0, dtype=np.bool_), np.empty(0))
    assert noise_ceiling(ballots) == {"agreement": None, "auc": None, "votes": 0.0}


def test_votes_that_all_say_the_same_have_no_area() -> None:
    scores = np.array([1.0, 2.0])
    for pairs in (_pairs([0, 1], [20, 20], [0, 0]), _pairs([0, 1], [0, 0], [20, 20])):
        assert weighted_auc(scores, pairs.likes, pairs.nopes) is None
        assert vote_auc(scores, pairs) == Measure(None, None, None, 40.0)
        assert within_query(scores, pairs) == Measure(None, None, None, 0.0)


def test_a_vote_of_little_weight_counts_that_much() -> None:
    likes, nopes = np.array([0.5, 0.0, 0.25]), np.array([0.0, 0.5, 0.5])
    # Liked at 2 beats half a nope at 1 and ties with none; liked at 1 ties with both nopes at 1.
    assert weighted_auc(np.array([2.0, 1.0, 1.0]), likes, nopes) == pytest.approx((0.5 * 1 + 0.25 * 0.5) / (0.75 * 1))


def test_losses_of_sure_predictions_are_finite_and_exact() -> None:
    pairs = _pairs([0, 1], [1, 0], [0, 3])
    logits = np.array([800.0, 800.0])
    assert log_loss(logits, pairs) == pytest.approx(600.0)
    assert brier_score(logits, pairs) == pytest.approx(0.75)
    assert brier_score(-logits, pairs) == pytest.approx(0.25)
    assert brier_score(np.zeros(2), pairs) == pytest.approx(0.25)
    assert log_loss(np.zeros(2), pairs) == pytest.approx(np.log(2))


def test_a_measure_is_written_as_plain_values() -> None:
    written = json.loads(json.dumps(vote_auc(np.array([1.0, 0.0]), _pairs([0, 1], [12, 0], [0, 8])).as_json()))
    assert written == {"value": 1.0, "low": 1.0, "high": 1.0, "votes": 20.0}


def _ceiling_by_hand(ballots: Ballots) -> tuple[float, float, int]:
    means, own = [], []
    for row in range(len(ballots)):
        same_pair = (ballots.query == ballots.query[row]) & (ballots.candidate == ballots.candidate[row])
        others = same_pair & (np.arange(len(ballots)) != row)
        if others.any():
            means.append((int(ballots.like[others].sum()) + 0.5) / (int(others.sum()) + 1))
            own.append(bool(ballots.like[row]))
    right = [0.5 if mean == 0.5 else float((mean > 0.5) == said) for mean, said in zip(means, own, strict=True)]
    return float(np.mean(right)), float(roc_auc_score(own, means)), len(own)


@pytest.mark.parametrize("seed", range(3))
def test_the_ceiling_is_that_of_leaving_each_voter_out(seed: int) -> None:
    """Few items, so that some queries are candidates too, and pairs are voted on once or many times."""
    rng = np.random.default_rng(seed)
    query, candidate = rng.integers(8, size=60), rng.integers(4, size=60)
    like = rng.random(60) < np.where(query < 4, 0.8, 0.3)
    ballots = Ballots(query, candidate, rng.integers(9, size=60), like, np.ones(60))
    agreement, area, votes = _ceiling_by_hand(ballots)
    found = noise_ceiling(ballots)
    assert found["agreement"] == pytest.approx(agreement)
    assert found["auc"] == pytest.approx(area)
    assert found["votes"] == votes
