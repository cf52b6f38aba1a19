"""The random control sees what a search would see, and nothing but chance decides."""

from __future__ import annotations

import numpy as np
from scipy.stats import chisquare

from models_registry.hash_sampling import name_words
from models_registry.neighbours import Neighbours, random_control


def _words(kind: str, count: int) -> np.ndarray:
    return name_words(f"{kind}-{number}" for number in range(count))


def _draw(count: int, seed: int) -> Neighbours:
    ids, words = np.arange(count), _words("item", count)
    return random_control(query_ids=ids, gallery_ids=ids, query_words=words, gallery_words=words, seed=seed)


def test_every_visible_candidate_is_equally_likely() -> None:
    ids = np.zeros(40_000, dtype=np.int64)
    groups = np.full(40_000, 1), np.array([1, 1, 0, 0, 0, -1, -1, 0])
    drawn = random_control(
        query_ids=ids,
        gallery_ids=np.array([5, 6, 0, 7, 8, 9, 10, 11]),
        query_words=_words("query", 40_000),
        gallery_words=_words("item", 8),
        seed=3,
        hidden=[groups],
    )
    counts = np.bincount(drawn.top, minlength=8)
    assert counts[[0, 1, 2]].tolist() == [0, 0, 0]  # two of its own group, and itself
    assert chisquare(counts[3:]).pvalue > 1e-4


def test_the_seed_decides() -> None:
    first, again, other = (_draw(200, seed).indices.tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_candidate_more_changes_a_draw_only_to_itself() -> None:
    before, after = _draw(300, 4).top, _draw(330, 4).top[:300]
    changed = before != after
    assert (after[changed] >= 300).all()
    assert 0 < changed.sum() < 80, "about one in eleven"


def test_distances_are_unknown_and_nothing_is_drawn_where_nothing_is_visible() -> None:
    drawn = random_control(
        query_ids=np.array([4, 5]),
        gallery_ids=np.array([4]),
        query_words=_words("query", 2),
        gallery_words=_words("item", 1),
        seed=0,
    )
    assert drawn.indices.tolist() == [[-1], [0]]
    assert np.isnan(drawn.distances).all()
