"""Approval: weighted, self-normalised, unbiased by the sharing of pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalapp.stats.estimators import WeightedVotes, estimate_approval


def test_there_is_no_approval_without_votes() -> None:
    assert estimate_approval(WeightedVotes.from_counts([], [], [])) is None
    assert estimate_approval(WeightedVotes.from_counts([1.0, 2.0], [0, 0], [0, 0])) is None


def test_equal_weights_give_the_share_of_dope() -> None:
    assert estimate_approval(WeightedVotes.from_counts([3.0], [7], [3])) == pytest.approx(0.7)


@given(st.lists(st.tuples(st.floats(0.1, 9), st.booleans()), min_size=1, max_size=60))
def test_votes_one_by_one_and_gathered_by_weight_say_the_same(votes: list[tuple[float, bool]]) -> None:
    mass = sum(weight for weight, _ in votes)
    slow = sum(weight for weight, liked in votes if liked) / mass
    kinds = sorted({weight for weight, _ in votes})
    gathered = WeightedVotes.from_counts(
        kinds,
        [sum(liked for weight, liked in votes if weight == kind) for kind in kinds],
        [sum(not liked for weight, liked in votes if weight == kind) for kind in kinds],
    )
    assert estimate_approval(gathered) == pytest.approx(slow)
    assert gathered.count == len(votes)


def test_weights_undo_what_the_sharing_of_pairs_would_add() -> None:
    """Of 100 queries half have one pair, liked by 0.9, half have four, ours liked by 0.3: our approval is 0.6."""
    rng = np.random.default_rng(1)
    slots = np.repeat([1, 4], 50)
    query = rng.integers(100, size=200_000)
    mine = rng.integers(slots[query]) == 0
    liked = rng.random(len(query)) < np.where(slots[query] == 1, 0.9, 0.3)
    counts = [[int(((slots[query] == kind) & mine & (liked == yes)).sum()) for kind in (1, 4)] for yes in (True, False)]
    assert estimate_approval(WeightedVotes.from_counts([1.0, 4.0], *counts)) == pytest.approx(0.6, abs=0.01)
    assert estimate_approval(WeightedVotes.from_counts([1.0, 1.0], *counts)) == pytest.approx(0.78, abs=0.01)


@pytest.mark.parametrize(
    ("weights", "dope", "nope"),
    [
        ([1.0], [1, 2], [1]),
        ([0.0], [1], [1]),
        ([1.0], [-1], [1]),
        ([float("nan")], [1], [1]),
        ([[1.0]], [[1]], [[1]]),
    ],
)
def test_arrays_that_cannot_be_votes_are_refused(weights: list[float], dope: list[int], nope: list[int]) -> None:
    with pytest.raises(ValueError, match="must"):
        WeightedVotes.from_counts(weights, dope, nope)


def test_verdicts_can_be_swapped_and_votes_counted() -> None:
    votes = WeightedVotes.from_counts([1.0, 4.0], [2, 0], [1, 3])
    assert votes.count == 6
    assert estimate_approval(votes) == pytest.approx(2 / (3 + 12))
    swapped = votes.swap_verdicts()
    assert (swapped.dope.tolist(), swapped.nope.tolist(), swapped.weights.tolist()) == ([1, 3], [2, 0], [1, 4])
    assert estimate_approval(swapped) == pytest.approx(13 / 15)


@pytest.mark.parametrize(
    ("weights", "dope", "nope"),
    [
        ([1.0], [1], [-1]),
        ([1.0], [1], [1, 2]),
        ([-1.0], [1], [1]),
        ([1.0], [float("inf")], [1]),
        ([1.0, 0.0], [1, 1], [1, 1]),
    ],
)
def test_each_array_is_checked(weights: list[float], dope: list[float], nope: list[float]) -> None:
    with pytest.raises(ValueError, match="must"):
        WeightedVotes.from_counts(weights, dope, nope)


def test_no_votes_of_a_weight_are_fine() -> None:
    assert estimate_approval(WeightedVotes.from_counts([1.0, 2.0], [0, 3], [0, 0])) == 1.0
    assert estimate_approval(WeightedVotes.from_counts([0.001], [0], [1])) == 0.0
