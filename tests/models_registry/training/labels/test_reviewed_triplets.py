"""Triplets that people have looked at: which of them a run may know, draw, or must keep out of a batch."""

from __future__ import annotations

import numpy as np

from models_registry.training.labels.reviewed_triplets import Reviewed

ACCEPTED = np.array([[0, 1, 2], [3, 4, 5], [0, 1, 9], [6, 7, 8]])
REJECTED = np.array([[1, 0, 2], [3, 4, 9]])


def test_nothing_is_reviewed_at_first() -> None:
    nothing = Reviewed()
    assert (nothing.accepted.shape, nothing.rejected.shape, len(nothing)) == ((0, 3), (0, 3), 0)
    assert nothing.without_rejected(np.arange(4)).tolist() == [0, 1, 2, 3]
    assert nothing.not_rejected(ACCEPTED).tolist() == [True] * 4
    assert len(nothing.within_rows(np.arange(4))) == 0


def test_a_triplet_is_known_where_all_three_of_its_pictures_are() -> None:
    known = Reviewed(ACCEPTED, REJECTED).within_rows(np.arange(8))
    assert known.accepted.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert known.rejected.tolist() == [[1, 0, 2]]
    assert (len(known), len(Reviewed(ACCEPTED, REJECTED))) == (3, 6)


def test_accepted_triplets_are_drawn_without_repeating_and_no_more_than_there_are() -> None:
    reviewed, rng = Reviewed(ACCEPTED, REJECTED), np.random.default_rng(0)
    wanted = {tuple(triplet) for triplet in ACCEPTED.tolist()}
    for most, count in ((0, 0), (1, 1), (3, 3), (4, 4), (9, 4)):
        drawn = {tuple(triplet) for triplet in reviewed.draw_accepted(most, rng).tolist()}
        assert len(drawn) == count
        assert drawn <= wanted
    draws = {tuple(reviewed.draw_accepted(1, rng)[0].tolist()) for _ in range(60)}
    assert draws == wanted


def test_where_nothing_was_accepted_chance_stays_as_it_is() -> None:
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    assert Reviewed(rejected=REJECTED).draw_accepted(3, rng).shape == (0, 3)
    assert rng.bit_generator.state == before


def test_a_triplet_is_rejected_as_it_was_told_and_not_turned_round() -> None:
    told = np.array([[1, 0, 2], [0, 1, 2], [3, 4, 9], [3, 9, 4]])
    assert Reviewed(rejected=REJECTED).not_rejected(told).tolist() == [False, True, False, True]


def test_a_batch_loses_the_negative_of_each_rejected_triplet_that_it_holds_whole() -> None:
    batch = np.array([9, 2, 4, 3, 0])
    assert Reviewed(rejected=REJECTED).without_rejected(batch).tolist() == [2, 4, 3, 0]
    # Without the first one's negative the second is not held whole any more.
    chained = Reviewed(rejected=np.array([[0, 2, 4], [3, 4, 9]]))
    assert chained.without_rejected(batch).tolist() == [9, 2, 3, 0]
