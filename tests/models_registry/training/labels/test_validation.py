"""How a run measures itself: scores as loops over pictures give them, and maps as scipy turns them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from sklearn.decomposition import PCA

from models_registry.embed import Picture
from models_registry.encoders.encoder_base import Encoder
from models_registry.registry import describe, load
from models_registry.training.common.training_errors import Diverged
from models_registry.training.labels.labelled_pictures import LabelledPictures
from models_registry.training.labels.validation import (
    Map,
    Way,
    baseline_entries,
    colour_vectors,
    final_table,
    headline_scores,
    judge_queries,
    judge_vectors,
    neighbours_to_show,
    question_of,
)
from tests.models_registry.training.clouds import clouds


def mixed(count: int, seed: int = 0, largest: int = 0) -> tuple[LabelledPictures, np.ndarray]:
    """Pictures of few products and categories, some of them unknown, some of the same bytes; their vectors [n, 3].

    The first `largest` are of one product.
    """
    rng = np.random.default_rng(seed)
    products: list[str | None] = [
        "large" if row < largest else [None, "a", "b", "c", "d"][rng.integers(5)] for row in range(count)
    ]
    categories: list[str | None] = [[None, "dress", "coat"][rng.integers(3)] for _ in range(count)]
    data = replace(clouds(products=count, pictures=1), products=products, categories=categories)
    data = replace(data, sha256s=[data.sha256s[row - row % 7 // 6] for row in range(count)])
    return data, rng.standard_normal((count, 3)).astype(np.float32)


def by_loop(data: LabelledPictures, rows: np.ndarray, vectors: np.ndarray, judge: str) -> dict[str, list[float]]:
    """Category match, recall and mAP@R (of 100 right answers at most) of each picture among the others."""
    labels = data.products if judge == "product" else data.categories
    scores: dict[str, list[float]] = {
        name: [] for name in ("category_match", "recall_at_1", "recall_at_5", "recall_at_10", "map_at_r")
    }
    for place, row in enumerate(rows):
        distances = np.linalg.norm(vectors.astype(np.float64) - vectors[place], axis=1)
        seen = [
            int(rows[other])
            for other in np.argsort(distances)
            if other != place and data.sha256s[rows[other]] != data.sha256s[row]
        ]
        others = [one for one in seen if data.products[row] is None or data.products[one] != data.products[row]]
        own, nearest = data.categories[row], data.categories[others[0]] if others else None
        scores["category_match"].append(float(own == nearest) if own and nearest else np.nan)
        is_right = [labels[row] is not None and labels[one] == labels[row] for one in seen]
        length = min(100, sum(is_right))
        for k in (1, 5, 10):
            scores[f"recall_at_{k}"].append(float(any(is_right[:k])) if length else np.nan)
        precisions = [sum(is_right[: rank + 1]) / (rank + 1) for rank in range(length) if is_right[rank]]
        scores["map_at_r"].append(sum(precisions) / length if length else np.nan)
    return scores


@pytest.mark.parametrize(("count", "largest"), [(20, 0), (60, 0), (150, 125)])
@pytest.mark.parametrize("judge", ["product", "category"])
def test_scores_of_each_query_are_those_of_a_loop_over_the_others(count: int, largest: int, judge: str) -> None:
    data, table = mixed(count, seed=count, largest=largest)
    if judge == "category":
        data = replace(data, products=[None] * count)
    rows = np.random.default_rng(1).permutation(count)
    vectors = table[rows]
    expected = by_loop(data, rows, vectors, judge)
    question = question_of(data, rows)
    found = judge_queries(question, vectors, "l2")
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, nan_ok=True), name
    means = judge_vectors(question, vectors, "l2")
    assert means == pytest.approx({name: np.nanmean(values) for name, values in expected.items()})


def test_a_score_that_no_query_has_is_left_out_and_nothing_is_asked_of_no_pictures() -> None:
    data, vectors = mixed(12)
    categories_alone = replace(data, products=[f"own-{row}" for row in range(12)], categories=["dress"] * 12)
    assert set(judge_vectors(question_of(categories_alone, np.arange(12)), vectors, "l2")) == {
        "category_match", "recall_at_1", "recall_at_5", "recall_at_10", "map_at_r",
    }  # fmt: skip
    unknown = replace(data, products=[None] * 12, categories=[None] * 12)
    assert judge_vectors(question_of(unknown, np.arange(12)), vectors, "l2") == {}
    products_alone = replace(data, products=["a", "b"] * 6, categories=[None] * 12)
    assert "category_match" not in judge_vectors(question_of(products_alone, np.arange(12)), vectors, "l2")


@pytest.mark.parametrize(("value", "is_usable"), [(1e12, True), (-1e12, True), (1.5e12, False), (np.inf, False)])
def test_numbers_beyond_a_million_millions_are_none_any_more(value: float, is_usable: bool) -> None:
    data, vectors = mixed(12)
    vectors[3, 1] = value
    question = question_of(data, np.arange(12))
    if is_usable:
        assert judge_queries(question, vectors, "l2")
        return
    with pytest.raises(Diverged, match="lower learning_rate"):
        judge_queries(question, vectors, "l2")


def test_five_thousand_pictures_ask_at_most() -> None:
    data = clouds(products=5001, pictures=1)
    assert question_of(data, np.arange(5000)).queries.tolist() == list(range(5000))
    drawn = question_of(data, np.arange(5001)).queries.tolist()
    assert (len(set(drawn)), len(question_of(data, np.arange(5001)).gallery)) == (5000, 5001)
    assert drawn == sorted(drawn)


def test_a_question_keeps_the_order_of_its_rows_and_what_the_way_hides() -> None:
    data, _ = mixed(14)
    rows = np.array([13, 6, 2, 5, 0])
    question = question_of(data, rows, Way("", hide_products=True))
    assert (list(question.categories), list(question.products)) == (
        [data.categories[row] for row in rows],
        [data.products[row] for row in rows],
    )
    assert question.pictures is not None
    same = question.pictures[:, None] == question.pictures
    expected = [[data.sha256s[one] == data.sha256s[other] for other in rows] for one in rows]
    assert same.tolist() == expected
    assert question.hide_products
    assert not question_of(data, rows).hide_products


def test_roles_count_within_the_domains_that_ask_and_answer() -> None:
    data = replace(clouds(products=2), splits=["query", "query", "gallery", "GALLERY", None, "query", None, "gallery"])
    question = question_of(data, np.arange(8), Way("", "street", "shop", by_roles=True))
    assert (question.queries.tolist(), question.gallery.tolist()) == ([1, 5], [2])


def test_shown_answers_are_those_of_who_can_be_answered_at_all() -> None:
    data, table = mixed(30, seed=2)
    rows = np.random.default_rng(3).permutation(30)
    vectors = table[rows]
    found = neighbours_to_show(data, rows, vectors, "l2", None)
    recall = by_loop(data, rows, vectors, "product")["recall_at_1"]
    told = {data.keys[row]: right for row, right in zip(rows, recall, strict=True) if not np.isnan(right)}
    assert {one["query"] for one in found["best"]} <= {key for key, right in told.items() if right}
    assert {one["query"] for one in found["worst"]} <= {key for key, right in told.items() if not right}
    assert len(found["best"]) == min(12, sum(told.values()))
    row_of = {key: row for row, key in enumerate(data.keys)}
    for one in (*found["best"], *found["worst"]):
        gap = np.linalg.norm(table[row_of[one["query"]]] - table[row_of[one["candidate"]]])
        assert one["distance"] == round(one["distance"], 4) == pytest.approx(gap, abs=1e-4)


def test_colours_are_those_of_each_picture_and_nothing_where_it_cannot_be_read() -> None:
    data = clouds(products=4, pictures=1)
    pictures = [data.pictures[0], Picture("broken", b"no picture"), data.pictures[2], data.pictures[3]]
    data = replace(data, pictures=pictures)
    found = colour_vectors(data, np.array([3, 1, 0]))
    encoder = load(describe("colour-histogram"), device="cpu")
    assert isinstance(encoder, Encoder)
    assert found.shape == (3, encoder.spec.taps[0].dim)
    assert found.sum(axis=1)[[0, 2]].min() > 0
    assert found[0].tolist() == found[2].tolist()
    assert found[1].any() == np.False_


def test_what_must_be_beaten_are_the_base_networks_vectors_by_two_metrics_and_the_colours() -> None:
    data, rows = clouds(products=6), np.array([5, 0, 9, 11])
    entries = baseline_entries(data, rows)
    assert [(entry.name, entry.metric) for entry in entries] == [
        ("raw features:cosine", "cosine"),
        ("raw features:l2", "l2"),
        ("colours:l1", "l1"),
    ]
    for entry in entries[:2]:
        assert entry.vectors.tolist() == data.vectors.take(rows).tolist()
    table = final_table(data, rows, entries)
    assert (table.baseline, table.queries) == ("raw features:cosine", 4)


def test_the_headline_is_the_line_of_that_name() -> None:
    lines = [{"name": name, "scores": {"s": name}, "differences": {"d": name}, "hubness": 0} for name in "abc"]
    expected = {"name": "b", "scores": {"s": "b"}, "differences": {"d": "b"}}
    assert headline_scores({"lines": lines}, "b") == expected


# The map


def positions(tables: list[np.ndarray]) -> list[np.ndarray]:
    """The places in the plane, epoch after epoch."""
    given = iter(tables)
    count = len(tables[0])
    plane = Map([""] * count, np.arange(count), lambda _rows: next(given).astype(np.float32))
    return [np.array(plane.plane_positions()) for _ in tables]


def principal(table: np.ndarray) -> np.ndarray:
    flat = PCA(2).fit_transform(table)
    return flat / np.abs(flat).max()


@pytest.mark.parametrize("shape", [(3, 5), (40, 6), (12, 2)])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_maps_are_principal_components_turned_onto_those_of_the_epoch_before(
    shape: tuple[int, int], scale: float
) -> None:
    rng = np.random.default_rng(0)
    tables = [(rng.standard_normal(shape) + 3) * scale for _ in range(3)]
    found = positions(tables)
    first = principal(tables[0])
    signs = np.sign((first * found[0]).sum(axis=0))
    assert found[0] == pytest.approx(first * signs, abs=1e-4)
    for before, now, table in zip(found, found[1:], tables[1:], strict=False):
        flat = principal(table)
        turned = flat @ orthogonal_procrustes(flat, before)[0]
        assert now == pytest.approx(np.clip(turned, -1, 1), abs=1e-4)


def test_what_is_turned_out_of_the_plane_is_held_at_its_edge() -> None:
    diamond = np.array([[1.0, 0.0], [0.0, 0.9], [-1.0, 0.0], [0.0, -0.9]])
    rectangle = np.array([[1.0, 0.95], [-1.0, 0.95], [-1.0, -0.95], [1.0, -0.95]])
    first, second = positions([diamond, rectangle])
    assert np.abs(first).max() == pytest.approx(1)
    assert second == pytest.approx(np.sign(np.round(first)) * [1, 1], abs=0.04)
    assert np.abs(second).max() == 1
    assert sorted(np.round(second, 6).ravel().tolist())[:2] == [-1, -1]


def test_a_map_asks_for_the_vectors_of_the_pictures_whose_keys_it_tells() -> None:
    asked: list[list[int]] = []

    def vectors_of(rows: np.ndarray) -> np.ndarray:
        asked.append(rows.tolist())
        return np.ones((len(rows), 2), dtype=np.float32)

    plane = Map([f"key-{row}" for row in range(2000)], np.arange(1000, 2000), vectors_of)
    assert plane.plane_positions() == ((0.0, 0.0),) * 300
    assert plane.keys == tuple(f"key-{row}" for row in asked[0])
    assert (asked[0][0], asked[0][-1]) == (1000, 1999)
    assert {later - one for one, later in zip(asked[0], asked[0][1:], strict=False)} == {3, 4}
