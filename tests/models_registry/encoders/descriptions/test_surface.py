"""The description of the middle: colours and texture change it, a background and noise hardly do."""

from __future__ import annotations

import numpy as np
import pytest

from models_registry.encoders.encoder_base import Encoder
from models_registry.registry import blocks_of, describe, load

SIDE = 96
SPEC = describe("surface")
BLOCKS = blocks_of(SPEC)
NOISE = np.random.default_rng(5)


def described(*pictures: np.ndarray) -> np.ndarray:
    encoder = load(SPEC)
    assert isinstance(encoder, Encoder)
    return encoder.encode(np.stack(pictures).astype(np.float32), ["embedding"])["embedding"]


def plain(*colour: float) -> np.ndarray:
    return np.tile(np.array(colour)[:, None, None], (1, SIDE, SIDE))


def striped(width: int, turn: float = 0.0) -> np.ndarray:
    down, across = np.mgrid[:SIDE, :SIDE]
    wave = np.sin((across * np.cos(turn) + down * np.sin(turn)) * np.pi / width)
    return np.tile(0.5 + 0.3 * wave, (3, 1, 1))


def likeness(block: str, *pictures: np.ndarray) -> list[float]:
    """Cosine of the first picture's block with each of the others'."""
    start, stop = BLOCKS[block]
    rows = described(*pictures)[:, start:stop]
    return [float(rows[0] @ row) for row in rows[1:]]


def test_every_block_has_length_one_and_they_fill_the_vector() -> None:
    rows = described(NOISE.random((3, SIDE, SIDE)), plain(0, 0, 0))
    for start, stop in BLOCKS.values():
        assert np.linalg.norm(rows[:, start:stop], axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert sum(stop - start for start, stop in BLOCKS.values()) == rows.shape[1]


@pytest.mark.parametrize("block", ["middle", "shade"])
def test_colours_near_each_other_are_near(block: str) -> None:
    near, far = likeness(block, plain(0.7, 0.2, 0.2), plain(0.66, 0.24, 0.22), plain(0.2, 0.3, 0.8))
    assert near > far + 0.2


@pytest.mark.parametrize("block", ["middle", "shade", "contrast", "pattern", "grain"])
def test_what_lies_at_the_rim_counts_little(block: str) -> None:
    framed, moved = striped(6), striped(6)
    framed[:, :10] = framed[:, -10:] = framed[:, :, :10] = framed[:, :, -10:] = 0.9
    moved[:, 24:72, 24:72] = np.array([0.9, 0.1, 0.1])[:, None, None]
    at_the_rim, in_the_middle = likeness(block, striped(6), framed, moved)
    assert at_the_rim > in_the_middle + 0.05


def test_the_pattern_is_the_same_however_it_is_turned_and_in_whatever_colour() -> None:
    tinted = striped(4) * np.array([1.0, 0.9, 0.8])[:, None, None]
    turned, coloured, blank = likeness("pattern", striped(4), striped(4, np.pi / 2), tinted, plain(0.5, 0.5, 0.5))
    assert min(turned, coloured) > 0.95
    assert blank < 0.6


def test_noise_is_no_pattern() -> None:
    noisy = np.clip(plain(0.5, 0.5, 0.5) + NOISE.normal(0, 0.004, (3, SIDE, SIDE)), 0, 1)
    assert likeness("pattern", plain(0.5, 0.5, 0.5), noisy)[0] > 0.8


def test_the_grain_tells_width_and_the_direction_tells_turn() -> None:
    pictures = (striped(4), striped(4) * 0.95, striped(16), striped(4, np.pi / 2))
    same, wider, turned = likeness("grain", *pictures)
    assert min(same, turned) > wider + 0.1
    same, wider, turned = likeness("direction", *pictures)
    assert min(same, wider) > turned + 0.1


def test_the_contrast_tells_plain_from_striped_whatever_the_shade() -> None:
    darker, blank = likeness("contrast", striped(4), striped(4) - 0.03, plain(0.5, 0.5, 0.5))
    assert darker > blank + 0.2


def test_mean_and_spread_are_where_they_should_be() -> None:
    # Mid grey: L = 53.6, a = b = 0, and no spread at all.
    row = described(plain(0.5, 0.5, 0.5))[0, BLOCKS["shade"][0] :]
    marks = row[:14] / row[:14].sum()
    assert float(marks @ np.linspace(0, 100, 14)) == pytest.approx(53.4, abs=0.5)
    spread = row[50:60] / row[50:60].sum()
    assert spread[0] == pytest.approx(1, abs=1e-3)
