"""The papers' protocols on a few vectors on a line, where every rank can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from models_registry.evaluate.published_protocols import Labelled, parts_of, score_protocol


def on_a_line(*places: float) -> np.ndarray:
    return np.array([[place, 0.0] for place in places], dtype=np.float32)


def test_sop_asks_every_test_picture_among_all_others_of_the_test_part() -> None:
    items = Labelled(
        domains=[""] * 6,
        splits=["train", "train", "test", "test", "test", "test"],
        categories=["bike"] * 6,
        products=["1", "1", "2", "3", "2", "3"],
    )
    # The training pictures lie right beside; they take no part.
    found = score_protocol("sop", items, on_a_line(0, 0, 0, 1, 2.5, 1.2), "l2")
    assert (found.queries, found.gallery, found.left_out) == (4, 4, 0)
    assert found.scores["recall_at_1"].value == 0.5  # 3 and 3 find each other
    assert found.scores["recall_at_10"].value == found.scores["recall_at_1000"].value == 1.0
    assert list(found.scores) == ["recall_at_1", "recall_at_10", "recall_at_100", "recall_at_1000"]


def test_in_shop_asks_queries_in_the_gallery_and_tells_whose_product_is_not_there() -> None:
    items = Labelled(
        domains=[""] * 6,
        splits=["query", "query", "query", "gallery", "gallery", "train"],
        categories=["dress", "dress", "shirt", "dress", "shirt", "dress"],
        products=["a", "b", "c", "a", "c", "b"],
    )
    found = score_protocol("inshop", items, on_a_line(0, 0, 0, 1, 0.5, 0), "l2")
    assert (found.queries, found.gallery, found.left_out) == (2, 2, 1)
    assert found.scores["recall_at_1"].value == 0.5
    assert found.categories["dress"]["recall_at_1"] == 0.0
    assert found.categories["shirt"]["recall_at_1"] == 1.0


def test_consumer_to_shop_answers_from_validation_and_test_and_counts_products() -> None:
    shops = 25
    items = Labelled(
        domains=["consumer", *["shop"] * shops, "shop", "consumer", "shop"],
        splits=["test", *["val"] * shops, "test", "val", "train"],
        categories=["dress"] * (shops + 4),
        products=["right", *["crowd"] * shops, "right", "crowd", "right"],
    )
    # 25 pictures of one product stand before the right one: no place among 20 pictures, the second of the products.
    vectors = on_a_line(0, *np.linspace(1, 2, shops).tolist(), 3, 0, 0)
    found = score_protocol("consumer2shop", items, vectors, "l2")
    assert (found.queries, found.gallery) == (1, shops + 1)
    assert found.scores["recall_at_20"].value == 0.0
    assert found.scores["product_recall_at_20"].value == 1.0


def test_street_to_shop_answers_within_the_category() -> None:
    items = Labelled(
        domains=["street", "street", "street", *["shop"] * 26],
        splits=["test", "test", "train", *[""] * 26],
        categories=["bags", "hats", "bags", *["bags"] * 25, "hats"],
        products=["b24", "h", "b0", *[f"b{number}" for number in range(25)], "h"],
    )
    # The right bag is the 25th; the right hat is the only hat, however many bags lie nearer.
    vectors = on_a_line(0, 0, 0, *range(1, 26), 99)
    found = score_protocol("street2shop", items, vectors, "l2")
    assert found.queries == 2
    assert found.categories == {
        "bags": {"recall_at_20": 0.0, "product_recall_at_20": 0.0},
        "hats": {"recall_at_20": 1.0, "product_recall_at_20": 1.0},
    }
    assert found.macro == {"recall_at_20": 0.5, "product_recall_at_20": 0.5}


@pytest.mark.parametrize("name", ["sop", "inshop", "consumer2shop", "street2shop"])
def test_splits_of_something_else_are_refused_with_what_was_found(name: str) -> None:
    items = Labelled(["", "shop"], ["train", ""], ["a", "a"], ["1", "1"])
    with pytest.raises(ValueError, match=r"0 pictures that ask.*found: no domain/train, shop/no split"):
        parts_of(name, items)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(5))
def test_products_are_ranked_as_a_plain_loop_ranks_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    asks, answers = 12, 90
    products = [f"p{number}" for number in rng.integers(0, 40, asks + answers)]
    items = Labelled(
        ["consumer"] * asks + ["shop"] * answers, ["test"] * (asks + answers), ["x"] * (asks + answers), products
    )
    vectors = rng.standard_normal((asks + answers, 3)).astype(np.float32)
    expected = []
    for query in range(asks):
        order = asks + np.argsort(np.linalg.norm(vectors[asks:].astype(float) - vectors[query], axis=1))
        ranked = list(dict.fromkeys(products[row] for row in order.tolist()))
        if products[query] in ranked:
            expected.append(products[query] in ranked[:20])
    found = score_protocol("consumer2shop", items, vectors, "l2")
    assert found.scores["product_recall_at_20"].value == pytest.approx(np.mean(expected))
    assert found.left_out == asks - len(expected)
