"""Measures against slow twins and a peer library."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import roc_auc_score

from models_registry.training.votes.vote_data import Ballots, Pairs
from models_registry.training.votes.vote_metrics import (
    brier_score,
    log_loss,
    noise_ceiling,
    vote_auc,
    weighted_auc,
    within_query,
)

NUMBERS = st.integers(0, 4)


def _pairs(rows: list[tuple[int, int, int]]) -> Pairs:
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
    pairs = _pairs(rows)
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
    pairs = _pairs([(0, 3, 1), (0, 0, 2), (1, 5, 5)])
    logits = np.array([0.4, -1.2, 0.1])
    chance = 1 / (1 + np.exp(-logits))
    truth = np.array([1, 1, 1, 0, 0, 0])
    weight = np.concatenate([pairs.likes, pairs.nopes])
    assert log_loss(logits, pairs) == pytest.approx(sklearn_log_loss(truth, np.tile(chance, 2), sample_weight=weight))
    assert brier_score(logits, pairs) == pytest.approx(np.average((np.tile(chance, 2) - truth) ** 2, weights=weight))


def test_an_interval_holds_its_value_and_widens_with_fewer_queries() -> None:
    rng = np.random.default_rng(2)
    many = _pairs([(query, int(rng.integers(3)), int(rng.integers(3))) for query in range(300)])
    scores = many.likes - many.nopes + rng.normal(size=300)
    wide, narrow = vote_auc(scores[:40], many.where(np.arange(300) < 40)), vote_auc(scores, many)
    for found in (wide, narrow):
        assert found.low is not None
        assert found.high is not None
        assert found.low <= (found.value or 0) <= found.high
    assert (wide.high or 0) - (wide.low or 0) > (narrow.high or 0) - (narrow.low or 0)


def test_too_few_votes_are_no_measure() -> None:
    assert vote_auc(np.array([1.0, 0.0]), _pairs([(0, 1, 0), (1, 0, 1)])).value is None


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
    pairs = _pairs([(query, int(rng.integers(3)), int(rng.integers(3))) for query in range(40) for _ in range(3)])
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
    pairs = _pairs([(0, votes - 9, 0), (0, 0, 9)])
    scores = np.array([1.0, 0.0])
    assert (vote_auc(scores, pairs).value is not None) == is_known
    comparisons = _pairs([(0, votes, 0), (0, 0, 1)])
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
