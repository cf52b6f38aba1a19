"""Scores of lists against loops written out, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_registry.evaluate import Hits, coverage, find_hits, map_at_r, recall_at
from models_registry.neighbours import Neighbours, group_codes, nearest
from models_registry.store import Vectors


def listed(rows: list[list[int]]) -> Neighbours:
    indices = np.array(rows)
    return Neighbours(indices, np.full(indices.shape, np.nan))


def searched(seed: int, k: int) -> tuple[Neighbours, list[str | None], dict[str, object]]:
    """Thirty items that ask each other, some without a label, some hidden from each other."""
    rng = np.random.default_rng(seed)
    labels = [None if name == "?" else str(name) for name in rng.choice(["a", "b", "c", "?"], 30)]
    vectors = Vectors.from_array(rng.standard_normal((30, 3)).astype(np.float32))
    groups = [str(number) for number in rng.integers(0, 12, 30)]
    rules: dict[str, object] = {
        "query_ids": np.arange(30),
        "gallery_ids": np.arange(30),
        "hidden": [group_codes(groups, groups)],
    }
    return nearest(vectors, vectors, metric="l2", k=k, **rules), labels, {**rules, "groups": groups}  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 12))
def test_recall_and_map_are_those_of_loops_written_out(seed: int, k: int) -> None:
    found, labels, rules = searched(seed, 30)
    groups = rules.pop("groups")
    right = find_hits(found, labels, labels, **rules)  # type: ignore[arg-type]
    recall, precision = recall_at(right, k), map_at_r(right)
    for query in range(30):
        wanted = {
            row
            for row in range(30)
            if labels[query] is not None and labels[row] == labels[query] and groups[row] != groups[query]  # type: ignore[index]
        }
        if not wanted:
            assert np.isnan(recall[query])
            assert np.isnan(precision[query])
            continue
        answers = [row for row in found.indices[query].tolist() if row >= 0]
        assert recall[query] == any(row in wanted for row in answers[:k])
        total = 0.0
        for rank, row in enumerate(answers[: len(wanted)], start=1):
            if row in wanted:
                total += sum(other in wanted for other in answers[:rank]) / rank
        assert precision[query] == pytest.approx(total / len(wanted))


def test_map_at_r_by_hand() -> None:
    right = Hits(np.array([[True, False, True, True], [True, True, False, False], [False] * 4]), np.array([3, 2, 0]))
    np.testing.assert_allclose(map_at_r(right), [(1 + 2 / 3) / 3, 1.0, np.nan])
    np.testing.assert_allclose(map_at_r(right, most=1), [1.0, 1.0, np.nan])


def test_too_short_a_list_is_refused_instead_of_scored_low() -> None:
    right = Hits(np.array([[True, False]]), np.array([5]))
    with pytest.raises(ValueError, match="needs 5 neighbours"):
        map_at_r(right)
    with pytest.raises(ValueError, match="recall@10 needs 10"):
        recall_at(right, 10)


def test_labels_of_another_number_of_queries_are_refused() -> None:
    with pytest.raises(ValueError, match="2 labels do not fit"):
        find_hits(listed([[0]]), ["a", "b"], ["a"], query_ids=np.arange(2), gallery_ids=np.arange(1))


def test_coverage_is_the_share_of_the_gallery_that_answers_somebody() -> None:
    assert coverage(listed([[7], [7], [3], [-1]]), 8) == 0.25
    assert coverage(listed([[-1]]), 8) is None


def test_a_rank_that_nobody_answers_is_never_right() -> None:
    labels = ["a", "b", "c"]
    hits = find_hits(
        listed([[0, -1, -1], [-1, -1, -1], [2, -1, -1]]), labels, labels, query_ids=np.arange(3) + 9,
        gallery_ids=np.arange(3),
    )  # fmt: skip
    assert hits.right.tolist() == [[True, False, False], [False] * 3, [True, False, False]]
    assert hits.relevant.tolist() == [1, 1, 1]
    unknown = find_hits(listed([[0]]), [None], [None], query_ids=np.arange(1) + 9, gallery_ids=np.arange(1))
    assert not unknown.right.any()


def test_an_empty_gallery_answers_nothing() -> None:
    hits = find_hits(listed([[-1, -1]]), ["a"], [], query_ids=np.arange(1), gallery_ids=np.arange(0))
    assert not hits.right.any()
    assert np.isnan(recall_at(hits, 2)).all()
    assert np.isnan(map_at_r(hits)).all()
    assert coverage(listed([[0]]), 0) is None


def test_as_many_neighbours_as_are_needed_are_enough() -> None:
    right = Hits(np.array([[True, True]]), np.array([2]))
    assert recall_at(right, 2).tolist() == map_at_r(right).tolist() == [1.0]
    with pytest.raises(ValueError, match="recall@0"):
        recall_at(right, 0)


@pytest.mark.parametrize("most", [None, 1, 3, 50])
@pytest.mark.parametrize("seed", range(4))
def test_map_at_r_of_two_domains_is_that_of_loops_up_to_the_most_ranks(seed: int, most: int | None) -> None:
    """Queries that are not in the gallery, labels that the gallery lacks, and lists longer than all right answers."""
    rng = np.random.default_rng(seed)
    asking = [str(one) for one in rng.integers(0, 7, 12)]
    answering = [str(one) for one in rng.integers(2, 9, 20)]
    lists = [rng.permutation(20).tolist() for _ in range(12)]
    hits = find_hits(listed(lists), asking, answering, query_ids=np.arange(12) + 100, gallery_ids=np.arange(20))
    for query, (precision, recall) in enumerate(zip(map_at_r(hits, most=most), recall_at(hits, 2), strict=True)):
        is_right = [answering[row] == asking[query] for row in lists[query]]
        right = sum(is_right)
        assert hits.right[query].tolist() == is_right
        assert hits.relevant[query] == right
        if not right:
            assert np.isnan([precision, recall]).all()
            continue
        length = min(right, most or right)
        total = sum(sum(is_right[: rank + 1]) / (rank + 1) for rank in range(length) if is_right[rank])
        assert precision == pytest.approx(total / length)
        assert recall == any(is_right[:2])


def test_nobody_asks_and_nothing_is_scored() -> None:
    empty = Neighbours(np.zeros((0, 3), dtype=np.int64), np.zeros((0, 3)))
    hits = find_hits(empty, [], ["a"], query_ids=np.arange(0), gallery_ids=np.arange(1))
    assert hits.right.shape == (0, 3)
    assert recall_at(hits, 3).tolist() == map_at_r(hits).tolist() == []
    assert coverage(empty, 1) is None


def test_a_search_of_no_answers_scores_nothing_where_nothing_was_wanted() -> None:
    assert np.isnan(map_at_r(Hits(np.zeros((2, 0), dtype=bool), np.zeros(2, dtype=np.int64)))).all()
    with pytest.raises(ValueError, match="needs 1 neighbours per query; there are 0"):
        map_at_r(Hits(np.zeros((2, 0), dtype=bool), np.array([0, 1])))


def test_the_first_of_the_gallery_covers_it_as_any_other() -> None:
    assert coverage(listed([[0], [0], [2]]), 5) == 0.4
    assert coverage(listed([[0]]), 1) == 1.0
