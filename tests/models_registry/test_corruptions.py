"""Corruptions keep the size, can be repeated, and hurt more the stronger they are."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from models_registry.evaluate.corruptions import CORRUPTIONS, corrupt_picture


def photo(size: tuple[int, int] = (120, 160)) -> Image.Image:
    small = np.random.default_rng(0).integers(0, 256, (10, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def damage(image: Image.Image) -> float:
    return float(np.abs(np.asarray(image, dtype=float) - np.asarray(photo(image.size), dtype=float)).mean())


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("size", [(120, 160), (1, 1), (3, 200)])
@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_a_corrupted_picture_is_rgb_of_the_same_size(name: str, size: tuple[int, int], strength: float) -> None:
    found = corrupt_picture(name, photo(size), strength=strength)
    assert (found.mode, found.size) == ("RGB", size)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_same_seed_gives_the_same_pixels_and_the_original_stays(name: str) -> None:
    image = photo()
    first, again = corrupt_picture(name, image, seed=7), corrupt_picture(name, image, seed=7)
    assert first.tobytes() == again.tobytes()
    assert image.tobytes() == photo().tobytes()
    assert damage(first) > 0


@pytest.mark.parametrize("name", ["crop", "scribble", "text"])
def test_another_seed_gives_other_pixels(name: str) -> None:
    assert corrupt_picture(name, photo(), seed=1).tobytes() != corrupt_picture(name, photo(), seed=2).tobytes()


@pytest.mark.parametrize("name", ["crop", "jpeg", "shrink", "scribble", "text"])
def test_more_strength_does_more_damage(name: str) -> None:
    mild, strong = (
        np.mean([damage(corrupt_picture(name, photo(), strength=strength, seed=seed)) for seed in range(12)])
        for strength in (0.1, 1.0)
    )
    assert strong > mild


def test_a_flip_is_its_own_undoing() -> None:
    assert corrupt_picture("flip", corrupt_picture("flip", photo())).tobytes() == photo().tobytes()


def test_a_crop_of_no_strength_is_the_whole_picture() -> None:
    assert damage(corrupt_picture("crop", photo(), strength=0)) == 0


def test_a_strength_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="lies in 0"):
        corrupt_picture("jpeg", photo(), strength=2)
