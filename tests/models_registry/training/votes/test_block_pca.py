"""Blocks against a peer's principal components, and the one linear map that they are all together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from models_registry.training.votes.block_pca import LABELS, LENGTH, Basis, basis_of
from models_registry.training.votes.class_guesses import ClassGuesses
from models_registry.training.votes.vote_data import Span

Floats32 = NDArray[np.float32]


def _vectors(items: int, width: int, seed: int = 0) -> Floats32:
    """Directions of different spread, around a mean that is not zero."""
    rng = np.random.default_rng(seed)
    mixed = (rng.normal(size=(items, width)) * 0.7 ** np.arange(width)) @ rng.normal(size=(width, width))
    return (mixed + 5).astype(np.float32)


def _rows_by_a_peer(vectors: Floats32, spans: Sequence[Span], directions: int) -> NDArray[np.float64]:
    blocks = []
    for span in spans:
        part = vectors[:, span.start : span.stop].astype(np.float64)
        most = min(directions, span.stop - span.start, len(vectors) - 1)
        scores = PCA(most, svd_solver="full").fit_transform(part)
        blocks.append(scores / np.sqrt(np.mean(np.sum(scores**2, axis=1))))
    return np.concatenate(blocks, axis=1)


@pytest.mark.parametrize("items", [60, 9, 6])
def test_blocks_are_a_peers_principal_components_at_mean_square_length_one(items: int) -> None:
    """Of more items than numbers, of fewer, and of one span of each kind."""
    vectors = _vectors(items, 15)
    spans = [Span("wide", 0, 9), Span("narrow", 9, 15)]
    basis = basis_of(vectors, spans, directions=4)
    rows = basis.rows_of_vectors(vectors)
    expected = _rows_by_a_peer(vectors, spans, 4)
    assert basis.names == ("wide", "narrow")
    assert basis.block_of.tolist() == [0] * 4 + [1] * 4
    signs = np.sign(np.sum(rows * expected, axis=0))
    assert rows * signs == pytest.approx(expected, abs=2e-4)
    assert basis.linear_blocks(vectors) == pytest.approx(rows)


def test_where_nothing_varies_there_is_no_block_and_a_direction_that_repeats_others_is_left_out() -> None:
    vectors = _vectors(30, 9)
    vectors[:, 3:5] = 7
    vectors[:, 7:] = vectors[:, 5:7]
    spans = [Span("flat", 3, 5), Span("plain", 0, 3), Span("twice", 5, 9), Span("empty", 9, 9)]
    basis = basis_of(vectors, spans, directions=8)
    assert basis.names == ("plain", "twice")
    assert basis.block_of.tolist() == [0, 0, 0, 1, 1]
    assert np.isfinite(basis.to_block).all()


@pytest.mark.parametrize(("share", "kept"), [(1.4e-9, 2), (0.7e-9, 1)])
def test_a_direction_is_left_out_below_a_billionth_of_the_first(share: float, kept: int) -> None:
    vectors = np.tile([[1, 1], [1, -1], [-1, 1], [-1, -1]], (5, 1)) * np.array([1, np.sqrt(share)])
    basis = basis_of(vectors.astype(np.float32), [Span("all", 0, 2)], directions=2)
    assert len(basis.to_block) == kept


@pytest.mark.parametrize("size", [1e-7, 1.0, 1e6])
def test_an_encoder_of_small_numbers_makes_the_same_block_as_one_of_large_ones(size: float) -> None:
    plain = _vectors(40, 5)
    spans = [Span("all", 0, 5)]
    scaled = (plain * np.float32(size)).astype(np.float32)
    found = basis_of(scaled, spans, directions=3).rows_of_vectors(scaled)
    assert np.abs(found) == pytest.approx(np.abs(basis_of(plain, spans, directions=3).rows_of_vectors(plain)), abs=1e-3)


def test_of_more_than_2000_items_a_draw_gives_the_directions_and_the_seed_decides_which() -> None:
    vectors = _vectors(2001, 3)
    spans = [Span("all", 0, 3)]
    left_out = []
    for seeds in ({}, {"seed": 0}, {"seed": 1}):
        rows = basis_of(vectors, spans, directions=3, **seeds).rows_of_vectors(vectors).astype(np.float64)
        squares = np.sum(rows**2, axis=1)
        # The others have mean square length 1.
        gaps = np.abs(squares.sum() - squares - 2000)
        assert gaps.min() < 2e-3
        left_out.append(int(gaps.argmin()))
    assert left_out[0] == left_out[1] != left_out[2]
    fewer = basis_of(vectors[:2000], spans, directions=3).rows_of_vectors(vectors[:2000])
    assert np.sum(fewer.astype(np.float64) ** 2) == pytest.approx(2000, rel=1e-6)


def _guesses() -> ClassGuesses:
    rng = np.random.default_rng(2)
    return ClassGuesses(
        ("coat", "hat"),
        rng.normal(size=(2, 5)).astype(np.float32),
        rng.normal(size=2).astype(np.float32),
        np.array([0.7, 0.3], dtype=np.float32),
        0.25,
    )


def _bases() -> list[Basis]:
    plain = basis_of(_vectors(40, 6), [Span("one", 0, 4), Span("other", 4, 6)], directions=3)
    return [plain, plain.with_guesses(_guesses()), plain.with_length(), plain.with_guesses(_guesses()).with_length()]


def test_blocks_of_labels_and_length_follow_the_encoders() -> None:
    assert [basis.names[2:] for basis in _bases()] == [(), (LABELS,), (LENGTH,), (LABELS, LENGTH)]
    assert [basis.block_of.tolist()[5:] for basis in _bases()] == [[], [2, 2], [2], [2, 2, 3]]
    vectors = _vectors(40, 6)
    _, guessed, long, both = (basis.rows_of_vectors(vectors) for basis in _bases())
    chances = _guesses().class_chances(guessed[:, :5])
    assert guessed[:, 5:] == pytest.approx((chances - [0.7, 0.3]) / 0.25, abs=1e-5)
    assert long[:, 5:].tolist() == [[1.0]] * 40
    np.testing.assert_array_equal(both, np.concatenate([guessed, long[:, 5:]], axis=1))


def test_chances_make_no_block_where_there_are_no_guesses() -> None:
    linear = np.ones((3, 5), dtype=np.float32)
    np.testing.assert_array_equal(_bases()[0].block_rows(linear, np.ones((3, 2), dtype=np.float32)), linear)


@pytest.mark.parametrize("number", range(4))
def test_a_map_of_rows_is_one_layer_over_linear_blocks_and_chances(number: int) -> None:
    basis, vectors = _bases()[number], _vectors(40, 6)
    rows = basis.rows_of_vectors(vectors)
    head = np.random.default_rng(3).normal(size=(rows.shape[1], 4)).astype(np.float32)
    weight, bias = basis.map_over_blocks(head)
    under = basis.linear_blocks(vectors)
    if basis.guesses is not None:
        under = np.concatenate([under, basis.guesses.class_chances(under)], axis=1)
    assert under @ weight.T + bias == pytest.approx(rows @ head, abs=1e-4)
    assert weight.dtype == bias.dtype == np.float32
