"""A question by loops over who may see whom: its answers, its judges and its clusters."""

from __future__ import annotations

import numpy as np
import pytest

from models_registry.evaluate import Question

ITEMS = 36
SEEDS = range(4)


def asked_at_random(seed: int, *, hide_products: bool = False) -> Question:
    """Some of a table of items ask, some answer, some do both; labels may be missing, pictures may be there twice."""
    rng = np.random.default_rng(seed)
    categories: list[str | None] = rng.choice(["hat", "bag", "sock", ""], ITEMS, p=[0.4, 0.3, 0.2, 0.1]).tolist()
    products: list[str | None] = [None if number == 9 else f"p{number}" for number in rng.integers(0, 10, ITEMS)]
    return Question(
        rng.permutation(ITEMS)[:20],
        rng.permutation(ITEMS)[:25],
        categories,
        products,
        rng.integers(0, 24, ITEMS),
        hide_products=hide_products,
    )


def seen_by(question: Question, query: int) -> list[int]:
    """The places in the gallery that one query may be answered with."""
    assert question.pictures is not None
    places = []
    for place, row in enumerate(question.gallery.tolist()):
        is_same_product = bool(question.products[query]) and question.products[query] == question.products[row]
        is_hidden = question.hide_products and is_same_product
        if row != query and question.pictures[row] != question.pictures[query] and not is_hidden:
            places.append(place)
    return places


def right_places(question: Question, labels: list[str | None], query: int) -> list[int]:
    gallery = question.gallery.tolist()
    return [place for place in seen_by(question, query) if labels[query] and labels[gallery[place]] == labels[query]]


def ranked_places(question: Question, vectors: np.ndarray, query: int) -> list[int]:
    """All that a query may see, the nearest first."""
    wide = vectors.astype(float)
    far = {place: np.linalg.norm(wide[question.gallery[place]] - wide[query]) for place in seen_by(question, query)}
    return sorted(far, key=lambda place: far[place])


def vectors_that_know_products(question: Question, seed: int) -> np.ndarray:
    rng = np.random.default_rng(1000 + seed)
    middles = {name: 5 * rng.standard_normal(3) for name in sorted({name or "" for name in question.products})}
    rows = np.stack([middles[name or ""] for name in question.products]) + rng.standard_normal((ITEMS, 3))
    return rows.astype(np.float32)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("hide_products", [False, True])
def test_right_answers_are_counted_among_those_a_query_may_see(seed: int, hide_products: bool) -> None:
    question = asked_at_random(seed, hide_products=hide_products)
    for judge, labels in (("product", question.products), ("category", question.categories)):
        wanted = [len(right_places(question, list(labels), query)) for query in question.queries.tolist()]
        assert question.relevant_answers(judge).tolist() == wanted
    assert question.choose_judge() == ("category" if hide_products else "product")
    assert question.relevant_answers("category").any()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("hide_products", [False, True])
def test_answers_are_the_nearest_of_those_a_query_may_see_and_judged_by_its_labels(
    seed: int, hide_products: bool
) -> None:
    question = asked_at_random(seed, hide_products=hide_products)
    vectors = vectors_that_know_products(question, seed)
    found = question.nearest_answers(vectors, "l2", 25)
    for judge, labels in (("product", question.products), ("category", question.categories)):
        hits = question.judge_answers(found, judge)
        for position, query in enumerate(question.queries.tolist()):
            wanted = ranked_places(question, vectors, query)
            assert found.indices[position].tolist() == wanted + [-1] * (25 - len(wanted))
            right = right_places(question, list(labels), query)
            assert np.flatnonzero(hits.right[position]).tolist() == sorted(wanted.index(place) for place in right)
            assert hits.relevant[position] == len(right)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_nearest_of_another_product_tells_whether_categories_are_known(seed: int) -> None:
    question = asked_at_random(seed)
    vectors = vectors_that_know_products(question, seed)
    hiding = asked_at_random(seed, hide_products=True)
    for asked in (question, hiding):
        found = asked.match_of_others(vectors, "l2")
        wanted = []
        for query in question.queries.tolist():
            own = question.categories[query]
            first = question.categories[question.gallery[ranked_places(hiding, vectors, query)[0]]]
            wanted.append(float(own == first) if own and first else np.nan)
        np.testing.assert_array_equal(found, wanted)
    plain = question.category_match(question.nearest_answers(vectors, "l2", 1))
    assert not np.array_equal(plain, question.match_of_others(vectors, "l2"), equal_nan=True)


@pytest.mark.parametrize("hide_products", [False, True])
def test_answers_at_random_are_all_that_a_query_may_see_once_each_and_then_nobody(hide_products: bool) -> None:
    question = asked_at_random(0, hide_products=hide_products)
    found = question.random_answers(30)
    assert np.isnan(found.distances).all()
    assert found.distances.shape == (20, 30)
    for position, query in enumerate(question.queries.tolist()):
        places = seen_by(question, query)
        assert sorted(found.indices[position, : len(places)].tolist()) == places
        assert (found.indices[position, len(places) :] == -1).all()
    few = question.random_answers(4)
    assert np.array_equal(few.indices, found.indices[:, :4])


def test_every_seed_draws_anew_and_each_candidate_comes_first_as_often_as_any_other() -> None:
    question = asked_at_random(1)
    draws = np.stack([question.random_answers(1, seed=seed).top for seed in range(800)])
    for position, query in enumerate(question.queries.tolist()):
        places = seen_by(question, query)
        counts = np.bincount(draws[:, position], minlength=25)
        assert np.flatnonzero(counts).tolist() == places
        assert counts[places] == pytest.approx(800 / len(places), abs=6 * np.sqrt(800 / len(places)))


def test_the_first_seed_is_what_nothing_said_means() -> None:
    question = asked_at_random(2)
    assert np.array_equal(question.random_answers(5).indices, question.random_answers(5, seed=0).indices)
    assert not np.array_equal(question.random_answers(5).indices, question.random_answers(5, seed=1).indices)


@pytest.mark.parametrize("seed", SEEDS)
def test_queries_are_of_one_cluster_where_they_are_of_one_product_and_of_none_else(seed: int) -> None:
    question = asked_at_random(seed)
    clusters = question.product_clusters()
    assert clusters is not None
    assert clusters.shape == question.queries.shape
    names = [question.products[row] for row in question.queries.tolist()]
    for one in range(20):
        for other in range(one):
            is_together = names[one] is not None and names[one] == names[other]
            assert (clusters[one] == clusters[other]) == is_together


def test_who_asks_tells_of_clusters_and_who_answers_does_not() -> None:
    unknown = Question(np.arange(2), np.arange(2, 4), [None] * 4, [None, "", "p", "p"])
    assert unknown.product_clusters() is None
    known = Question(np.arange(2, 4), np.arange(2), [None] * 4, [None, "", "p", "p"])
    assert known.product_clusters() is not None


def test_without_numbers_of_pictures_only_the_query_itself_is_no_answer() -> None:
    rows = np.arange(4)
    question = Question(rows, rows, ["hat"] * 4, ["p", "p", "q", None])
    assert question.hidden_groups() == []
    assert question.relevant_answers("category").tolist() == [3, 3, 3, 3]
    assert question.relevant_answers("product").tolist() == [1, 1, 0, 0]
    hiding = Question(rows, rows, ["hat"] * 4, ["p", "p", "q", None], hide_products=True)
    assert hiding.relevant_answers("category").tolist() == [2, 2, 3, 3]
