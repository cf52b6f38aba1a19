"""Honesty and runs: numbers by hand, and all sequences of a few answers."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from evalapp.stats.voter_honesty import chance_honest, chance_of_run, longest_run, straight_lining


def test_before_any_gold_most_are_taken_for_honest() -> None:
    assert chance_honest(0, 0) == pytest.approx(0.85)
    assert chance_honest(1, 0) == pytest.approx(0.85 * 0.95 / (0.85 * 0.95 + 0.15 * 0.5))
    assert chance_honest(0, 1) == pytest.approx(0.85 * 0.05 / (0.85 * 0.05 + 0.15 * 0.5))
    assert isinstance(chance_honest(2, 1), float)


@pytest.mark.parametrize(("right", "wrong"), [(-1, 0), (0, -1)])
def test_no_count_is_below_nothing(right: int, wrong: int) -> None:
    with pytest.raises(ValueError, match="negative"):
        chance_honest(right, wrong)
    with pytest.raises(ValueError, match="negative"):
        chance_honest(np.array([3, right]), np.array([3, wrong]))


def test_arrays_of_voters_are_judged_one_by_one() -> None:
    found = chance_honest(np.array([0, 3, 1]), np.array([2, 0, 1]))
    assert found.tolist() == [chance_honest(0, 2), chance_honest(3, 0), chance_honest(1, 1)]


@pytest.mark.parametrize(
    ("answers", "longest"),
    [([], 0), ([1], 1), ([0, 1, 0], 1), ([1, 1, 0], 2), ([0, 1, 1, 1], 3), ([0.5, 0.5, 1], 2), ([1, 1, 1, 1], 4)],
)
def test_the_longest_run_may_be_at_either_end(answers: list[float], longest: int) -> None:
    assert longest_run(answers) == longest


@pytest.mark.parametrize("count", [2, 3, 6, 9])
def test_chances_of_runs_are_those_of_all_sequences(count: int) -> None:
    for yes, run in itertools.product(range(count + 1), range(2, count + 1)):
        rate, chance = (yes + 1) / (count + 2), 0.0
        for sequence in itertools.product((0, 1), repeat=count):
            if max(len(list(group)) for _, group in itertools.groupby(sequence)) >= run:
                chance += math.prod(rate if one else 1 - rate for one in sequence)
        assert chance_of_run(yes, count, run) == pytest.approx(chance)


def test_one_answer_or_a_run_of_one_is_certain() -> None:
    assert straight_lining([]) == straight_lining([1]) == straight_lining([0, 1]) == 1.0
    assert chance_of_run(3, 6, 1) == 1.0
    assert straight_lining([1, 1]) == pytest.approx(0.75**2 + 0.25**2)
    assert straight_lining([1, 1, 0, 1]) == chance_of_run(3, 4, 2)
