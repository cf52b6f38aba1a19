"""How little would turn the board: cases whose answer is plain to see."""

from __future__ import annotations

import numpy as np
import pytest

from evalapp.stats.fragility import fewest_removed, leave_one_out


def votes(*counts: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Single votes: of either contender so many liked and so many not."""
    liked, mass = [], []
    for place, (yes, no) in enumerate(counts):
        alone = np.eye(2)[place]
        liked += [alone] * yes + [0 * alone] * no
        mass += [alone] * (yes + no)
    return np.array(liked), np.array(mass)


@pytest.mark.parametrize(
    ("first", "second"), [((5, 5), (5, 5)), ((4, 6), (5, 5)), ((6, 4), (5, 5)), ((3, 0), (2, 1)), ((30, 10), (20, 20))]
)
def test_of_single_votes_the_fewest_are_those_of_a_search(first: tuple[int, int], second: tuple[int, int]) -> None:
    """Only likes of the first and dislikes of the second are worth removing."""
    liked, mass = votes(first, second)
    enough = [
        first[0] - yes + second[1] - no
        for yes in range(1, first[0] + 1)
        for no in range(second[1] + 1)
        if yes / (yes + first[1]) <= second[0] / (second[0] + no) + 1e-12
    ]
    assert fewest_removed(liked, mass) == min(enough)


def test_one_heavy_voter_turns_what_many_light_ones_agree_on() -> None:
    liked = np.array([[1.0, 0.0]] * 10 + [[0.0, 10.0]] + [[30.0, 0.0]])
    mass = np.array([[2.0, 2.0]] * 10 + [[20.0, 20.0]] + [[30.0, 30.0]])
    assert fewest_removed(liked, mass) == 1


def test_where_either_has_no_votes_nobody_leads() -> None:
    assert fewest_removed(np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]])) == 0
    assert fewest_removed(np.array([[0.0, 1.0]]), np.array([[0.0, 1.0]])) == 0


def test_a_lead_that_ends_only_with_all_votes_is_never_turned() -> None:
    liked, mass = votes((3, 0), (0, 2))
    assert fewest_removed(liked, mass) is None


def test_all_votes_of_a_contender_gone_is_no_answer() -> None:
    liked, mass = votes((2, 0), (1, 1))
    assert fewest_removed(liked, mass) == 1
    # With equal weights on both, voters go together with what they said of the other.
    both = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    assert fewest_removed(both, np.ones((3, 2))) == 2


def test_leaving_out_the_only_voter_of_a_contender_judges_nobody() -> None:
    liked = np.array([[2.0, 1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    mass = np.array([[2.0, 3.0, 0.0], [2.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    low, high = leave_one_out(liked, mass)
    assert low[0] == pytest.approx(1 / 3)
    assert high[0] == pytest.approx(1.0)
    # Without the first the second has no votes; without the others it is as before.
    assert (low[1], high[1]) == pytest.approx((1 / 3, 1 / 3))
    assert np.isnan([low[2], high[2]]).all()


def test_of_one_voter_nothing_is_left() -> None:
    low, high = leave_one_out(np.array([[1.0]]), np.array([[2.0]]))
    assert np.isnan([low[0], high[0]]).all()


def test_light_votes_are_judged_as_heavy_ones() -> None:
    liked, mass = np.array([[1.0], [0.0], [1.0]]) * 0.01, np.ones((3, 1)) * 0.01
    low, high = leave_one_out(liked, mass)
    assert (low[0], high[0]) == pytest.approx((0.5, 1.0))
    heavy = leave_one_out(1e6 * liked, 1e6 * mass)
    assert (heavy[0][0], heavy[1][0]) == pytest.approx((0.5, 1.0))
    both = np.c_[np.array([1.0, 1.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0, 0.0])] * 1e-3
    assert fewest_removed(both, np.full((4, 2), 1e-3)) == fewest_removed(1e5 * both, np.full((4, 2), 1e2)) == 1


def test_a_vote_moves_a_contender_with_few_votes_further() -> None:
    liked, mass = votes((60, 40), (2, 2))
    assert fewest_removed(liked, mass) == 1
    liked, mass = votes((3, 1), (70, 30))
    assert fewest_removed(liked, mass) == 1


@pytest.mark.parametrize("unit", [1e-6, 1e-3, 1.0, 1e6])
def test_what_weights_are_measured_in_changes_no_number_of_votes(unit: float) -> None:
    liked = np.array([[3.0, 0.0], [2.0, 0.0], [0.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    mass = np.array([[3.0, 0.0], [2.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 0.5], [0.0, 0.5]])
    # 5 of 7 against 1 of 2; without the first vote 2 of 4.
    assert fewest_removed(unit * liked, unit * mass) == 1
    assert fewest_removed(unit * liked[1:], unit * mass[1:]) == 0
