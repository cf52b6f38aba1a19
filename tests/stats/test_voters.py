"""What is known of voters, and how little would turn the board."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from evalapp.stats.fragility import fewest_removed, leave_one_out
from evalapp.stats.voter_honesty import chance_honest, longest_run, straight_lining


def test_honesty_follows_bayes_rule() -> None:
    for right, wrong in itertools.product(range(4), range(4)):
        honest, blind = 0.85 * 0.95**right * 0.05**wrong, 0.15 * 0.5 ** (right + wrong)
        assert chance_honest(right, wrong) == pytest.approx(honest / (honest + blind))
    assert chance_honest(np.array([0, 2]), np.array([1, 0])).tolist() == [chance_honest(0, 1), chance_honest(2, 0)]
    with pytest.raises(ValueError, match="negative"):
        chance_honest(-1, 0)


def test_straight_lining_is_what_all_sequences_say() -> None:
    answers = [1, 1, 1, 0, 1, 0, 0, 1]
    yes = (sum(answers) + 1) / (len(answers) + 2)
    chance = 0.0
    for sequence in itertools.product((0, 1), repeat=len(answers)):
        if longest_run(sequence) >= longest_run(answers):
            chance += np.prod([yes if one else 1 - yes for one in sequence])
    assert straight_lining(answers) == pytest.approx(chance)


def test_honest_voters_are_rarely_taken_for_machines() -> None:
    rng = np.random.default_rng(0)
    found = [straight_lining(rng.random(40) < 0.6) for _ in range(300)]
    assert np.mean(np.array(found) < 0.01) <= 0.02
    assert straight_lining([1] * 20 + [0] * 20) < 1e-4
    assert straight_lining([1]) == 1.0


def test_the_fewest_votes_are_those_of_a_search_through_all_sets() -> None:
    rng = np.random.default_rng(1)
    exact = 0
    for _ in range(20):
        mine = rng.random((9, 2)) < 0.6
        mine[:2] = [[True, False], [False, True]]
        liked = mine * (rng.random((9, 2)) < [0.8, 0.4])
        found = fewest_removed(liked.astype(float), mine.astype(float))
        best = None
        for size in range(10):
            for gone in itertools.combinations(range(9), size):
                kept = [one for one in range(9) if one not in gone]
                totals, masses = liked[kept].sum(axis=0), mine[kept].sum(axis=0)
                if (masses > 0).all() and totals[0] / masses[0] <= totals[1] / masses[1]:
                    best = size
                    break
            if best is not None:
                break
        assert found is None or (best is not None and best <= found)
        exact += found == best
    assert exact >= 16


def test_leaving_each_voter_out_as_a_loop_does() -> None:
    rng = np.random.default_rng(2)
    mass = rng.random((12, 3))
    liked = mass * rng.random((12, 3))
    low, high = leave_one_out(liked, mass)
    every = [np.delete(liked, v, 0).sum(axis=0) / np.delete(mass, v, 0).sum(axis=0) for v in range(12)]
    assert np.allclose(low, np.min(every, axis=0))
    assert np.allclose(high, np.max(every, axis=0))
