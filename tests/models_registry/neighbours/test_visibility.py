"""Who is hidden from whom."""

from __future__ import annotations

import numpy as np

from models_registry.neighbours import Visibility, group_codes


def test_equal_names_share_a_number_and_the_unknown_has_none() -> None:
    of_queries, of_gallery = group_codes(["dress", None, "hat"], ["hat", "dress", "shoe", None, "dress"])
    assert of_queries.tolist() == [0, -1, 1]
    assert of_gallery.tolist() == [1, 0, 2, -1, 0]


def test_a_query_sees_neither_itself_nor_its_group() -> None:
    groups = group_codes(["red", None], ["red", "blue", None, "red"])
    rules = Visibility.from_ids(np.array([11, 10]), np.array([10, 11, 12, 13]), [groups])
    assert rules.visible_to(0).tolist() == [False, False, True, False]
    assert rules.visible_to(1).tolist() == [False, True, True, True]


def test_the_unknown_is_not_a_group() -> None:
    rules = Visibility.from_ids(np.array([-1]), np.array([-1, -1]))
    assert rules.visible_to(0).tolist() == [True, True]
    assert rules.at_most_hidden().tolist() == [0]


def test_as_many_are_hidden_as_it_says_or_fewer() -> None:
    rng = np.random.default_rng(0)
    groups = (rng.integers(-1, 5, 30), rng.integers(-1, 5, 80))
    rules = Visibility.from_ids(rng.integers(0, 80, 30), np.arange(80), [groups])
    hidden = [80 - int(rules.visible_to(query).sum()) for query in range(30)]
    assert (rules.at_most_hidden() >= hidden).all()
    assert (rules.at_most_hidden() <= np.array(hidden) + 1).all()
