"""The random control sees what a search would see, and nothing but chance decides."""

from __future__ import annotations

import numpy as np
from scipy.stats import chisquare

from models_registry.neighbours import random_control


def test_every_visible_candidate_is_equally_likely() -> None:
    ids = np.zeros(40_000, dtype=np.int64)
    groups = np.full(40_000, 1), np.array([1, 1, 0, 0, 0, -1, -1, 0])
    drawn = random_control(query_ids=ids, gallery_ids=np.array([5, 6, 0, 7, 8, 9, 10, 11]), seed=3, hidden=[groups])
    counts = np.bincount(drawn.top, minlength=8)
    assert counts[[0, 1, 2]].tolist() == [0, 0, 0]  # two of its own group, and itself
    assert chisquare(counts[3:]).pvalue > 1e-4


def test_the_seed_decides() -> None:
    ids = np.arange(200)
    first, again, other = (
        random_control(query_ids=ids, gallery_ids=ids, seed=seed).indices.tolist() for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_distances_are_unknown_and_nothing_is_drawn_where_nothing_is_visible() -> None:
    drawn = random_control(query_ids=np.array([4, 5]), gallery_ids=np.array([4]), seed=0)
    assert drawn.indices.tolist() == [[-1], [0]]
    assert np.isnan(drawn.distances).all()
