"""What a design fixes before its votes: bounds by plain loops, and the sizes that follow from them by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evalapp.stats.sums.epochs import (
    Batch,
    batch_of,
    bet_stakes,
    common_weight,
    design_bounds,
    difference_units,
    own_weights,
    pair_weights,
)


def small_batch(**known: object) -> Batch:
    """Three contenders, the third a copy of the first, with bounds that are easy to reckon with."""
    variance = np.array([[0.0, 2.0, 0.0], [2.0, 0.0, 4.0], [0.0, 4.0, 0.0]])
    reach = np.array([[0.0, 3.0, 0.0], [3.0, 0.0, 9.0], [0.0, 9.0, 0.0]])
    return Batch(variance, reach, np.array([0.5, 2.0, 0.5]), **known)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(3))
def test_bounds_are_those_of_a_loop_over_queries(seed: int) -> None:
    random = np.random.default_rng(seed)
    queries, count, slots = 5, 4, 3
    choice = random.integers(slots, size=(count, queries))
    chances = random.dirichlet(np.ones(queries * slots)).reshape(queries, slots)
    members = np.array([choice[:, q] == c for q in range(queries) for c in range(slots)])
    variance, reach, own = design_bounds(members, chances.ravel(), queries)
    for i in range(count):
        alone = sum(1 / (queries * chances[q, choice[i, q]]) for q in range(queries)) / (4 * queries)
        assert own[i] == pytest.approx(alone)
        for j in range(count):
            sums, largest = 0.0, 0.0
            for q in range(queries):
                if choice[i, q] != choice[j, q]:
                    both = [1 / (queries * chances[q, choice[one, q]]) for one in (i, j)]
                    sums += sum(both) / (4 * queries)
                    largest = max(largest, *both)
            assert variance[i, j] == pytest.approx(sums)
            assert reach[i, j] == pytest.approx(largest)


def test_bounds_of_many_designs_at_once_are_those_of_each() -> None:
    members = np.array([[True, False], [False, True], [True, True]])
    designs = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    together = design_bounds(members, designs, 2)
    for place, design in enumerate(designs):
        for found, expected in zip(together, design_bounds(members, design, 2), strict=True):
            np.testing.assert_allclose(found[place], expected)


def test_who_puts_the_same_pairs_first_differs_by_exactly_nothing() -> None:
    """Not by what the rounding of sums would leave."""
    random = np.random.default_rng(0)
    one = random.random(400) < 0.5
    members = np.column_stack([one, random.random((400, 5)) < 0.5, one])
    variance, reach, _ = design_bounds(members, random.dirichlet(np.ones(400)), 200)
    assert variance[0, 6] == variance[6, 0] == reach[0, 6] == 0
    assert np.diagonal(variance).tolist() == np.diagonal(reach).tolist() == [0.0] * 7


def test_a_design_that_asks_nothing_parts_nobody() -> None:
    variance, reach, own = design_bounds(np.zeros((0, 2), dtype=bool), np.zeros(0), 0)
    assert (variance.tolist(), reach.tolist(), own.tolist()) == ([[0, 0]] * 2, [[0, 0]] * 2, [0, 0])
    # As if there were one query.
    np.testing.assert_allclose(design_bounds(np.eye(2, dtype=bool), np.full(2, 0.5), 0)[0], [[0.0, 1.0], [1.0, 0.0]])


def test_stakes_suit_the_variance_and_never_risk_more_than_nine_tenths() -> None:
    stakes = bet_stakes(small_batch())
    np.testing.assert_allclose(stakes[:, 0, 1], np.array([0.03, 0.06, 0.12, 0.25]) / 2)
    np.testing.assert_allclose(stakes[:, 1, 2], np.minimum(np.array([0.03, 0.06, 0.12, 0.25]) / 4, 0.9 / (9 * 0.95)))
    assert not stakes[:, 0, 2].any()
    far = replace(small_batch(), reach=np.where(small_batch().reach > 0, 40.0, 0.0))
    np.testing.assert_allclose(bet_stakes(far)[:, 0, 1], np.minimum([0.015, 0.03, 0.06, 0.125], 0.9 / (40 * 0.95)))


def test_weights_are_the_inverse_of_the_variance_bounds() -> None:
    np.testing.assert_allclose(pair_weights(small_batch()), [[0, 0.5, 0], [0.5, 0, 0.25], [0, 0.25, 0]])
    np.testing.assert_allclose(own_weights(small_batch()), [2.0, 0.5, 2.0])


def test_of_who_had_not_entered_nothing_counts_and_nothing_is_known() -> None:
    endless = np.array([[0.0, np.inf], [np.inf, np.inf]])
    batch = Batch(endless, endless, np.array([0.25, np.inf]))
    assert not bet_stakes(batch).any()
    assert pair_weights(batch).tolist() == [[0, 0], [0, 0]]
    assert own_weights(batch).tolist() == [4.0, 0.0]
    assert own_weights(replace(batch, own=np.array([0.0, 0.25]))).tolist() == [0.0, 4.0]
    assert common_weight(batch) == 1.0
    units = difference_units(batch)
    assert units[0, 0] == 0
    assert np.isnan(units[0, 1])


def test_the_common_weight_is_made_for_the_leader_and_its_close_rivals() -> None:
    # Without a leader: four ordered pairs that differ, with bounds of 12 in all.
    assert common_weight(small_batch()) == pytest.approx(4 / 12)
    assert common_weight(small_batch(leader=1)) == pytest.approx(2 / 6)
    # The leader's copy cannot differ and does not count, however close.
    assert common_weight(small_batch(leader=0, closeness=np.array([0.0, 0.25, 0.75]))) == pytest.approx(1 / 2)
    assert common_weight(small_batch(leader=1, closeness=np.array([0.75, 0.0, 0.25]))) == pytest.approx(1 / 2.5)
    assert common_weight(small_batch(leader=0, closeness=np.array([0.0, 0.0, 1.0]))) == 1.0


def test_units_turn_the_common_weight_into_each_pairs_own() -> None:
    np.testing.assert_allclose(difference_units(small_batch()), [[0, 1.5, 0], [1.5, 0, 0.75], [0, 0.75, 0]])


def test_a_batch_starts_without_a_leader_and_knows_what_it_is_told() -> None:
    plain = batch_of(np.eye(3, dtype=bool), np.full(3, 1 / 3), 1)
    assert (plain.leader, plain.mean, plain.era, plain.led, plain.margin, plain.contenders) == (-1, 0.5, 0, (), 0.0, 3)
    assert plain.closeness is plain.query_means is None
    assert batch_of(np.eye(3, dtype=bool), np.full(3, 1 / 3), 1, era=2).era == 2


def test_a_query_that_is_asked_often_weighs_little_and_still_parts_contenders() -> None:
    """Of ten queries nearly all votes go to the one on which the two differ."""
    members = np.array([[True, False], [False, True]] + [[True, True]] * 9)
    batch = batch_of(members, np.array([0.4, 0.4, *np.full(9, 0.2 / 9)]), 10)
    assert batch.reach[0, 1] == pytest.approx(0.25)
    assert batch.variance[0, 1] == pytest.approx((0.25 + 0.25) / 40)
    np.testing.assert_allclose(pair_weights(batch)[0, 1], 80.0)
    np.testing.assert_allclose(bet_stakes(batch)[:, 0, 1], np.minimum([2.4, 4.8, 9.6, 20.0], 0.9 / (0.25 * 0.95)))
    assert common_weight(batch) == pytest.approx(80.0)
    assert common_weight(replace(batch, leader=0)) == pytest.approx(80.0)
