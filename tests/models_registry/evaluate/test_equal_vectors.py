"""An encoder that gives many pictures one vector scores what chance does, whatever order the catalogue has."""

from __future__ import annotations

import numpy as np
import pytest

from models_registry.evaluate.evaluation_question import Question
from models_registry.evaluate.retrieval import recall_at
from models_registry.metrics import METRICS
from models_registry.neighbours import Neighbours, nearest
from models_registry.neighbours.equal_rows import draw_lots
from models_registry.neighbours.refresh import refresh_neighbours
from models_registry.store import Vectors

ITEMS = 400
CATEGORIES = ["common"] * 240 + ["rare"] * 160
"""As catalogues are: one category after the other, the largest first."""
PRODUCTS = [f"product-{row // 4}" for row in range(ITEMS)]


def question() -> Question:
    every = np.arange(ITEMS)
    return Question(every, every, CATEGORIES, PRODUCTS)


@pytest.mark.parametrize("metric", METRICS)
def test_one_vector_for_all_is_worth_chance(metric: str) -> None:
    asked = question()
    found = asked.nearest_answers(np.ones((ITEMS, 8), dtype=np.float32), metric, 10)  # type: ignore[arg-type]
    chance = 0.6**2 + 0.4**2
    assert float(asked.category_match(found).mean()) == pytest.approx(chance, abs=0.08)
    # One of ten others of 399 is one of three: 7 in 100. By the catalogue's order the neighbours would all be found.
    assert float(recall_at(asked.judge_answers(found, "product"), 10).mean()) < 0.15
    assert len(np.unique(found.top)) > ITEMS / 2


def test_within_groups_of_equal_vectors_chance_decides_and_distance_between_them() -> None:
    """Each vector is shared by forty pictures in a row, ten products: the encoder knows these, and no product."""
    asked = question()
    vectors = np.eye(10, dtype=np.float32)[np.arange(ITEMS) // 40]
    found = asked.nearest_answers(vectors, "l2", 3)
    assert np.array_equal(found.indices // 40, np.repeat(np.arange(ITEMS)[:, None] // 40, 3, axis=1))
    assert float(recall_at(asked.judge_answers(found, "product"), 1).mean()) == pytest.approx(3 / 39, abs=0.05)


def test_the_lot_is_the_same_each_time_and_touches_no_vector_that_differs() -> None:
    asked = question()
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((ITEMS, 6)).astype(np.float32)
    ids = np.arange(ITEMS)
    table = Vectors.from_array(vectors)
    plain = nearest(table, table, metric="cosine", k=5, query_ids=ids, gallery_ids=ids)
    assert np.array_equal(asked.nearest_answers(vectors, "cosine", 5).indices, plain.indices)
    equal = np.ones_like(vectors)
    assert np.array_equal(
        asked.nearest_answers(equal, "cosine", 5).indices, asked.nearest_answers(equal, "cosine", 5).indices
    )


def test_lots_are_of_a_query_and_an_item_and_stay_when_the_gallery_changes() -> None:
    ids = np.array([7, 70, 700, 7000, 9])
    order = draw_lots(np.array([1, 2, 1]), np.tile(ids, (3, 1)))
    assert order[0].tolist() == order[2].tolist() != order[1].tolist()
    assert len(set(order.ravel().tolist())) == 10
    equal = Vectors.from_array(np.ones((5, 2), dtype=np.float32))
    some = np.array([0, 2, 3])
    words = {"metric": "l2", "query_ids": np.array([1, 2, 3, 4, 5]), "lots": np.array([11, 12, 13, 14, 15])}
    every = nearest(equal, equal, k=5, gallery_ids=ids, gallery_order=ids, **words)  # type: ignore[arg-type]
    few = nearest(
        equal,
        equal.select(some),
        k=3,
        gallery_ids=ids[some],
        gallery_order=ids[some],
        **words,  # type: ignore[arg-type]
    )
    kept = [[row for row in answers if row in some] for answers in every.indices.tolist()]
    assert some[few.indices].tolist() == kept
    assert len({tuple(answers) for answers in kept}) > 1


def test_answers_that_are_refreshed_are_those_of_a_new_search() -> None:
    """Cards in four piles of equal vectors: seven leave the gallery, ten come in."""
    rng = np.random.default_rng(5)
    vectors = np.eye(4, dtype=np.float32)[rng.integers(0, 4, 60)]
    ids, lots = np.arange(60) * 3 + 1, np.arange(20) + 900
    queries = Vectors.from_array(vectors[:20])
    old, new = np.arange(0, 50), np.sort(np.concatenate([np.arange(7, 50), np.arange(50, 60)]))

    def words(rows: np.ndarray) -> dict[str, object]:
        return {"metric": "cosine", "k": 6, "query_ids": lots, "gallery_ids": ids[rows], "lots": lots}

    before = nearest(queries, Vectors.from_array(vectors[old]), gallery_order=ids[old], **words(old))  # type: ignore[arg-type]
    place = {int(row): at for at, row in enumerate(new)}
    moved = np.array([[place.get(int(old[row]), -1) for row in answers] for answers in before.indices])
    stale = (moved < 0).any(axis=1)
    assert 0 < stale.sum() < 20
    moved[stale] = -1
    gallery = Vectors.from_array(vectors[new])
    found = refresh_neighbours(
        Neighbours(moved, np.where(moved < 0, np.nan, before.distances)),
        stale,
        np.flatnonzero(new >= 50),
        queries,
        gallery,
        **words(new),  # type: ignore[arg-type]
    )
    wanted = nearest(queries, gallery, gallery_order=ids[new], **words(new))  # type: ignore[arg-type]
    assert np.array_equal(found.indices, wanted.indices)
    assert np.allclose(found.distances, wanted.distances)
