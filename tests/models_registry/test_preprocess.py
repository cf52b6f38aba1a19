"""Preprocessing against a slow twin written from the definitions, and against golden numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models_registry.preprocess import prepare_picture
from models_registry.spec import Box, EmptyBox, Preprocess

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "preprocess.json"
LEVEL = 1 / 255


def synthetic(width: int = 51, height: int = 35) -> Image.Image:
    """Waves in odd sizes: with even ones, `nearest` would have ties that any rounding may decide."""
    down, across = np.mgrid[0:height, 0:width]
    waves = [
        128 + 127 * np.sin(across / 5),
        128 + 127 * np.cos(down / 4),
        (across * 5 + down * 3) % 256,
    ]
    return Image.fromarray(np.stack(waves, axis=2).astype(np.uint8))


def sinc(x: float) -> float:
    return 1.0 if x == 0 else math.sin(math.pi * x) / (math.pi * x)


def cubic(x: float) -> float:
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


FILTERS: dict[str, tuple[float, Callable[[float], float]]] = {
    "bilinear": (1.0, lambda x: max(0.0, 1 - abs(x))),
    "bicubic": (2.0, cubic),
    "lanczos": (3.0, lambda x: sinc(x) * sinc(x / 3) if abs(x) < 3 else 0.0),
}


def slow_weights(source: int, target: int, name: str) -> np.ndarray:
    """The share of each source pixel in each target pixel, [target, source]; antialiased when shrinking."""
    scale = source / target
    shares = np.zeros((target, source))
    for out in range(target):
        centre = (out + 0.5) * scale
        if name == "nearest":
            shares[out, int(centre)] = 1
            continue
        reach, curve = FILTERS[name]
        stretch = max(scale, 1.0)
        for place in range(source):
            if abs(place + 0.5 - centre) < reach * stretch:
                shares[out, place] = curve((place + 0.5 - centre) / stretch)
        shares[out] /= shares[out].sum()
    return shares


def slow_resize(pixels: np.ndarray, height: int, width: int, name: str) -> np.ndarray:
    across = np.einsum("hwc,vw->hvc", pixels.astype(float), slow_weights(pixels.shape[1], width, name))
    across = np.clip(across, 0, 255)  # the middle result is kept in 8 bits
    return np.clip(np.einsum("hwc,vh->vwc", across, slow_weights(pixels.shape[0], height, name)), 0, 255)


def slow_prepare(image: Image.Image, box: Box | None, rules: Preprocess) -> np.ndarray:
    pixels = np.asarray(image)
    if box is not None:
        pixels = pixels[box.y1 : box.y2, box.x1 : box.x2]
    height, width = rules.size
    rows, columns = pixels.shape[:2]
    if rules.resize == "squash":
        framed = slow_resize(pixels, height, width, rules.interpolation)
    elif rules.resize == "shorter-side":
        scale = max(height / rows, width / columns)
        tall, wide = round(rows * scale), round(columns * scale)
        top, left = (tall - height) // 2, (wide - width) // 2
        framed = slow_resize(pixels, tall, wide, rules.interpolation)[top : top + height, left : left + width]
    else:
        scale = min(height / rows, width / columns)
        tall, wide = round(rows * scale), round(columns * scale)
        top, left = (height - tall) // 2, (width - wide) // 2
        mean = np.array(rules.mean if rules.channels == "rgb" else rules.mean[::-1])
        framed = np.tile(np.rint(mean * 255), (height, width, 1))
        framed[top : top + tall, left : left + wide] = slow_resize(pixels, tall, wide, rules.interpolation)
    if rules.channels == "bgr":
        framed = framed[..., ::-1]
    return ((framed / 255 - rules.mean) / rules.std).transpose(2, 0, 1)


RULES = {
    f"{resize} {interpolation} {channels}": Preprocess(
        (24, 32),
        resize=resize,
        interpolation=interpolation,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        channels=channels,
    )
    for resize in ("squash", "shorter-side", "letterbox")
    for interpolation in ("nearest", "bilinear", "bicubic", "lanczos")
    for channels in ("rgb", "bgr")
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("box", [None, Box(3, 5, 48, 30), Box(20, 2, 29, 33)])
def test_it_agrees_with_the_slow_twin(name: str, box: Box | None) -> None:
    rules = RULES[name]

    found = prepare_picture(synthetic(), box, rules)

    assert (found.dtype, found.shape) == (np.float32, (3, 24, 32))
    # Two roundings to 8 bits separate the twin from the library.
    assert np.abs(found - slow_prepare(synthetic(), box, rules)).max() <= 1.6 * LEVEL / min(rules.std)


@pytest.mark.parametrize("name", RULES)
def test_it_gives_the_golden_numbers(name: str) -> None:
    golden = json.loads(GOLDEN.read_text())

    found = prepare_picture(synthetic(), None, RULES[name])

    assert found[:, ::8, ::9].ravel() == pytest.approx(golden[name], abs=1.01 * LEVEL / 0.224)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_pixels_outside_the_box_never_change_the_result(data: st.DataObject) -> None:
    rules = RULES[data.draw(st.sampled_from(sorted(RULES)))]
    x1, y1 = data.draw(st.integers(0, 48)), data.draw(st.integers(0, 32))
    box = Box(x1, y1, data.draw(st.integers(x1 + 1, 50)), data.draw(st.integers(y1 + 1, 34)))
    pixels = np.asarray(synthetic())
    other = np.random.default_rng(0).integers(0, 256, pixels.shape, dtype=np.uint8)
    other[box.y1 : box.y2, box.x1 : box.x2] = pixels[box.y1 : box.y2, box.x1 : box.x2]

    assert np.array_equal(prepare_picture(Image.fromarray(other), box, rules), prepare_picture(synthetic(), box, rules))


def test_a_box_that_reaches_over_the_edge_is_cut() -> None:
    rules = Preprocess((16, 16))

    assert np.array_equal(
        prepare_picture(synthetic(), Box(10, 10, 999, 999), rules),
        prepare_picture(synthetic(), Box(10, 10, 51, 35), rules),
    )


def test_a_box_outside_the_picture_is_refused() -> None:
    with pytest.raises(EmptyBox):
        prepare_picture(synthetic(), Box(60, 0, 70, 10), Preprocess((16, 16)))


@given(width=st.integers(1, 80), height=st.integers(1, 80), name=st.sampled_from(sorted(RULES)))
@settings(max_examples=60, deadline=None)
def test_every_shape_of_picture_fits(width: int, height: int, name: str) -> None:
    found = prepare_picture(synthetic(width, height), None, RULES[name])

    assert found.shape == (3, 24, 32)
    assert np.isfinite(found).all()


def test_one_colour_stays_one_colour_and_is_normalised() -> None:
    image = Image.new("RGB", (30, 20), (51, 102, 204))
    rules = Preprocess((8, 8), mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 0.1), channels="bgr")

    found = prepare_picture(image, None, rules)

    assert found[0] == pytest.approx((0.8 - 0.1) / 0.5, abs=1e-5)
    assert found[1] == pytest.approx((0.4 - 0.2) / 0.25, abs=1e-5)
    assert found[2] == pytest.approx((0.2 - 0.3) / 0.1, abs=1e-5)


def test_the_bars_of_a_letterbox_say_nothing() -> None:
    found = prepare_picture(Image.new("RGB", (40, 10), (255, 255, 255)), None, Preprocess((32, 32), resize="letterbox"))

    assert np.abs(found[:, 0]).max() <= LEVEL / 0.224
    assert found[:, 16].min() > 2
