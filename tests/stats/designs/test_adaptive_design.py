"""The adaptive design: whom it aims at, and which pairs it shows, by loops over queries and small sums by hand."""

from __future__ import annotations

import numpy as np
import pytest

from evalapp.stats.designs.adaptive_design import (
    Aim,
    adaptive_design,
    aim_at,
    aim_design,
    batch_size,
    keep_strata,
    quota_design,
    uniform_design,
    warm_start,
)
from evalapp.stats.sums.contender_sums import Evidence


def test_designs_start_after_ten_votes_per_contender_and_at_least_a_hundred() -> None:
    assert [warm_start(count) for count in (1, 10, 11, 30)] == [100, 100, 110, 300]


def test_designs_are_made_anew_after_a_hundredth_of_the_votes_and_at_least_twenty() -> None:
    assert [batch_size(votes) for votes in (0, 2000, 2099, 2100, 50_000)] == [20, 20, 20, 21, 500]


def test_who_does_best_against_the_closest_rival_leads() -> None:
    sums = np.array([[0.0, 6.0, 1.0], [-6.0, 0.0, 2.0], [-1.0, -2.0, 0.0]])
    variances = np.array([[0.0, 4.0, 4.0], [4.0, 0.0, 4.0], [4.0, 4.0, 0.0]])
    found = aim_at(sums, variances)
    # Against its rivals the first stands at 3 and 1/2 standard errors, the second at -3, the third at -1 and -1/2.
    weights = np.exp([-(3.0**2) / 2, -(0.5**2) / 2])
    assert found.leader == 0
    np.testing.assert_allclose(found.closeness, [0.0, *(weights / weights.sum())])


def test_a_challenger_that_is_ahead_of_the_leader_is_as_close_as_an_equal() -> None:
    sums = np.array([[0.0, -1.0, 2.0], [1.0, 0.0, -3.0], [-2.0, 3.0, 0.0]])
    found = aim_at(sums, np.ones((3, 3)))
    assert found.leader == 0
    np.testing.assert_allclose(found.closeness, np.array([0.0, 1.0, np.exp(-2.0)]) / (1 + np.exp(-2.0)))


def test_contenders_that_never_differ_are_equals() -> None:
    found = aim_at(np.array([[0.0, 1e-9], [-1e-9, 0.0]]), np.full((2, 2), 1e-13))
    assert (found.leader, found.closeness.tolist()) == (0, [0.0, 1.0])
    small = aim_at(np.array([[0.0, -1e-5, 0.0], [1e-5, 0.0, 1e-5], [0.0, -1e-5, 0.0]]), np.full((3, 3), 1e-11))
    assert small.leader == 1


def test_votes_go_where_most_evidence_is_lacking() -> None:
    sums = np.array([[0.0, -5.0, -5.0], [5.0, 0.0, 1.0], [5.0, -1.0, 0.0]])
    lacking = np.array([[9.0, 9.0, 9.0], [1.0, 7.0, 2.0], [9.0, 9.0, 9.0]])
    found = aim_at(sums, np.ones((3, 3)), lacking)
    assert found.leader == 1
    np.testing.assert_allclose(found.closeness, np.array([1.0, 0.0, np.e]) / (1 + np.e))
    assert lacking[1, 1] == 7.0


def test_one_contender_leads_and_has_nobody_close() -> None:
    found = aim_at(np.zeros((1, 1)), np.zeros((1, 1)))
    assert (found.leader, found.closeness.tolist()) == (0, [0.0])


def test_only_those_standing_lead_and_challenge() -> None:
    evidence = Evidence.before_votes(4)
    apart = np.array([4.0, 1.0, 3.0, 2.0])
    evidence.paired = apart[:, None] - apart
    evidence.paired2 = np.ones((4, 4))
    assert aim_design(evidence).leader == 0
    found = aim_design(evidence, np.array([False, True, True, True]))
    weights = np.exp([-(2.0**2) / 2, -(1.0**2) / 2])
    assert found.leader == 2
    np.testing.assert_allclose(found.closeness, [0.0, weights[0] / weights.sum(), 0.0, weights[1] / weights.sum()])
    lacking = np.zeros((4, 4))
    lacking[2, 1] = 1.0
    told = aim_design(evidence, np.array([False, True, True, True]), lacking)
    np.testing.assert_allclose(told.closeness, np.array([0.0, np.e, 0.0, 1.0]) / (1 + np.e))
    # Where nobody stands, all do.
    assert aim_design(evidence, np.zeros(4, dtype=bool)).leader == 0


def test_the_uniform_design_is_even_over_queries_and_then_over_pairs() -> None:
    np.testing.assert_allclose(uniform_design(np.array([0, 2, 2, 2, 1]), 3), [1 / 3, 1 / 9, 1 / 9, 1 / 9, 1 / 3])


@pytest.mark.parametrize("floor", [0.1, 0.4])
def test_pairs_are_shown_by_the_square_root_of_what_they_tell(floor: float) -> None:
    random = np.random.default_rng(3)
    choice = random.integers(3, size=(4, 6))
    choice[0, 5] = -1  # the leader has nothing on the last query
    places = np.repeat(np.arange(6), 3)
    members = np.array([choice[:, q] == c for q in range(6) for c in range(3)])
    aimed = Aim(0, np.array([0.0, 0.5, 0.3, 0.2]))
    gains = []
    for q in range(6):
        for c in range(3):
            gain = 0.0
            for b in (1, 2, 3):
                if choice[0, q] >= 0 and choice[b, q] != choice[0, q]:
                    gain += aimed.closeness[b] * (float(choice[0, q] == c) + float(choice[b, q] == c))
            gains.append(np.sqrt(gain))
    expected = (1 - floor) * np.array(gains) / sum(gains) + floor / 18
    np.testing.assert_allclose(adaptive_design(members, places, 6, aimed, floor), expected)
    if floor == 0.1:
        np.testing.assert_allclose(adaptive_design(members, places, 6, aimed), expected)


def test_where_nobody_differs_the_design_is_uniform() -> None:
    members = np.array([[True, True], [False, False]])
    found = adaptive_design(members, np.array([0, 0]), 1, Aim(0, np.array([0.0, 1.0])))
    assert found.tolist() == [0.5, 0.5]


def test_quotas_give_each_pair_what_it_lacks() -> None:
    counts, places = np.array([5, 2, 0]), np.array([0, 0, 1])
    np.testing.assert_allclose(
        quota_design(counts, places, 2), 0.9 * np.array([1.0, 4.0, 6.0]) / 11 + 0.1 * np.array([0.25, 0.25, 0.5])
    )
    np.testing.assert_allclose(quota_design(counts, places, 2, floor=0.5)[0], 0.5 / 11 + 0.5 * 0.25)
    np.testing.assert_allclose(quota_design(np.zeros(2, dtype=np.int64), np.array([0, 1]), 2), [0.5, 0.5])


def test_strata_are_drawn_by_their_share_of_the_queries_and_keep_their_proportions() -> None:
    chances, places = np.array([0.4, 0.2, 0.1, 0.1, 0.2]), np.array([0, 0, 1, 2, 3])
    strata = np.array([0, 1, 1, 1, 2])  # the last stratum has a query that no pair belongs to
    found = keep_strata(chances, strata, places)
    np.testing.assert_allclose(found, [0.25 * 2 / 3, 0.25 / 3, 0.75 / 4, 0.75 / 4, 0.75 / 2])


def test_a_stratum_that_cannot_be_drawn_takes_no_part() -> None:
    chances, places = np.array([0.5, 0.5]), np.array([0, 1])
    np.testing.assert_allclose(keep_strata(chances, np.array([0, 2, 1]), places), [0.5, 0.5])
    np.testing.assert_allclose(keep_strata(np.array([0.9, 0.1]), np.array([0, 0]), places), [0.9, 0.1])
