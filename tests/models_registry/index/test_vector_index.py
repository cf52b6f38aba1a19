"""An index against a dictionary of items that is searched by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_registry.metrics import METRICS, Metric
from tests.models_registry.index.gallery import by_hand, families, index_of

DIM = 6


@pytest.mark.parametrize("metric", METRICS)
def test_answers_are_the_nearest_items_with_their_canonical_distances(metric: Metric) -> None:
    vectors = families(200, DIM)
    index = index_of(vectors, ids=np.arange(200) * 3)
    query = families(1, DIM, seed=9)[0]
    found = index.search(query, metric=metric, k=7)
    assert (found.ids[0].tolist(), found.distances[0].tolist()) == by_hand(
        metric, query, {3 * at: row for at, row in enumerate(vectors)}, 7
    )


def test_there_are_never_more_answers_than_rows_and_the_rest_is_empty() -> None:
    found = index_of(families(3, DIM)).search(families(2, DIM, seed=1), metric="l2", k=5)
    assert (found.ids[:, 3:] == -1).all()
    assert np.isnan(found.distances[:, 3:]).all()
    assert sorted(found.ids[0, :3].tolist()) == [0, 1, 2]


def test_an_empty_index_answers_with_nothing_and_takes_rows() -> None:
    index = index_of(np.empty((0, DIM), np.float32))
    assert index.search(np.ones(DIM), metric="l2", k=2).ids.tolist() == [[-1, -1]]
    grown = index.with_rows([5], np.ones((1, DIM)))
    assert grown.search(np.ones(DIM), metric="l2", k=2).ids.tolist() == [[5, -1]]
    assert len(grown.without_rows([5])) == 0


def test_a_replaced_item_is_found_by_its_new_picture_only() -> None:
    vectors = families(50, DIM)
    index = index_of(vectors).with_rows([7], vectors[:1] + 100)
    assert index.search(vectors[0] + 100, metric="l2", k=1).ids.tolist() == [[7]]
    found = index.search(vectors[7], metric="l2", k=50)
    assert found.ids[0].tolist().count(7) == 1
    assert found.distances[0][found.ids[0] == 7] > 100


def test_a_snapshot_stays_as_it_was_when_changes_come() -> None:
    vectors = families(30, DIM)
    before = index_of(vectors).with_rows([100], vectors[:1])
    one, other = before.with_rows([101], vectors[1:2]), before.with_rows([102], vectors[2:3]).without_rows([100])
    assert before.search(vectors[1], metric="l2", k=31).ids[0].tolist().count(101) == 0
    assert set(one.search(vectors[0], metric="l2", k=40).ids[0].tolist()) == {*range(30), 100, 101, -1}
    assert set(other.search(vectors[0], metric="l2", k=40).ids[0].tolist()) == {*range(30), 102, -1}
    assert one.search(vectors[1], metric="l2", k=2).distances[0].tolist() == [0, 0]
    assert other.search(vectors[2], metric="l2", k=2).distances[0].tolist() == [0, 0]


def test_an_item_never_answers_itself_nor_with_its_own_product() -> None:
    vectors = families(40, DIM)
    index = index_of(vectors, labels={"product": [f"p{at // 2}" for at in range(40)]})
    alone = index.search(vectors[4], metric="l2", k=40, query_ids=[4]).ids[0].tolist()
    assert 4 not in alone
    assert 5 in alone
    others = index.search(vectors[4], metric="l2", k=40, query_ids=[4], hide_same={"product": ["p2"]}).ids[0].tolist()
    assert sorted(others) == [-1, -1, *(at for at in range(40) if at not in {4, 5})]


def test_answers_collapse_to_the_nearest_row_of_each_product() -> None:
    vectors = families(60, DIM)
    products: list[str | None] = [f"p{at % 6}" for at in range(58)] + [None, None]
    index = index_of(vectors, labels={"product": products})
    found = index.search(vectors[0], metric="l2", k=8, one_per="product")
    seen = [products[item] or item for item in found.ids[0].tolist()]
    assert len(set(seen)) == 8  # six products, and two items of none
    everything = index.search(vectors[0], metric="l2", k=60).ids[0].tolist()
    assert found.ids[0].tolist() == [
        item
        for at, item in enumerate(everything)
        if products[item] not in [products[o] for o in everything[:at]] or not products[item]
    ]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("allowed", [3, 40, 2_500])
def test_one_question_and_many_at_once_get_the_same_answers(metric: Metric, allowed: int) -> None:
    """One by one, few rows are compared by themselves; many questions go through a search of everything."""
    vectors = families(4_000)
    index = index_of(vectors[:3_000]).with_rows(np.arange(3_000, 4_000), vectors[3_000:]).without_rows([7, 3_500])
    mask = np.zeros(4_000, dtype=np.bool_)
    mask[np.random.default_rng(1).permutation(4_000)[:allowed]] = True
    asked = np.flatnonzero(mask)[:8]
    questions = vectors[asked]
    many = index.search(questions, metric=metric, k=10, allowed=mask, query_ids=asked)
    for row, (question, item) in enumerate(zip(questions, asked, strict=True)):
        one = index.search(question, metric=metric, k=10, allowed=mask, query_ids=[item])
        assert one.ids[0].tolist() == many.ids[row].tolist()
        assert one.distances[0].tolist() == pytest.approx(many.distances[row].tolist(), abs=0, nan_ok=True)


def test_filters_follow_labels_as_they_change() -> None:
    vectors = families(20, DIM)
    index = index_of(vectors, labels={"category": ["dress", "skirt"] * 10})
    relabelled = index.with_labels([1, 3, 999], {"category": ["dress", None, "hat"]})
    assert sorted(relabelled.search(vectors[0], metric="l2", k=11, filters={"category": ["dress"]}).ids[0]) == [
        *sorted([1, *range(0, 20, 2)])
    ]
    assert relabelled.search(vectors[0], metric="l2", k=1, filters={"category": ["hat"]}).ids.tolist() == [[-1]]
    assert relabelled.columns.value_counts("category", relabelled.may_answer()) == {"dress": 11, "skirt": 8}


def test_similar_items_are_of_other_products_and_diverse_on_wish() -> None:
    rng = np.random.default_rng(0)
    near = np.array([1, 0, 0, 0, 0, 0]) + 0.001 * rng.standard_normal((5, DIM))
    apart = np.array([0.9, 0.4, 0, 0, 0, 0]) + 0.001 * rng.standard_normal((5, DIM))
    vectors = np.concatenate([near, apart]).astype(np.float32)
    index = index_of(vectors, labels={"product": ["a", "a", *"bcdefghi"]})
    assert 1 not in index.similar_items(0, metric="cosine", k=9).ids[0].tolist()
    assert set(index.similar_items(0, metric="cosine", k=3).ids[0].tolist()) == {2, 3, 4}
    diverse = index.similar_items(0, metric="cosine", k=3, diversity=0.6).ids[0].tolist()
    assert set(diverse) & {5, 6, 7, 8, 9}
    assert diverse[0] == index.similar_items(0, metric="cosine", k=1).ids[0, 0]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"metric": "l2", "k": 0}, "at least 1"),
        ({"metric": "cosine", "k": 1}, "does not serve cosine; it serves l1, l2"),
        ({"metric": "l2", "k": 1, "allowed": np.ones(3, bool)}, "3 places"),
        ({"metric": "l2", "k": 1, "query_ids": [1, 2]}, "one per query"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_in_words(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        index_of(families(10, DIM), metrics=["l2"]).search(np.ones(DIM), **asked)


def test_a_query_of_another_length_or_without_numbers_is_refused() -> None:
    index = index_of(families(10, DIM))
    with pytest.raises(ValueError, match="6 components, the query has 7"):
        index.search(np.ones(7), metric="l2", k=1)
    with pytest.raises(ValueError, match="NaN"):
        index.search(np.full(DIM, np.nan), metric="l2", k=1)


CHANGES = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "label", "ask"]), st.integers(0, 25), st.integers(0, 5)), max_size=30
)


@settings(max_examples=60, deadline=None)
@given(changes=CHANGES, engine=st.sampled_from(["exact"]))
def test_no_order_of_changes_leaves_a_ghost(changes: list[tuple[str, int, int]], engine: str) -> None:
    """Additions, replacements, removals and labels in any order: the answers are those of what is there now."""
    pool = families(64, DIM, seed=3)
    there = {item: pool[item] for item in range(12)}
    words: dict[int, str | None] = {item: str(item % 3) for item in there}
    index = index_of(pool[:12], engine=engine, metrics=["l2"], labels={"c": [words[item] for item in range(12)]})
    for at, (what, item, value) in enumerate(changes):
        if what == "add":
            there[item], words[item] = pool[(item + at) % 64], str(value)
            index = index.with_rows([item], there[item][None, :], {"c": [str(value)]})
        elif what == "remove":
            there.pop(item, None)
            index = index.without_rows([item])
        elif what == "label":
            words[item] = str(value)
            index = index.with_labels([item], {"c": [str(value)]})
        allowed = {key: row for key, row in there.items() if words[key] == str(value)}
        query = pool[at % 64]
        assert (
            index.search(query, metric="l2", k=3, filters={"c": [str(value)]}).ids[0].tolist()
            == (by_hand("l2", query, allowed, 3)[0] + [-1] * 3)[:3]
        )
        assert (
            index.search(query, metric="l2", k=4).ids[0].tolist() == (by_hand("l2", query, there, 4)[0] + [-1] * 4)[:4]
        )
