"""The distances against scipy, and the cases where definitions differ."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from models_registry.index.vector_spaces import SPACE_OF
from models_registry.metrics import METRICS, Metric, exact_distances, is_metric, pairwise_distances, sign_bits
from models_registry.neighbours.metric_kernels import kernel_for


def random_vectors(count: int, dim: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)


@pytest.mark.parametrize(("metric", "peer"), [("l1", "cityblock"), ("l2", "euclidean"), ("cosine", "cosine")])
def test_distances_are_those_of_scipy(metric: Metric, peer: str) -> None:
    queries, rows = random_vectors(5, 33), random_vectors(40, 33, seed=1)
    expected = cdist(queries.astype(np.float64), rows.astype(np.float64), peer)
    np.testing.assert_allclose(pairwise_distances(metric, queries, rows), expected, rtol=1e-12)


def test_hamming_counts_differing_bits() -> None:
    query = np.array([1, -1, 0, 2], dtype=np.float32)
    rows = np.array([[1, -1, 0, 2], [3, 0, -5, 1], [-1, 1, 1, -2], [0, 0, 0, 0]], dtype=np.float32)
    assert exact_distances("hamming", query, rows).tolist() == [0, 0, 4, 2]


def test_a_zero_vector_has_no_direction() -> None:
    rows = np.array([[0, 0], [1, 0]], dtype=np.float32)
    assert pairwise_distances("cosine", rows, rows).tolist() == [[1, 1], [1, 0]]


@pytest.mark.parametrize("metric", METRICS)
@given(seed=st.integers(0, 2**32 - 1), dim=st.integers(1, 300), count=st.integers(1, 70))
def test_equal_rows_get_equal_distances_whatever_is_around_them(
    metric: Metric, seed: int, dim: int, count: int
) -> None:
    rows = random_vectors(count, dim, seed)
    rows[-1] = rows[0]
    query = random_vectors(1, dim, seed + 1)[0]
    together = exact_distances(metric, query, rows)
    assert together[0] == together[-1]
    assert together[0] == exact_distances(metric, query, rows[:1])[0]
    assert exact_distances(metric, rows[0], rows)[0] == 0.0


@given(seed=st.integers(0, 2**32 - 1), dim=st.integers(1, 40))
def test_bits_are_the_same_before_and_behind_a_relu(seed: int, dim: int) -> None:
    before = np.random.default_rng(seed).integers(-2, 3, (6, dim)).astype(np.float32)
    np.testing.assert_array_equal(sign_bits(before), sign_bits(np.maximum(before, 0)))


def test_bits_are_taken_from_values_that_half_precision_would_lose() -> None:
    assert sign_bits(np.array([[1e-9, 0.0, -0.0, -1e-9, 1.0]], dtype=np.float32)).tolist() == [[0b10001000]]


def test_metrics_have_names() -> None:
    assert [is_metric(name) for name in (*METRICS, "euclid")] == [True, True, True, True, False]


def test_every_metric_has_its_search_and_its_space() -> None:
    assert {*SPACE_OF} == {*METRICS}
    for metric in METRICS:
        assert kernel_for(metric, 8, 1).dim == 8
        assert kernel_for(metric, 8, 1, compiled=True).dim == 8
