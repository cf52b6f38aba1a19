"""The histogram against counts done pixel by pixel, and that near pictures are near."""

from __future__ import annotations

import colorsys
import math

import numpy as np
import pytest

from models_registry import registry
from models_registry.encoders.descriptions.colour_histogram import DIM
from models_registry.encoders.encoder_base import Encoder

COLOURS = 12 * 4 * 4
EDGES = 4 * 4 * 8


def encoder() -> Encoder:
    loaded = registry.load(registry.describe("colour-histogram"))
    assert isinstance(loaded, Encoder)
    return loaded


def vectors_of(*pictures: np.ndarray) -> np.ndarray:
    return encoder().encode(np.stack(pictures).astype(np.float32), ["embedding"])["embedding"]


def plain(red: float, green: float, blue: float) -> np.ndarray:
    return np.tile(np.array([red, green, blue])[:, None, None], (1, 64, 64))


def stripes(axis: int, width: int = 8) -> np.ndarray:
    place = np.indices((64, 64))[axis]
    return np.tile(((place // width) % 2)[None] * 0.8 + 0.1, (3, 1, 1))


def slow_colours(picture: np.ndarray) -> np.ndarray:
    counts = np.zeros(COLOURS)
    for red, green, blue in picture.reshape(3, -1).T:
        hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
        cells = [min(int(share * bins), bins - 1) for share, bins in ((hue, 12), (saturation, 4), (value, 4))]
        counts[(cells[0] * 4 + cells[1]) * 4 + cells[2]] += 1
    return np.sqrt(counts / counts.sum())


def test_the_colours_are_counted_as_pixel_by_pixel() -> None:
    # Values off the borders of the bins, where float32 and float64 may fall on different sides.
    picture = (np.random.default_rng(2).integers(0, 199, (3, 64, 64)) + 0.37) / 211

    found = vectors_of(picture)[0, :COLOURS]

    assert np.abs((2 * found) ** 2 - slow_colours(picture) ** 2).max() <= 2 / 64**2


def test_every_block_has_its_length() -> None:
    found = vectors_of(np.random.default_rng(2).random((3, 64, 64)))[0]

    blocks = np.split(found, [COLOURS, DIM - EDGES])
    assert [float(np.linalg.norm(block)) for block in blocks] == pytest.approx([0.5, 1, 1], abs=1e-5)


def test_a_picture_of_one_colour_has_no_edges_and_no_nan() -> None:
    black, white = vectors_of(plain(0, 0, 0), plain(1, 1, 1))

    assert np.isfinite([black, white]).all()
    assert not black[-EDGES:].any()
    assert np.linalg.norm(black - white) > 1


def test_a_near_colour_is_nearer_than_a_far_one() -> None:
    red, dark_red, blue = vectors_of(plain(0.9, 0.1, 0.1), plain(0.8, 0.1, 0.1), plain(0.1, 0.1, 0.9))

    assert np.linalg.norm(red - dark_red) < np.linalg.norm(red - blue)


def test_stripes_are_told_apart_by_their_direction_but_not_by_their_sense() -> None:
    across, down, inverse = vectors_of(stripes(0), stripes(1), 1 - stripes(0))

    assert np.linalg.norm(across - inverse) < 0.2 * np.linalg.norm(across - down)
    assert math.isclose(float(np.linalg.norm(across[-EDGES:])), 1, abs_tol=1e-5)


def test_a_picture_has_the_same_vector_in_any_batch() -> None:
    pictures = np.random.default_rng(3).random((5, 3, 64, 64))

    assert np.allclose(vectors_of(*pictures)[3], vectors_of(pictures[3])[0], atol=1e-6)
