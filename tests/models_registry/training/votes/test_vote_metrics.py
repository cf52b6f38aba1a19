"""Measures of votes, their intervals, ceilings and edges: against slow twins, counting by hand and a peer library."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import log_loss as sklearn_log_loss
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


NUMBERS = st.integers(0, 4)


def _pairs_of_rows(rows: list[tuple[int, int, int]]) -> Pairs:
    columns = np.array(rows, dtype=float).T
    return Pairs(columns[0].astype(np.int64), np.arange(len(rows)), columns[1], columns[2])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=2, max_size=12))
def test_the_area_is_that_of_scikit_learn(rows: list[tuple[int, int, int]]) -> None:
    scores = np.array([row[0] for row in rows], float)
    likes, nopes = np.array([row[1] for row in rows], float), np.array([row[2] for row in rows], float)
    found = weighted_auc(scores, likes, nopes)
    if not likes.sum() or not nopes.sum():
        assert found is None
        return
    truth = np.concatenate([np.ones(len(rows)), np.zeros(len(rows))])
    expected = roc_auc_score(truth, np.tile(scores, 2), sample_weight=np.concatenate([likes, nopes]))
    assert found == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), NUMBERS, NUMBERS), min_size=8, max_size=14), st.integers(0, 5))
def test_within_a_query_is_what_comparing_all_votes_gives(rows: list[tuple[int, int, int]], seed: int) -> None:
    pairs = _pairs_of_rows(rows)
    scores = np.random.default_rng(seed).integers(3, size=len(rows)).astype(float)
    right = compared = 0.0
    for one in range(len(rows)):
        for other in range(len(rows)):
            if one != other and rows[one][0] == rows[other][0]:
                weight = rows[one][1] * rows[other][2]
                compared += weight
                right += weight * (1.0 if scores[one] > scores[other] else 0.5 if scores[one] == scores[other] else 0.0)
    found = within_query(scores, pairs)
    assert found.votes == pytest.approx(compared)
    if compared >= 20:
        assert found.value == pytest.approx(right / compared)


def test_losses_are_those_of_scikit_learn() -> None:
    pairs = _pairs_of_rows([(0, 3, 1), (0, 0, 2), (1, 5, 5)])
    logits = np.array([0.4, -1.2, 0.1])
    chance = 1 / (1 + np.exp(-logits))
    truth = np.array([1, 1, 1, 0, 0, 0])
    weight = np.concatenate([pairs.likes, pairs.nopes])
    assert log_loss(logits, pairs) == pytest.approx(sklearn_log_loss(truth, np.tile(chance, 2), sample_weight=weight))
    assert brier_score(logits, pairs) == pytest.approx(np.average((np.tile(chance, 2) - truth) ** 2, weights=weight))


def test_an_interval_holds_its_value_and_widens_with_fewer_queries() -> None:
    rng = np.random.default_rng(2)
    many = _pairs_of_rows([(query, int(rng.integers(3)), int(rng.integers(3))) for query in range(300)])
    scores = many.likes - many.nopes + rng.normal(size=300)
    wide, narrow = vote_auc(scores[:40], many.where(np.arange(300) < 40)), vote_auc(scores, many)
    for found in (wide, narrow):
        assert found.low is not None
        assert found.high is not None
        assert found.low <= (found.value or 0) <= found.high
    assert (wide.high or 0) - (wide.low or 0) > (narrow.high or 0) - (narrow.low or 0)


def test_too_few_votes_are_no_measure() -> None:
    assert vote_auc(np.array([1.0, 0.0]), _pairs_of_rows([(0, 1, 0), (1, 0, 1)])).value is None


def test_a_crowd_of_one_mind_has_a_ceiling_of_one_and_coins_one_of_a_half() -> None:
    rng = np.random.default_rng(3)
    query, voter = np.repeat(np.arange(100), 10), np.tile(np.arange(10), 100)
    agreed = Ballots(query, query + 100, voter, query % 2 == 0, np.ones(1000))
    coins = Ballots(query, query + 100, voter, rng.random(1000) < 0.5, np.ones(1000))
    assert noise_ceiling(agreed)["agreement"] == 1.0
    assert noise_ceiling(agreed)["auc"] == 1.0
    # Others' votes on a pair lean away from one's own by exactly what one's own took: slightly below one half.
    assert noise_ceiling(coins)["agreement"] == pytest.approx(0.5, abs=0.08)


def test_within_a_query_the_interval_is_that_of_drawing_queries_again() -> None:
    """A slow twin: whole queries are drawn, and their comparisons pooled."""
    rng = np.random.default_rng(5)
    pairs = _pairs_of_rows(
        [(query, int(rng.integers(3)), int(rng.integers(3))) for query in range(40) for _ in range(3)]
    )
    scores = pairs.likes - pairs.nopes + rng.normal(size=len(pairs.query))
    right, compared = np.zeros(40), np.zeros(40)
    for one in range(120):
        for other in range(120):
            if one != other and pairs.query[one] == pairs.query[other]:
                weight = pairs.likes[one] * pairs.nopes[other]
                compared[pairs.query[one]] += weight
                right[pairs.query[one]] += weight * (scores[one] > scores[other])
    drawn = rng.integers(40, size=(4000, 40))
    low, high = np.quantile(right[drawn].sum(axis=1) / compared[drawn].sum(axis=1), [0.025, 0.975])
    found = within_query(scores, pairs)
    assert found.low == pytest.approx(low, abs=0.02)
    assert found.high == pytest.approx(high, abs=0.02)
    assert found.value == pytest.approx(right.sum() / compared.sum())


@pytest.mark.parametrize(("votes", "is_known"), [(19, False), (20, True)])
def test_twenty_votes_are_enough_for_every_measure(votes: int, is_known: bool) -> None:
    pairs = _pairs_of_rows([(0, votes - 9, 0), (0, 0, 9)])
    scores = np.array([1.0, 0.0])
    assert (vote_auc(scores, pairs).value is not None) == is_known
    comparisons = _pairs_of_rows([(0, votes, 0), (0, 0, 1)])
    assert (within_query(scores, comparisons).value is not None) == is_known
    assert within_query(scores, comparisons).votes == votes
    # Each vote but those that stand alone on their pair can be told from the others.
    query = np.append(np.zeros(votes, dtype=np.int64), 1)
    ballots = Ballots(query, query + 5, np.arange(votes + 1), np.arange(votes + 1) % 2 == 0, np.ones(votes + 1))
    ceiling = noise_ceiling(ballots)
    assert (ceiling["agreement"] is not None) == is_known
    assert ceiling["votes"] == (votes if is_known else 0.0)


def test_the_ceiling_is_told_from_the_others_smoothed_by_one_vote() -> None:
    """Three like and one nopes ten pairs each: a liker is told by 2 of 3 others, who nopes by 3 of 3."""
    query = np.repeat(np.arange(10), 4)
    like = np.tile([True, True, True, False], 10)
    found = noise_ceiling(Ballots(query, query + 20, np.tile(np.arange(4), 10), like, np.ones(40)))
    # 2.5 of 4 for those who liked, right; 3.5 of 4 for the one who did not, wrong.
    assert found == {"agreement": 0.75, "auc": 0.0, "votes": 40.0}
    two = np.repeat(np.arange(10), 3)
    said = np.tile([True, False, False], 10)
    found = noise_ceiling(Ballots(two, two + 20, np.tile(np.arange(3), 10), said, np.ones(30)))
    # Who liked is told by two nopes, wrong; who noped by one of each, half.
    assert found["agreement"] == pytest.approx((0 + 0.5 + 0.5) / 3)
