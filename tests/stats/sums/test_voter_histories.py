"""What was known of a voter before each vote: by a loop that walks through the votes as they were cast."""

from __future__ import annotations

import numpy as np
import pytest

from evalapp.stats.sums.vote_baselines import baselines_of_votes, shrunk_means
from evalapp.stats.sums.voter_histories import Histories, before_each, known_before, remember_votes


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("width", [(), (3,)])
def test_sums_of_earlier_values_are_those_of_a_loop(together: bool, width: tuple[int, ...]) -> None:
    random = np.random.default_rng(5)
    shown = np.repeat(np.arange(30), random.integers(1, 4, 30)) if together else np.arange(50)
    voters, values = random.integers(6, size=30 if together else 50), random.normal(size=(len(shown), *width))
    voters = voters[shown] if together else voters
    found = before_each(voters, values, shown[::-1].max() - shown if together else None)
    for place in range(len(shown)):
        earlier = [k for k in range(place) if voters[k] == voters[place] and shown[k] != shown[place]]
        np.testing.assert_allclose(found[place], sum((values[k] for k in earlier), np.zeros(width)), atol=1e-12)


def test_without_votes_there_is_nothing_before() -> None:
    assert before_each(np.zeros(0, dtype=int), np.zeros((0, 2))).shape == (0, 2)


def test_histories_count_verdicts_and_gold_apart() -> None:
    voters = np.array([0, 1, 0, 0, 1, 0, 0])
    answers, gold = np.array([1.0, 0.5, 0.0, 1.0, 1.0, 0.5, 0.0]), np.array([-1, -1, 1, 0, 1, -1, -1], dtype=np.int8)
    before = Histories(np.array([10.0, 20.0]), np.array([4.0, 5.0]), np.array([1.0, 2.0]), np.array([3.0, 6.0]))
    found = known_before(before, voters, answers, gold)
    assert found.votes.tolist() == [10, 20, 11, 11, 21, 11, 12]
    assert found.liked.tolist() == [4, 5, 5, 5, 5.5, 5, 5.5]
    assert found.gold_right.tolist() == [1, 2, 1, 2, 2, 2, 2]
    assert found.gold_wrong.tolist() == [3, 6, 3, 3, 6, 4, 4]
    assert before.votes.tolist() == [10, 20]
    together = known_before(before, voters, answers, gold, np.array([0, 1, 0, 0, 2, 3, 3]))
    assert together.votes.tolist() == [10, 20, 10, 10, 21, 11, 11]
    assert together.gold_right.tolist() == [1, 2, 1, 1, 2, 2, 2]
    assert together.gold_wrong.tolist() == [3, 6, 3, 3, 6, 4, 4]
    assert together.liked.tolist() == [4, 5, 4, 4, 5.5, 5, 5]


def test_votes_are_remembered_and_forgotten() -> None:
    histories = Histories.without_votes(3)
    voters, answers = np.array([2, 0, 2, 2, 0]), np.array([1.0, 0.5, 1.0, 0.0, 1.0])
    gold = np.array([-1, -1, 1, 0, 0], dtype=np.int8)
    remember_votes(histories, voters, answers, gold)
    assert histories.votes.tolist() == [1, 0, 1]
    assert histories.liked.tolist() == [0.5, 0, 1]
    assert histories.gold_right.tolist() == [0, 0, 1]
    assert histories.gold_wrong.tolist() == [1, 0, 1]
    remember_votes(histories, voters, answers, gold, -1.0)
    for counts in (histories.votes, histories.liked, histories.gold_right, histories.gold_wrong):
        assert counts.tolist() == [0, 0, 0]


def test_means_start_at_the_whole_and_move_with_the_votes() -> None:
    assert shrunk_means([0, 4], [0, 8], [0.3, 0.3], 2.0).tolist() == pytest.approx([0.3, (0.6 + 4) / 10])


def test_baselines_add_departures_as_log_odds_and_stay_away_from_certainty() -> None:
    # Odds 4 of the voter times odds 1/2 of the query over odds 1/3 of the mean are 6.
    assert float(baselines_of_votes(0.25, 0.8, 1 / 3)) == pytest.approx(6 / 7)
    assert baselines_of_votes(0.5, [0.99, 0.01], [0.99, 0.01]).tolist() == pytest.approx([0.95, 0.05])
