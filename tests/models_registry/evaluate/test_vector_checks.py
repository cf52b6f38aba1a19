"""Vectors that cannot tell pictures apart are noticed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy

from models_registry.evaluate.vector_checks import describe_vectors


def test_ordinary_vectors_pass_without_a_word() -> None:
    vectors = np.random.default_rng(0).standard_normal((50, 20)).astype(np.float32)

    stats = describe_vectors(vectors)

    assert (stats.count, stats.dim, stats.finite, stats.warnings) == (50, 20, True, ())
    assert (stats.constant_dims, stats.zero_vectors) == (0, 0)


def test_the_bit_entropy_is_that_of_scipy() -> None:
    vectors = np.maximum(np.random.default_rng(1).standard_normal((40, 30)) - 0.7, 0).astype(np.float32)
    shares = (vectors > 0).mean(axis=0)

    expected = np.mean([entropy([share, 1 - share], base=2) for share in shares])

    assert describe_vectors(vectors).bit_entropy == pytest.approx(expected)


def test_equal_vectors_are_reported() -> None:
    stats = describe_vectors(np.tile(np.array([1.0, 0.0, 2.0], dtype=np.float32), (5, 1)))

    assert (stats.constant_dims, stats.bit_entropy) == (3, 0)
    assert "All vectors are equal" in stats.warnings[0]


def test_vectors_that_are_positive_everywhere_are_useless_for_hamming() -> None:
    stats = describe_vectors(np.random.default_rng(2).random((20, 10), dtype=np.float32) + 1)

    assert stats.bit_entropy == 0
    assert "hamming" in stats.warnings[0]


def test_nan_and_zero_vectors_are_reported() -> None:
    vectors = np.random.default_rng(3).standard_normal((6, 4)).astype(np.float32)
    vectors[2] = 0
    vectors[4, 1] = np.nan

    stats = describe_vectors(vectors)

    assert (stats.finite, stats.zero_vectors) == (False, 1)
    assert len(stats.warnings) == 2


def test_one_vector_or_none_is_no_ground_for_alarm_about_equality() -> None:
    assert describe_vectors(np.ones((1, 4), dtype=np.float32)).warnings == ()
    assert describe_vectors(np.ones((0, 4), dtype=np.float32)).warnings == ("There are no vectors.",)


@pytest.mark.parametrize(("dims_with_a_bit", "is_warned"), [(1, False), (0, True)])
def test_bits_that_hardly_differ_are_warned_of_and_those_that_do_a_little_are_not(
    dims_with_a_bit: int, is_warned: bool
) -> None:
    """One bit of nineteen is 0.053 bits a dimension, and one of twenty-one 0.048."""
    for dims, wanted in ((19, is_warned), (21, True)):
        vectors = np.random.default_rng(2).random((20, dims), dtype=np.float32) + 1
        vectors[:10, :dims_with_a_bit] *= -1
        assert any("hamming" in line for line in describe_vectors(vectors).warnings) == wanted


def test_a_dimension_that_never_varies_is_counted_and_no_alarm() -> None:
    vectors = np.random.default_rng(3).standard_normal((50, 4)).astype(np.float32)
    vectors[:, 2] = 7
    stats = describe_vectors(vectors)
    assert (stats.constant_dims, stats.warnings) == (1, ())


def test_two_equal_vectors_are_ground_for_alarm() -> None:
    assert "All vectors are equal" in describe_vectors(np.ones((2, 4), dtype=np.float32)).warnings[0]
    assert describe_vectors(np.zeros((1, 4), dtype=np.float32)).warnings == (
        "1 of 1 vectors are all zeros: cosine is not defined for them.",
    )


def test_no_vectors_hold_no_value_that_is_no_number() -> None:
    stats = describe_vectors(np.ones((0, 4), dtype=np.float32))
    assert (stats.count, stats.dim, stats.finite, stats.constant_dims, stats.zero_vectors) == (0, 4, True, 0, 0)
    assert stats.bit_entropy == 0


@pytest.mark.parametrize("seed", range(8))
def test_every_number_is_that_of_loops_over_rows_and_dimensions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count, dim = int(rng.integers(1, 9)), int(rng.integers(1, 7))
    vectors = rng.choice([-1.0, 0.0, 0.5, 2.0], (count, dim), p=[0.2, 0.4, 0.2, 0.2]).astype(np.float32)
    vectors[:, rng.integers(dim)] = rng.choice([-1.0, 0.0, 1.0])
    vectors[rng.integers(count)] *= rng.choice([0, 1])
    entropies = []
    for column in vectors.T.tolist():
        share = sum(value > 0 for value in column) / count
        entropies.append(-sum(part * np.log2(part) for part in (share, 1 - share) if part))
    stats = describe_vectors(vectors)
    assert (stats.count, stats.dim, stats.finite) == (count, dim, True)
    assert stats.constant_dims == sum(len(set(column)) == 1 for column in vectors.T.tolist())
    assert stats.zero_vectors == sum(not any(row) for row in vectors.tolist())
    assert stats.bit_entropy == pytest.approx(np.mean(entropies))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_single_value_that_is_no_number_is_told_of_first(value: float) -> None:
    vectors = np.random.default_rng(5).standard_normal((30, 6)).astype(np.float32)
    vectors[29, 5] = value
    stats = describe_vectors(vectors)
    assert not stats.finite
    assert stats.warnings == ("Some values are NaN or infinity: no distance to them means anything.",)


def test_equal_vectors_are_told_of_once_and_blank_ones_twice() -> None:
    assert len(describe_vectors(np.full((4, 3), 2, dtype=np.float32)).warnings) == 1
    equal, blank = describe_vectors(np.zeros((4, 3), dtype=np.float32)).warnings
    assert "All vectors are equal" in equal
    assert blank == "4 of 4 vectors are all zeros: cosine is not defined for them."


def test_a_zero_bit_is_not_set() -> None:
    """Half the values are 0 and half are positive: one bit a dimension; 0 and negative ones: none."""
    signs = np.array([[0.0, 0.0], [1.0, -1.0]], dtype=np.float32)
    assert describe_vectors(signs).bit_entropy == 0.5


def test_a_twentieth_of_a_bit_is_just_enough() -> None:
    """Of two pictures one dimension in twenty has a bit of its own, which makes 0.05 bits; of 21 it is less."""
    for dims, is_warned in ((20, False), (21, True)):
        pair = np.stack([np.full(dims, 1), np.full(dims, 2)]).astype(np.float32)
        pair[0, 0] = -1
        stats = describe_vectors(pair)
        assert stats.bit_entropy == 1 / dims
        assert any("hamming" in line for line in stats.warnings) == is_warned
