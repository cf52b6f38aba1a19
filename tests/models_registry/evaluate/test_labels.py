"""Scores of neighbours: small cases by hand, the expectation against the mean of many draws."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_registry.evaluate import (
    Score,
    category_match,
    coverage,
    expected_random_match,
    hubness,
    mean_score,
    product_recall,
)
from models_registry.hash_sampling import name_words
from models_registry.neighbours import Neighbours, group_codes, random_control


def found(rows: list[list[int]]) -> Neighbours:
    indices = np.array(rows)
    return Neighbours(indices, np.where(indices < 0, np.nan, np.arange(indices.shape[1], dtype=float)))


def test_category_match_looks_at_the_first_neighbour_and_passes_over_the_unknown() -> None:
    neighbours = found([[0, 1], [1, 0], [2, 0], [0, 1], [-1, -1]])
    match = category_match(neighbours, ["dress", "dress", "dress", None, "hat"], ["dress", "hat", None])
    np.testing.assert_array_equal(match, [1.0, 0.0, np.nan, np.nan, np.nan])
    assert mean_score(match) == Score(0.5, 2)


def test_a_score_without_labels_is_none() -> None:
    match = category_match(found([[0], [1]]), [None, None], [None, None])
    assert mean_score(match) == Score(None, 0)
    assert expected_random_match([None, None], ["a", "b"], query_ids=np.arange(2), gallery_ids=np.arange(2)) == Score(
        None, 0
    )


def test_labels_of_another_number_of_queries_are_refused() -> None:
    with pytest.raises(ValueError, match="3 labels do not fit the neighbours of 2 queries"):
        category_match(found([[0], [1]]), ["a", "b", "c"], ["a", "b"])


def test_expected_match_leaves_the_query_itself_out() -> None:
    labels = ["a", "a", "a", "b"]
    ids = np.arange(4)
    expected = expected_random_match(labels, labels, query_ids=ids, gallery_ids=ids)
    assert expected.n == 4
    assert expected.value == pytest.approx((2 / 3 * 3 + 0) / 4)


@given(seed=st.integers(0, 2**32 - 1))
def test_expected_match_of_a_whole_catalogue_is_the_sum_over_categories(seed: int) -> None:
    labels = np.random.default_rng(seed).choice(["a", "b", "c", "d"], 50, p=[0.6, 0.2, 0.15, 0.05]).tolist()
    ids = np.arange(50)
    by_category = sum(labels.count(name) * (labels.count(name) - 1) for name in set(labels)) / (50 * 49)
    assert expected_random_match(labels, labels, query_ids=ids, gallery_ids=ids).value == pytest.approx(by_category)


def test_expected_match_is_what_the_control_scores_in_the_long_run() -> None:
    rng = np.random.default_rng(1)
    labels = [None if name == "?" else name for name in rng.choice(["a", "b", "c", "?"], 60, p=[0.5, 0.3, 0.1, 0.1])]
    products = [str(number) for number in rng.integers(0, 15, 60)]
    rules = [group_codes(products, products)]
    ids = np.arange(60)
    words = name_words(map(str, ids))
    draw = partial(random_control, query_ids=ids, gallery_ids=ids, query_words=words, gallery_words=words, hidden=rules)
    draws = np.array([category_match(draw(seed=seed), labels, labels) for seed in range(600)])
    expected = expected_random_match(labels, labels, query_ids=ids, gallery_ids=ids, hidden=rules)
    measured = np.nanmean(draws[:, [label is not None for label in labels]], axis=0).mean()
    error = math.sqrt(0.25 / (600 * 54))
    assert expected.value == pytest.approx(measured, abs=5 * error)


def test_product_recall_counts_queries_that_could_be_answered() -> None:
    products = ["p", "p", "q", None, "p"]
    ids = np.arange(5)
    neighbours = found([[2, 1], [0, 2], [0, 1], [0, 1], [3, 2]])
    at_1 = product_recall(neighbours, products, products, query_ids=ids, gallery_ids=ids)
    at_2 = product_recall(neighbours, products, products, query_ids=ids, gallery_ids=ids, k=2)
    np.testing.assert_array_equal(at_1, [0, 1, np.nan, np.nan, 0])
    np.testing.assert_array_equal(at_2, [1, 1, np.nan, np.nan, 0])


def test_product_recall_is_unknown_where_products_are_hidden() -> None:
    products = ["p", "p", "q", "q"]
    ids, rules = np.arange(4), [group_codes(products, products)]
    neighbours = found([[2], [3], [0], [1]])
    recall = product_recall(neighbours, products, products, query_ids=ids, gallery_ids=ids, hidden=rules)
    assert np.isnan(recall).all()


def test_hubness_is_the_share_of_the_busiest_candidate() -> None:
    assert hubness(found([[7], [7], [3], [-1], [7]])) == 0.75
    assert hubness(found([[-1]])) is None


def test_the_first_candidate_of_the_gallery_can_be_the_busiest() -> None:
    assert hubness(found([[0], [0], [0], [1]])) == 0.75
    assert coverage(found([[0], [0], [1]]), 4) == 0.5
    assert category_match(found([[0]]), ["dress"], ["dress"]).tolist() == [1.0]


def test_the_first_label_counts_as_any_other() -> None:
    ids = np.arange(2)
    assert product_recall(found([[1], [0]]), ["p", "p"], ["p", "p"], query_ids=ids, gallery_ids=ids).tolist() == [1, 1]
    expected = expected_random_match(["a"], ["b", "a"], query_ids=np.array([9]), gallery_ids=ids)
    assert expected == Score(0.5, 1)


def visible_rows(ids: tuple[np.ndarray, np.ndarray], groups: tuple[list[str], list[str]], query: int) -> list[int]:
    return [row for row in range(len(ids[1])) if ids[1][row] != ids[0][query] and groups[1][row] != groups[0][query]]


@pytest.mark.parametrize("seed", range(6))
def test_every_score_is_that_of_loops_over_queries_and_candidates(seed: int) -> None:
    """Queries and gallery share some items; labels may be missing, and lists end where nothing was found."""
    rng = np.random.default_rng(seed)
    asking, answering = 25, 18
    ids = (rng.permutation(40)[:asking], rng.permutation(40)[:answering])
    groups = ([str(one) for one in rng.integers(0, 6, asking)], [str(one) for one in rng.integers(0, 6, answering)])
    labels: list[list[str | None]] = [
        [None if one == "?" else str(one) for one in rng.choice(["a", "b", "c", "d", "?"], count)]
        for count in (asking, answering)
    ]
    rules = {"query_ids": ids[0], "gallery_ids": ids[1], "hidden": [group_codes(*groups)]}
    lists = []
    for query in range(asking):
        seen = rng.permutation(visible_rows(ids, groups, query))[: int(rng.integers(0, 7))].tolist()
        lists.append([int(row) for row in seen] + [-1] * (6 - len(seen)))
    neighbours = found(lists)

    matches, shares, recalls = [], [], {k: [] for k in (1, 2, 6)}
    for query in range(asking):
        own, seen = labels[0][query], visible_rows(ids, groups, query)
        first = labels[1][lists[query][0]] if lists[query][0] >= 0 else None
        matches.append(float(own == first) if own and first else np.nan)
        known = [labels[1][row] for row in seen if labels[1][row]]
        shares.append(known.count(own) / len(known) if own and known else np.nan)
        right = {row for row in seen if own and labels[1][row] == own}
        for k, told in recalls.items():
            told.append(float(bool(right & {*lists[query][:k]})) if right else np.nan)

    np.testing.assert_array_equal(category_match(neighbours, *labels), matches)
    expected = expected_random_match(*labels, **rules)
    assert expected.n == np.count_nonzero(~np.isnan(shares))
    assert expected.value == pytest.approx(np.nanmean(shares))
    for k, told in recalls.items():
        np.testing.assert_array_equal(product_recall(neighbours, *labels, **rules, k=k), told)
    np.testing.assert_array_equal(product_recall(neighbours, *labels, **rules), recalls[1])
    tops = [one[0] for one in lists if one[0] >= 0]
    assert hubness(neighbours) == pytest.approx(max(map(tops.count, tops)) / len(tops))
    assert coverage(neighbours, answering) == pytest.approx(len({*tops}) / answering)


def test_nobody_asks_nobody_answers() -> None:
    nobody = found([[0]])
    empty = Neighbours(nobody.indices[:0], nobody.distances[:0])
    assert category_match(empty, [], ["a"]).tolist() == []
    assert hubness(empty) is None
    ids = np.arange(1)
    assert expected_random_match([], ["a"], query_ids=ids[:0], gallery_ids=ids) == Score(None, 0)
    assert mean_score(np.array([np.nan, 2.0, 4.0])) == Score(3.0, 2)


def test_products_of_another_number_of_queries_are_refused() -> None:
    ids = np.arange(3)
    with pytest.raises(ValueError, match="3 labels do not fit the neighbours of 2 queries"):
        product_recall(found([[0], [1]]), ["a", "b", "c"], ["a", "b", "c"], query_ids=ids, gallery_ids=ids)
