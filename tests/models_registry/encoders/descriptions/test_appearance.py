"""How the middle looks: a few numbers, and blocks whose cosine is a bell of the distance between them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from models_registry.encoders.descriptions import appearance
from models_registry.encoders.descriptions.appearance import bell_components
from models_registry.encoders.descriptions.middle_window import lab_of
from models_registry.encoders.encoder_base import Encoder
from models_registry.registry import blocks_of, describe, load

SIDE = 192
SPEC = describe("appearance")
BLOCKS = blocks_of(SPEC)
DOWN, ACROSS = np.mgrid[:SIDE, :SIDE]
DRAW = np.random.default_rng(5)


def described(*pictures: np.ndarray) -> np.ndarray:
    encoder = load(SPEC)
    assert isinstance(encoder, Encoder)
    return encoder.encode(np.stack(pictures).astype(np.float32), ["embedding"])["embedding"]


def plain(*colour: float) -> np.ndarray:
    return np.tile(np.array(colour)[:, None, None], (1, SIDE, SIDE))


def striped(width: int, strength: float = 0.2) -> np.ndarray:
    return np.tile(0.5 + strength * np.sin(ACROSS * np.pi / width), (3, 1, 1))


def likeness(block: str, *pictures: np.ndarray) -> list[float]:
    """Cosine of the first picture's block with each of the others'."""
    start, stop = BLOCKS[block]
    rows = described(*pictures)[:, start:stop]
    return [float(rows[0] @ row) for row in rows[1:]]


def test_every_block_has_length_one_and_they_fill_the_vector() -> None:
    rows = described(DRAW.random((3, SIDE, SIDE)), plain(0, 0, 0))
    for start, stop in BLOCKS.values():
        assert np.linalg.norm(rows[:, start:stop], axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert sum(stop - start for start, stop in BLOCKS.values()) == rows.shape[1]


@pytest.mark.parametrize(("kinds", "width", "off"), [(3, 7.0, 0.06), (3, 60.0, 0.06), (10, 0.5, 0.1)])
def test_the_cosine_is_close_to_a_bell_of_the_distance(kinds: int, width: float, off: float) -> None:
    numbers = DRAW.normal(size=(300, kinds)) * width / 2
    units = bell_components(numbers, width)
    apart = ((numbers[:, None] - numbers[None]) ** 2).sum(axis=-1)
    error = np.asarray(units @ units.T) - np.exp(-apart / (2 * width**2))
    assert np.abs(error).mean() < off
    near = apart < width**2 / 4
    assert np.abs(error[near]).max() < off


def test_components_do_not_change_with_time() -> None:
    """They are part of the vectors that installations keep."""
    found = bell_components(np.array([[50.0, 10.0, -20.0]]), 20.0)[0, [0, 1, 39, 40, 79]]
    assert found == pytest.approx([0.15811346, -0.12374926, -0.02496508, -0.00036285, -0.15613054], abs=1e-6)


def test_every_number_is_what_a_loop_over_the_picture_says() -> None:
    # Uneven on the whole, too: squares of different sizes differ then.
    light = ((DRAW.random((1, 48, 48)) + np.arange(48) / 16) * 25).astype(np.float32)
    window = appearance.soft_window(48)
    rough = []
    for side in (5, 11, 23):
        wide = np.pad(light[0].astype(float), side // 2, mode="symmetric")
        spreads = [[wide[y : y + side, x : x + side].std() for x in range(48)] for y in range(48)]
        rough.append(np.log((np.array(spreads) * window).sum() + 0.3))
    assert appearance._roughness(light)[0] == pytest.approx(rough, abs=1e-3)
    edges = [
        np.hypot(
            (light[0, min(y + 1, 47), x] - light[0, max(y - 1, 0), x]) / (min(y + 1, 47) - max(y - 1, 0)),
            (light[0, y, min(x + 1, 47)] - light[0, y, max(x - 1, 0)]) / (min(x + 1, 47) - max(x - 1, 0)),
        )
        for y in range(48)
        for x in range(48)
    ]
    softer = gaussian_filter(light[0].astype(float), 1)
    spots = np.abs(light[0] - softer)
    finest = [np.log((np.array(edges) * window.ravel()).sum() + 0.3), np.log((spots * window).sum() + 0.3)]
    found = appearance._detail(light)[0]
    assert found.shape == (10,)
    assert found[:2] == pytest.approx(finest, abs=1e-3)
    assert found[2:] == pytest.approx(appearance._detail(softer[None, ::2, ::2])[0, :8], abs=1e-3)


def test_every_block_is_about_its_numbers_at_its_width() -> None:
    picture = DRAW.random((3, SIDE, SIDE)).astype(np.float32) * np.array([1, 0.8, 0.5], dtype=np.float32)[:, None, None]
    lab, window = lab_of(picture[None])[0].astype(float), appearance.soft_window(SIDE)
    tone = np.array([(channel * window).sum() for channel in lab])
    spread = np.array(
        [np.sqrt(((channel - mean) ** 2 * window).sum()) for channel, mean in zip(lab, tone, strict=True)]
    )
    light = lab[:1].astype(np.float32)
    roughness, detail = appearance._roughness(light)[0], appearance._detail(light)[0]
    promised = {
        "tone-coarse": (tone, 60), "tone-medium": (tone, 20), "tone-fine": (tone, 7),
        "spread-coarse": (spread, 24), "spread-fine": (spread, 6),
        "roughness-coarse": (roughness, 1), "roughness-fine": (roughness, 0.25),
        "detail-coarse": (detail, 2), "detail-fine": (detail, 0.5),
    }  # fmt: skip
    row = described(picture)[0]
    assert list(promised) == list(BLOCKS)
    for name, (numbers, width) in promised.items():
        start, stop = BLOCKS[name]
        assert row[start:stop] == pytest.approx(bell_components(numbers[None], width)[0], abs=1e-3), name


def test_the_tone_of_near_colours_is_near_at_every_width_and_the_wide_one_still_tells_far_ones_apart() -> None:
    pictures = (plain(0.7, 0.2, 0.2), plain(0.69, 0.21, 0.2), plain(0.6, 0.3, 0.25), plain(0.1, 0.3, 0.9))
    coarse, medium, fine = (likeness(f"tone-{width}", *pictures) for width in ("coarse", "medium", "fine"))
    assert min(coarse[0], medium[0], fine[0]) > 0.85
    assert coarse[1] > 0.85 > coarse[1] - 0.3 > coarse[2]
    assert fine[1] < 0.4
    assert coarse[1] > medium[1] > fine[1]


def test_a_colour_that_agrees_in_two_channels_is_not_alike() -> None:
    """A sum over channels would call it two thirds alike."""
    one, other = bell_components(np.array([[50.0, 20.0, 20.0], [50.0, 20.0, -20.0]]), 7.0)
    assert one @ other < 0.3


@pytest.mark.parametrize("block", ["tone-medium", "spread-fine", "roughness-fine", "detail-coarse"])
def test_what_lies_at_the_rim_counts_little(block: str) -> None:
    framed, moved = striped(6), striped(6)
    framed[:, :16] = framed[:, -16:] = framed[:, :, :16] = framed[:, :, -16:] = 0.8
    moved[:, 48:144, 48:144] = np.array([0.9, 0.1, 0.1])[:, None, None]
    at_the_rim, in_the_middle = likeness(block, striped(6), framed, moved)
    assert at_the_rim > in_the_middle + 0.2


def test_roughness_tells_strength_and_detail_tells_width() -> None:
    same, faint = likeness("roughness-fine", striped(6), striped(6, 0.19), striped(6, 0.05))
    assert same > faint + 0.3
    same, wider = likeness("detail-fine", striped(4), striped(4, 0.19), striped(16))
    assert same > wider + 0.3


def test_turning_a_picture_changes_neither_roughness_nor_detail() -> None:
    turned = striped(6).transpose(0, 2, 1)
    for block in ("roughness-fine", "detail-fine"):
        assert likeness(block, striped(6), turned)[0] > 0.99
