"""Maps keep together what belongs together."""

from __future__ import annotations

import numpy as np
import pytest

from models_registry.projection import LEAST, tsne


def clusters(each: int = 25, kinds: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((kinds, 40)) * 4
    kind = np.repeat(np.arange(kinds), each)
    return (centres[kind] + rng.standard_normal((len(kind), 40))).astype(np.float32), kind


def purity(points: np.ndarray, kind: np.ndarray) -> float:
    """How often a point's nearest neighbour on the map is of its own kind."""
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return float((kind[distances.argmin(axis=1)] == kind).mean())


def test_neighbours_in_space_are_neighbours_on_the_map() -> None:
    vectors, kind = clusters()
    points = tsne(vectors)
    assert points.shape == (100, 2)
    assert np.abs(points).max() == pytest.approx(1)
    assert purity(points, kind) > 0.95
    assert purity(np.random.default_rng(1).random((100, 2)), kind) < 0.5


def test_the_same_seed_draws_the_same_map() -> None:
    vectors, _ = clusters(each=5)
    np.testing.assert_array_equal(tsne(vectors, seed=3), tsne(vectors, seed=3))


def test_lengths_of_vectors_do_not_matter() -> None:
    vectors, kind = clusters(each=12)
    longer = vectors * np.random.default_rng(2).uniform(0.1, 10, (48, 1)).astype(np.float32)
    assert purity(tsne(longer), kind) > 0.9


def test_equal_vectors_and_few_of_them_are_no_error() -> None:
    np.testing.assert_array_equal(tsne(np.ones((LEAST, 5), dtype=np.float32)), np.zeros((LEAST, 2)))
    assert np.isfinite(tsne(np.random.default_rng(0).random((LEAST, 3), dtype=np.float32))).all()


@pytest.mark.parametrize("count", [LEAST - 1, 5001])
def test_too_few_and_too_many_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="between 10 and 5,000"):
        tsne(np.ones((count, 2), dtype=np.float32))


def test_vectors_that_are_not_finite_are_refused() -> None:
    vectors, _ = clusters(each=5)
    vectors[0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        tsne(vectors)
