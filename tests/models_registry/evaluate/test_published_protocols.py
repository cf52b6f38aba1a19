"""The papers' protocols on a few vectors on a line, where every rank can be counted by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from models_registry.evaluate import Question, bootstrap
from models_registry.evaluate.published_protocols import Labelled, parts_of, score_protocol
from models_registry.neighbours import Neighbours


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


@dataclass(frozen=True)
class Rules:
    """A protocol as its paper tells it: who asks, who answers, and how many of the first are looked at."""

    asks: Callable[[str, str], bool]
    answers: Callable[[str, str], bool]
    ranks: tuple[int, ...]
    within_category: bool = False
    counts_products: bool = False


RULES = {
    "sop": Rules(lambda _, split: split == "test", lambda _, split: split == "test", (1, 10, 100, 1000)),
    "inshop": Rules(lambda _, split: split == "query", lambda _, split: split == "gallery", (1, 10, 20, 30)),
    "consumer2shop": Rules(
        lambda domain, split: domain == "consumer" and split == "test",
        lambda domain, split: domain == "shop" and split in {"val", "test"},
        (20,),
        counts_products=True,
    ),
    "street2shop": Rules(
        lambda domain, split: domain == "street" and split == "test",
        lambda domain, split: domain == "shop" and split in {"", "train", "test"},
        (20,),
        within_category=True,
        counts_products=True,
    ),
}


def catalogue(seed: int) -> tuple[Labelled, np.ndarray]:
    """Items of every domain and split, some without a product, a category or a split."""
    rng = np.random.default_rng(seed)
    count = 700
    domains = rng.choice(["", "shop", "consumer", "street"], count, p=[0.05, 0.75, 0.1, 0.1]).tolist()
    splits = rng.choice(["", "train", "val", "test", "query", "gallery"], count, p=[0.1, 0.1, 0.1, 0.3, 0.1, 0.3])
    categories = rng.choice(["hat", "bag", "", "rare"], count, p=[0.6, 0.34, 0.03, 0.03]).tolist()
    products = [f"p{number}" if number < 110 else None for number in rng.integers(0, 116, count)]
    vectors = rng.standard_normal((count, 3)).astype(np.float32)
    return (
        Labelled([name or None for name in domains], splits.tolist(), [name or None for name in categories], products),
        vectors,
    )


def answers_in_order(rules: Rules, items: Labelled, vectors: np.ndarray, query: int) -> list[int]:
    rows = [
        row
        for row, (domain, split) in enumerate(zip(items.domains, items.splits, strict=True))
        if rules.answers(domain or "", split or "")
        and row != query
        and not (rules.within_category and items.categories[row] != items.categories[query])
    ]
    far = np.linalg.norm(vectors[rows].astype(float) - vectors[query], axis=1)
    return [rows[place] for place in np.argsort(far).tolist()]


def values_by_loops(rules: Rules, items: Labelled, vectors: np.ndarray) -> tuple[list[int], dict[str, np.ndarray]]:
    """Who asks, and by score 1, 0 or NaN for each of them."""
    queries = [
        row
        for row, (domain, split) in enumerate(zip(items.domains, items.splits, strict=True))
        if rules.asks(domain or "", split or "")
    ]
    values: dict[str, list[float]] = {f"recall_at_{rank}": [] for rank in rules.ranks}
    if rules.counts_products:
        values["product_recall_at_20"] = []
    for query in queries:
        wanted = items.products[query]
        shown = [items.products[row] or row for row in answers_in_order(rules, items, vectors, query)]
        is_known = wanted is not None and wanted in shown
        for rank in rules.ranks:
            values[f"recall_at_{rank}"].append(float(wanted in shown[:rank]) if is_known else np.nan)
        if rules.counts_products:
            values["product_recall_at_20"].append(
                float(wanted in list(dict.fromkeys(shown))[:20]) if is_known else np.nan
            )
    return queries, {name: np.array(told) for name, told in values.items()}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("seed", range(2))
def test_a_catalogue_of_all_kinds_of_pictures_is_scored_as_plain_loops_score_it(name: str, seed: int) -> None:
    rules, (items, vectors) = RULES[name], catalogue(seed)
    queries, values = values_by_loops(rules, items, vectors)
    found = score_protocol(name, items, vectors, "l2")
    known = ~np.isnan(values[f"recall_at_{rules.ranks[0]}"])
    answering = [
        rules.answers(domain or "", split or "") for domain, split in zip(items.domains, items.splits, strict=True)
    ]
    assert (found.protocol, found.gallery) == (name, sum(answering))
    assert (found.queries, found.left_out) == (int(known.sum()), int((~known).sum()))
    assert found.left_out

    owners = [items.products[row] or row for row in queries]
    numbers = {owner: number for number, owner in enumerate(dict.fromkeys(owners))}
    clusters = np.array([numbers[owner] for owner in owners])
    assert found.scores == {key: bootstrap(told, clusters=clusters) for key, told in values.items()}

    kinds = np.array([items.categories[row] or "" for row in queries])
    means = {
        kind: {key: told[known & (kinds == kind)].mean() for key, told in values.items()}
        for kind in sorted(set(kinds[known].tolist()))
    }
    assert {kind: told for kind, told in found.categories.items() if told} == {
        kind: pytest.approx(told) for kind, told in means.items()
    }
    assert {kind for kind, told in found.categories.items() if not told} == {*kinds.tolist()} - {*means}
    assert found.macro == pytest.approx({key: np.mean([told[key] for told in means.values()]) for key in values})


def test_a_category_that_no_shop_sells_leaves_its_queries_out() -> None:
    items = Labelled(
        ["street", "street", "street", "shop"], ["test"] * 4, ["hat", "bag", "bag", "bag"], ["h", "b", "c", "b"]
    )
    found = score_protocol("street2shop", items, on_a_line(0, 1, 2, 3), "l2")
    assert (found.queries, found.left_out) == (1, 2)
    assert found.categories == {"bag": {"recall_at_20": 1.0, "product_recall_at_20": 1.0}, "hat": {}}
    assert found.macro == {"recall_at_20": 1.0, "product_recall_at_20": 1.0}


def test_the_right_product_counts_up_to_the_twentieth_and_pictures_without_one_are_products_of_their_own() -> None:
    for nameless, is_found in ((9, 1.0), (10, 0.0)):
        before: list[str | None] = [*(f"p{number}" for number in range(10) for _ in range(2)), *[None] * nameless]
        items = Labelled(
            ["consumer", *["shop"] * (len(before) + 1)],
            ["test"] * (len(before) + 2),
            ["hat"] * (len(before) + 2),
            ["own", *before, "own"],
        )
        found = score_protocol("consumer2shop", items, on_a_line(*range(len(before) + 2)), "l2")
        assert found.scores["product_recall_at_20"].value == is_found


def test_no_more_pictures_are_searched_than_twenty_products_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """The nineteen with most pictures, 6 + 3 + 3 + 16, may all stand before one picture of the twentieth."""
    shown: list[str | None] = ["one", *["most"] * 6, "two", *["few"] * 3, *["some"] * 3, *"abcdefghijklmnopqr", None]
    searched: list[int] = []
    search = Question.nearest_answers

    def note_width(question: Question, vectors: np.ndarray, metric: str, k: int) -> Neighbours:
        searched.append(k)
        return search(question, vectors, metric, k)

    monkeypatch.setattr(Question, "nearest_answers", note_width)
    for answers in (shown, shown[:9]):
        count = len(answers) + 1
        items = Labelled(["consumer", *["shop"] * len(answers)], ["test"] * count, [None] * count, ["most", *answers])
        score_protocol("consumer2shop", items, on_a_line(*range(count)), "l2")
    assert searched == [29, 9]
    for name in ("sop", "inshop"):
        score_protocol(
            name, Labelled([""] * 3, ["test", "query", "gallery"], ["a"] * 3, ["p"] * 3), on_a_line(0, 1, 2), "l2"
        )
    assert searched[2:] == [1000, 30]


def test_a_question_without_answers_or_without_queries_is_refused() -> None:
    for splits in (["query", "query"], ["gallery", "gallery"]):
        with pytest.raises(ValueError, match="splits as they were published"):
            parts_of("inshop", Labelled(["", ""], splits, ["a", "a"], ["p", "p"]))
    queries, gallery = parts_of("inshop", Labelled([None, ""], ["query", "gallery"], ["a", "a"], ["p", "p"]))
    assert (queries.tolist(), gallery.tolist()) == ([0], [1])
