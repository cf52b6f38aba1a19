"""How a run measures itself: who asks whom, what is told of the answers, and when numbers are none any more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models_registry.store import Vectors
from models_registry.training.common.training_errors import Diverged
from models_registry.training.labels import validation
from models_registry.training.labels.labelled_pictures import LabelledPictures
from models_registry.training.labels.validation import (
    LARGEST,
    Way,
    judge_vectors,
    neighbours_to_show,
    question_of,
    ranking_score,
)
from tests.models_registry.training.clouds import clouds


def on_a_line(places: list[float], products: list[str | None]) -> tuple[LabelledPictures, np.ndarray]:
    """Pictures at these places, and their vectors."""
    count = len(places)
    data = clouds(products=count, pictures=1)
    vectors = np.array(places, dtype=np.float32)[:, None]
    return replace(data, products=products, categories=["dress"] * count, vectors=Vectors.from_array(vectors)), vectors


def test_scores_are_those_of_a_walk_along_the_answers() -> None:
    data, vectors = on_a_line([0, 1, 3, 6, 10, 15], ["a", "b", "a", "b", "c", None])
    found = judge_vectors(question_of(data, np.arange(6)), vectors, "l2")
    # First answers: b, a, b, a: none is right. Among five the right one is there for all but c, whom nobody answers.
    assert (found["recall_at_1"], found["recall_at_5"], found["recall_at_10"]) == (0.0, 1.0, 1.0)
    assert found["map_at_r"] == 0.0
    assert found["category_match"] == 1.0
    right, vectors = on_a_line([0, 1, 10, 11], ["a", "a", "b", "b"])
    assert judge_vectors(question_of(right, np.arange(4)), vectors, "l2")["map_at_r"] == 1.0


@pytest.mark.parametrize(("value", "is_usable"), [(LARGEST, True), (-2 * LARGEST, False), (2 * LARGEST, False)])
def test_vectors_beyond_what_can_be_squared_end_the_run(value: float, is_usable: bool) -> None:
    data, vectors = on_a_line([0, 1, 10, value], ["a", "a", "b", "b"])
    question = question_of(data, np.arange(4))
    if is_usable:
        assert judge_vectors(question, vectors, "l2")["recall_at_1"] >= 0.5
        return
    with pytest.raises(Diverged, match="lower learning_rate"):
        judge_vectors(question, vectors, "l2")
    vectors[3] = np.nan
    with pytest.raises(Diverged):
        judge_vectors(question, vectors, "l2")


def test_what_ranks_is_judged_by_precision_and_else_by_the_category() -> None:
    assert ranking_score({"map_at_r": 0.2, "category_match": 0.9}) == 0.2
    assert ranking_score({"category_match": 0.9}) == 0.9
    assert ranking_score({}) == 0.0


def test_the_answers_that_are_shown_are_the_nearest_right_and_the_nearest_wrong() -> None:
    """Fifteen right pairs and fifteen wrong ones, each a little farther apart than the one before."""
    gaps = [1 + number / 100 for number in range(30)]
    places = [place for number, gap in enumerate(gaps) for place in (1000.0 * number, 1000.0 * number + gap)]
    products: list[str | None] = []
    for number in range(30):
        # In every other pair two strangers meet; each has its own product far away.
        products += [f"p{number}"] * 2 if number % 2 else [f"left-{number % 4}", f"right-{number % 4}"]
    data, vectors = on_a_line(places, products)
    rows = np.arange(60)[::-1].copy()
    found = neighbours_to_show(data, rows, vectors[rows], "l2", None)
    assert found["judge"] == "product"
    for shown, first in ((found["best"], 1), (found["worst"], 0)):
        assert len(shown) == 12
        wanted = [number for number in range(first, 30, 2) for _ in range(2)][:12]
        assert [one["distance"] for one in shown] == pytest.approx([gaps[number] for number in wanted], abs=2e-3)
        for one, number in zip(shown, wanted, strict=True):
            assert {one["query"], one["candidate"]} == {data.keys[2 * number], data.keys[2 * number + 1]}


def test_who_has_no_right_answer_is_not_shown_as_wrong() -> None:
    data, vectors = on_a_line([0, 1, 5, 6], ["a", "a", "b", None])
    found = neighbours_to_show(data, np.arange(4), vectors, "l2", None)
    assert (len(found["best"]), found["worst"]) == (2, [])


def test_one_domain_asks_and_another_answers_and_roles_are_kept_where_there_are_any() -> None:
    data = clouds(products=3)
    every = question_of(data, np.arange(12))
    assert every.queries.tolist() == every.gallery.tolist() == list(range(12))
    across = question_of(data, np.arange(4, 12), Way("", "street", "shop"))
    assert [data.domains[4 + row] for row in across.queries.tolist()] == ["street"] * 4
    assert [data.domains[4 + row] for row in across.gallery.tolist()] == ["shop"] * 4
    assert across.products == data.products[4:]
    splits = ["Query", "gallery", None, "train"] * 3
    roles = question_of(replace(data, splits=splits), np.arange(12), Way("", by_roles=True))
    assert (roles.queries.tolist(), roles.gallery.tolist()) == ([0, 4, 8], [1, 5, 9])
    none = question_of(data, np.arange(12), Way("", by_roles=True))
    assert none.queries.tolist() == none.gallery.tolist() == list(range(12))
    ignored = question_of(replace(data, splits=splits), np.arange(12))
    assert len(ignored.queries) == 12


def test_pictures_of_the_same_bytes_do_not_answer_each_other() -> None:
    data, vectors = on_a_line([0, 0.1, 1], ["a", "a", "a"])
    copied = replace(data, sha256s=["same", "same", "other"])
    assert question_of(copied, np.arange(3)).nearest_answers(vectors, "l2", 1).top[:2].tolist() == [2, 2]


def test_of_many_queries_a_draw_asks_that_is_the_same_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "MOST_QUERIES", 8)
    data = clouds(products=3)
    assert question_of(data, np.arange(8)).queries.tolist() == list(range(8))
    drawn = question_of(data, np.arange(12)).queries
    assert len(set(drawn.tolist())) == 8
    assert drawn.tolist() == sorted(drawn.tolist()) == question_of(data, np.arange(12)).queries.tolist()
    assert len(question_of(data, np.arange(12)).gallery) == 12
