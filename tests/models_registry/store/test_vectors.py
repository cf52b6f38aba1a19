"""Rows gathered from many shards are the rows of one array."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_registry.store import Vectors


@given(seed=st.integers(0, 2**32 - 1), data=st.data())
def test_blocks_are_those_of_one_array(seed: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    dim = data.draw(st.integers(1, 20))
    parts = [
        rng.standard_normal((size, dim)).astype(np.float32)
        for size in data.draw(st.lists(st.integers(1, 9), max_size=9))
    ]
    parts.append(np.ones((1, dim), dtype=np.float32))
    every = np.concatenate(parts)
    places = rng.integers(0, len(every), 25) if data.draw(st.booleans()) else np.arange(len(every))
    offsets = np.cumsum([0, *map(len, parts)])
    part_of = np.searchsorted(offsets, places, side="right") - 1
    bits = [np.packbits(part > 0, axis=1) for part in parts]
    vectors = Vectors(parts, bits, part_of, places - offsets[part_of], dim)
    expected = every[places]
    start = data.draw(st.integers(0, len(expected)))
    stop = data.draw(st.integers(start, len(expected)))
    chosen = rng.integers(0, len(expected), data.draw(st.sampled_from([0, 7, 700])))
    np.testing.assert_array_equal(vectors.rows(start, stop), expected[start:stop])
    np.testing.assert_array_equal(vectors.rows(start, stop, np.empty((99, dim), np.float32)), expected[start:stop])
    np.testing.assert_array_equal(vectors.bits(start, stop), np.packbits(expected[start:stop] > 0, axis=1))
    np.testing.assert_array_equal(vectors.take(chosen), expected[chosen])
    np.testing.assert_array_equal(vectors.take_bits(chosen), np.packbits(expected[chosen] > 0, axis=1))
    assert vectors.rows(start, stop).flags.c_contiguous


def test_rows_that_lie_together_are_not_copied() -> None:
    array = np.ones((10, 3), dtype=np.float32)
    vectors = Vectors.from_array(array)
    assert np.shares_memory(vectors.rows(2, 7), array)
    assert (len(vectors), vectors.dim) == (10, 3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e16, -1e16])
def test_values_that_cannot_be_compared_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="NaN, infinity or values beyond 1e"):
        Vectors.from_array(np.array([[1.0, 2.0], [bad, 0.0]], dtype=np.float32))


@pytest.mark.parametrize("shape", [(3,), (3, 0), (1, 2, 3)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="come as"):
        Vectors.from_array(np.zeros(shape, dtype=np.float32))
