"""Neighbours against a twin that compares everything with everything, in plain Python."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors

from models_registry.metrics import METRICS, Metric, exact_distances, pairwise_distances
from models_registry.neighbours import equal_rows, nearest, search
from models_registry.neighbours.cityblock import cityblock_distances, is_worth_while
from models_registry.store import Vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCIPY_NAMES = {"l1": "cityblock", "l2": "euclidean", "cosine": "cosine"}


@dataclass(frozen=True)
class Case:
    metric: Metric
    k: int
    queries: NDArray[np.float32]
    gallery: NDArray[np.float32]
    query_ids: NDArray[np.int64]
    gallery_ids: NDArray[np.int64]
    order: NDArray[np.int64]
    hidden: tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]
    query_block: int | None = None
    gallery_block: int | None = None
    lots: NDArray[np.int64] | None = None


def ask(case: Case) -> tuple[list[list[int]], list[list[float]]]:
    found = nearest(
        Vectors.from_array(case.queries),
        Vectors.from_array(case.gallery),
        metric=case.metric,
        k=case.k,
        query_ids=case.query_ids,
        gallery_ids=case.gallery_ids,
        gallery_order=case.order,
        lots=case.lots,
        hidden=case.hidden,
        query_block=case.query_block,
        gallery_block=case.gallery_block,
    )
    return found.indices.tolist(), found.distances.tolist()


def distance(metric: Metric, x: list[float], y: list[float]) -> float:
    pairs = list(zip(x, y, strict=True))
    if metric == "l1":
        return math.fsum(abs(a - b) for a, b in pairs)
    if metric == "l2":
        return math.sqrt(math.fsum((a - b) ** 2 for a, b in pairs))
    if metric == "hamming":
        return float(sum((a > 0) != (b > 0) for a, b in pairs))
    squares = math.fsum(a * a for a in x) * math.fsum(b * b for b in y)
    return 1.0 - math.fsum(a * b for a, b in pairs) / math.sqrt(squares) if squares else 1.0


def rank(case: Case, query: int, row: int) -> int:
    """What decides between equal distances: the order, or SplitMix64 of it and the query's lot."""
    number, word = int(case.order[row]), 2**64 - 1
    if case.lots is None:
        return number
    number ^= int(case.lots[query]) * 0x9E3779B97F4A7C15 & word
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 & word
    number = (number ^ number >> 27) * 0x94D049BB133111EB & word
    return number ^ number >> 31


def twin(case: Case) -> tuple[list[list[int]], list[list[float]]]:
    indices, distances = [], []
    for at, query in enumerate(case.queries.tolist()):
        rows = []
        for row, candidate in enumerate(case.gallery.tolist()):
            itself = case.query_ids[at] == case.gallery_ids[row]
            grouped = any(of_q[at] == of_g[row] != -1 for of_q, of_g in case.hidden)
            if not itself and not grouped:
                rows.append((distance(case.metric, query, candidate), rank(case, at, row), row))
        best = sorted(rows)[: case.k]
        lacking = case.k - len(best)
        indices.append([row for _, _, row in best] + [-1] * lacking)
        distances.append([value for value, _, _ in best] + [math.nan] * lacking)
    return indices, distances


def assert_same(case: Case) -> None:
    indices, distances = ask(case)
    expected_indices, expected_distances = twin(case)
    assert indices == expected_indices
    np.testing.assert_allclose(distances, expected_distances, rtol=1e-12, atol=1e-12)


@st.composite
def cases(draw: st.DrawFn, metric: Metric) -> Case:
    """Small whole numbers: many ties, equal rows and zero rows, and sums that are exact in any order."""
    dim, n, q = draw(st.integers(1, 9)), draw(st.integers(1, 40)), draw(st.integers(1, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    largest = draw(st.sampled_from([1, 2, 50]))
    kinds = rng.integers(-largest, largest + 1, (draw(st.integers(1, 20)), dim))
    if draw(st.booleans()):
        kinds = np.maximum(kinds, 0)
    few = draw(st.integers(1, 4))
    groups = (rng.integers(-1, few, q), rng.integers(-1, few, n))
    return Case(
        metric=metric,
        k=draw(st.integers(1, 45)),
        queries=kinds[rng.integers(0, len(kinds), q)].astype(np.float32),
        gallery=kinds[rng.integers(0, len(kinds), n)].astype(np.float32),
        query_ids=rng.permutation(60)[:q],
        gallery_ids=rng.permutation(60)[:n],
        order=rng.permutation(n),
        hidden=draw(st.sampled_from([(), (groups,)])),
        query_block=draw(st.one_of(st.none(), st.integers(1, q))),
        gallery_block=draw(st.one_of(st.none(), st.integers(1, n))),
        lots=draw(st.sampled_from([None, rng.integers(0, 2**31, q)])),
    )


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_neighbours_are_those_of_the_twin(metric: Metric, data: st.DataObject) -> None:
    # No spare width: ties at the edge of the shortlist, and the second passes they call for, come up all the time.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_SPARE", data.draw(st.integers(0, 2)))
        patch.setattr(search, "_SPARE_EXACT", data.draw(st.integers(0, 2)))
        patch.setattr(search, "_HIDDEN_AT_ONCE", data.draw(st.integers(0, 2)))
        assert_same(data.draw(cases(metric)))


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_equal_rows_searched_as_one_give_the_answers_of_the_twin(metric: Metric, data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # Joined before the first pass, in portions of a few members, with so few draws that more must often be had.
        patch.setattr(search, "_MANY_QUERIES", 1)
        patch.setattr(search, "seems_repetitive", lambda *_, **__: True)
        patch.setattr(search, "_SPARE", data.draw(st.integers(0, 2)))
        patch.setattr(search, "_SPARE_EXACT", data.draw(st.integers(0, 2)))
        patch.setattr(equal_rows, "_CELLS", data.draw(st.sampled_from([1, 30, 1000])))
        patch.setattr(equal_rows, "_MORE_DRAWS", data.draw(st.sampled_from([-1, 0, 8])))
        patch.setattr(equal_rows, "_SPREAD", 0)
        patch.setattr(equal_rows, "_ROUNDS", data.draw(st.integers(0, 2)))
        assert_same(data.draw(cases(metric)))


def plain(metric: Metric, vectors: NDArray[np.float32], k: int, **changes: Any) -> Case:
    ids = np.arange(len(vectors))
    return replace(Case(metric, k, vectors, vectors, ids, ids, ids, ()), **changes)


def relu_like(count: int, dim: int, seed: int = 0) -> NDArray[np.float32]:
    return np.maximum(np.random.default_rng(seed).standard_normal((count, dim)), 0).astype(np.float32)


@pytest.mark.parametrize("metric", ["l1", "l2", "cosine"])
def test_distances_are_those_of_scipy(metric: Metric) -> None:
    vectors = relu_like(300, 64)
    everything = cdist(vectors.astype(np.float64), vectors.astype(np.float64), SCIPY_NAMES[metric])
    np.fill_diagonal(everything, np.inf)
    indices, distances = ask(plain(metric, vectors, 7, gallery_block=64))
    np.testing.assert_array_equal(indices, np.argsort(everything, axis=1)[:, :7])
    np.testing.assert_allclose(distances, np.sort(everything, axis=1)[:, :7], rtol=1e-10)


def test_hamming_distances_are_whole_numbers_of_differing_bits() -> None:
    vectors = relu_like(200, 61)
    peer = NearestNeighbors(n_neighbors=200, metric="hamming", algorithm="brute").fit(vectors > 0)
    everything = np.round(peer.kneighbors(vectors > 0)[0] * 61)[:, 1:11]  # the first column is the query itself
    _, distances = ask(plain("hamming", vectors, 10))
    np.testing.assert_array_equal(distances, everything)


@pytest.mark.parametrize("metric", METRICS)
def test_a_query_is_never_its_own_neighbour_among_equal_pictures(metric: Metric) -> None:
    vectors = np.repeat(relu_like(3, 16), 40, axis=0)
    indices, distances = ask(plain(metric, vectors, 5))
    assert not (np.array(indices) == np.arange(120)[:, None]).any()
    np.testing.assert_allclose(distances, 0.0, atol=1e-15)
    assert indices[0] == [1, 2, 3, 4, 5]
    assert indices[2] == [0, 1, 3, 4, 5]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("lots", [None, np.arange(900) + 5])
@pytest.mark.parametrize("gallery", ["all equal", "half equal", "one in twenty equal", "thirty kinds", "half zero"])
@pytest.mark.parametrize("is_seen_beforehand", [True, False])
def test_a_gallery_full_of_equal_rows_is_measured_no_more_than_one_of_different_rows(
    metric: Metric,
    lots: NDArray[np.int64] | None,
    gallery: str,
    is_seen_beforehand: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vectors, rng = relu_like(900, 20), np.random.default_rng(4)
    if gallery == "thirty kinds":
        vectors = vectors[rng.integers(0, 30, 900)]
    elif gallery == "half zero":
        vectors[::2] = 0
    else:
        vectors[rng.permutation(900)[: {"a": 900, "h": 450, "o": 45}[gallery[0]]]] = vectors[0]
    measured = list[int]()

    def counting(metric: Metric, query: NDArray[np.float32], rows: NDArray[np.float32]) -> NDArray[np.float64]:
        measured.append(len(rows))
        return exact_distances(metric, query, rows)

    monkeypatch.setattr(search, "exact_distances", counting)
    monkeypatch.setattr(search, "seems_repetitive", lambda *_, **__: is_seen_beforehand)
    found = ask(plain(metric, vectors, 10, lots=lots))[0]
    # A shortlist of 26 and another one; all of the gallery would be 900 for each of the equal rows.
    assert sum(measured) <= 900 * 80
    everything = pairwise_distances(metric, vectors, vectors)
    np.fill_diagonal(everything, np.inf)
    ranks = np.broadcast_to(np.arange(900), (900, 900)).copy()
    order = ranks if lots is None else equal_rows.draw_lots(lots, ranks)
    np.testing.assert_array_equal(found, np.lexsort((order, everything), axis=1)[:, :10])


@pytest.mark.parametrize("by_bits", [False, True])
def test_rows_are_joined_where_they_are_equal_and_only_there(by_bits: bool) -> None:
    rng = np.random.default_rng(8)
    # A giant component rounds away what the others add to the projection: keys meet of rows that differ.
    rows = np.hstack([np.full((400, 1), 1e12), rng.integers(-1, 2, (400, 6))]).astype(np.float32)
    rows[:, 1:][rows[:, 1:] == 0] = -0.0
    leads = equal_rows.leads_of(Vectors.from_array(rows), by_bits=by_bits)
    compared = rows > 0 if by_bits else rows
    np.testing.assert_array_equal(compared[leads], compared)
    assert (leads <= np.arange(400)).all()
    assert len(np.unique(leads)) < 400
    kinds = Vectors.from_array(rows[:5][rng.integers(0, 5, 300)])
    assert len(np.unique(equal_rows.leads_of(kinds, by_bits=by_bits))) == len(np.unique(compared[:5], axis=0))
    few = equal_rows.leads_of(Vectors.from_array(rows[:, 1:]), by_bits=by_bits)
    assert len(np.unique(few)) == len(np.unique(compared[:, 1:], axis=0))


@pytest.mark.parametrize("metric", METRICS)
def test_equal_distances_are_ordered_by_the_given_rank(metric: Metric) -> None:
    vectors = np.repeat(relu_like(1, 32), 300, axis=0)
    assert ask(plain(metric, vectors, 3, order=np.arange(300)[::-1]))[0][0] == [299, 298, 297]


@pytest.mark.parametrize("metric", METRICS)
def test_a_group_that_fills_most_of_the_gallery_is_passed_over(metric: Metric) -> None:
    vectors = relu_like(500, 24)
    groups = np.where(np.arange(500) < 480, 7, -1)
    three = {"queries": vectors[:3], "query_ids": np.arange(3), "hidden": ((groups[:3], groups),)}
    assert_same(plain(metric, vectors, 30, **three))


@pytest.mark.parametrize("metric", METRICS)
def test_a_query_from_which_everything_is_hidden_has_no_neighbours(metric: Metric) -> None:
    same = np.zeros(9, dtype=np.int64)
    indices, distances = ask(plain(metric, relu_like(9, 4), 2, hidden=((same, same),)))
    assert indices == [[-1, -1]] * 9
    assert np.isnan(distances).all()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("offset", "spread"), [(1000.0, 1e-3), (0.0, 1e-12), (0.0, 1e12), (1.0, 1e-7)])
def test_float32_rounding_does_not_change_the_answer(metric: Metric, offset: float, spread: float) -> None:
    rng = np.random.default_rng(5)
    vectors = (offset + spread * rng.standard_normal((400, 96))).astype(np.float32)
    everything = pairwise_distances(metric, vectors, vectors)
    np.fill_diagonal(everything, np.inf)
    nearest_first = np.lexsort((np.broadcast_to(np.arange(400), everything.shape), everything), axis=1)[:, :8]
    indices, distances = ask(plain(metric, vectors, 8, gallery_block=130))
    np.testing.assert_array_equal(indices, nearest_first)
    np.testing.assert_array_equal(distances, np.take_along_axis(everything, nearest_first, axis=1))


@pytest.mark.parametrize("metric", METRICS)
def test_one_giant_among_the_vectors_changes_no_other_answer(metric: Metric) -> None:
    vectors = relu_like(200, 48)
    with_giant = np.vstack([vectors, np.full((1, 48), 1e14, dtype=np.float32)])
    before, after = plain(metric, vectors, 4, order=np.arange(200)), plain(metric, with_giant, 4)
    if metric in ("l1", "l2"):
        assert ask(after)[0][:200] == ask(before)[0]
    assert_same(replace(after, queries=vectors[:20], query_ids=np.arange(20)))


def test_a_zero_vector_is_at_cosine_distance_one_from_everything() -> None:
    vectors = np.vstack([np.zeros((2, 8)), relu_like(5, 8)]).astype(np.float32)
    assert ask(plain("cosine", vectors, 6))[1][0] == [1.0] * 6


def test_progress_ends_at_the_whole_work() -> None:
    vectors = Vectors.from_array(relu_like(50, 8))
    ids, seen = np.arange(50), list[tuple[int, int]]()
    nearest(
        vectors,
        vectors,
        metric="l2",
        k=3,
        query_ids=ids,
        gallery_ids=ids,
        query_block=20,
        gallery_block=30,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(30, 150), (50, 150), (80, 150), (100, 150), (130, 150), (150, 150)]


def test_an_empty_gallery_gives_nobody_a_neighbour() -> None:
    case = plain("l2", relu_like(3, 4), 2)
    empty = np.zeros(0, dtype=np.int64)
    nothing = np.zeros((0, 4), dtype=np.float32)
    assert ask(replace(case, gallery=nothing, gallery_ids=empty, order=empty))[0] == [[-1, -1]] * 3
    assert ask(replace(case, queries=nothing, query_ids=empty))[0] == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metric": "manhattan"}, "Unknown metric 'manhattan'; choose one of l1, l2, cosine, hamming"),
        ({"k": 0}, "at least 1"),
        ({"queries": relu_like(6, 3)}, "Queries have 3 components and the gallery 4"),
        ({"query_ids": np.arange(5)}, "one id per query"),
        ({"order": np.arange(5)}, "one order per gallery row"),
        ({"hidden": ((np.arange(6), np.arange(5)),)}, "one number per query and one per gallery row"),
    ],
)
def test_a_question_that_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ask(replace(plain("l2", relu_like(6, 4), 2), **changes))


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_path_of_a_gpu_gives_the_same_answers(metric: Metric, data: st.DataObject) -> None:
    """Its logic, on torch's processor device: no machine with a GPU is needed."""
    case = data.draw(cases(metric))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_SPARE", 0)
        patch.setattr(search, "_SPARE_EXACT", 0)
        patch.setattr(search, "_kernel_for_search", partial(_on_torch, search.kernel_for))
        assert_same(case)


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_a_gpu_s_rounding_far_from_the_origin_hides_no_neighbour(metric: Metric) -> None:
    near = 1000 + np.random.default_rng(3).normal(0, 0.01, (120, 64)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_kernel_for_search", partial(_on_torch, search.kernel_for))
        assert_same(plain(metric, near, 5))


def _on_torch(kernel_for, metric, queries, gallery, threads, device):  # type: ignore[no-untyped-def]
    from models_registry.neighbours.gpu_kernels import _OnDevice

    return _OnDevice(kernel_for(metric, gallery.dim, threads), metric, torch.device("cpu"))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_compiled_kernel_gives_the_same_answers(data: st.DataObject) -> None:
    case = data.draw(cases("l1"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "is_worth_while", lambda *_: True)
        patch.setattr(search, "_SPARE", 0)
        assert_same(case)


@pytest.mark.parametrize(("queries", "rows", "dim"), [(1, 1, 1), (3, 5, 7), (67, 9, 1030), (130, 22, 2050)])
def test_compiled_distances_are_those_of_a_plain_sum(queries: int, rows: int, dim: int) -> None:
    rng = np.random.default_rng(queries)
    x = rng.standard_normal((queries, dim), dtype=np.float32)
    y = rng.standard_normal((rows, dim), dtype=np.float32)
    y.flags.writeable = False
    distances = np.full((queries, rows), np.nan, dtype=np.float32)
    cityblock_distances(x, y, distances)
    np.testing.assert_allclose(distances, cdist(x, y, "cityblock"), rtol=1e-5)


def test_only_a_large_search_is_worth_compiling_for_and_any_once_that_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = lru_cache(lambda: "compiled")
    monkeypatch.setattr("models_registry.neighbours.cityblock.compile_once", compiled)
    assert not is_worth_while(100, 100, 100)
    assert is_worth_while(1_000, 20_000, 4_096)
    compiled()
    assert is_worth_while(100, 100, 100)
