"""Pictures for training: those that an encoder would see, decoded once, varied by a chance that can be repeated."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from models_registry.embed import Picture
from models_registry.preprocess import prepare_picture
from models_registry.spec import Box, Preprocess
from models_registry.training.common import training_pixels
from models_registry.training.common.training_pixels import Pixels

RULES = Preprocess(size=(8, 12))


def drawn(number: int, width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(number)
    coarse = Image.fromarray(rng.integers(0, 256, (5, 4, 3), dtype=np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


def stored(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(("width", "height"), [(8, 8), (12, 24), (24, 24), (24, 5), (1, 1)])
def test_a_picture_of_up_to_twice_the_size_is_what_the_encoder_sees(width: int, height: int) -> None:
    image = drawn(0, width, height)
    found = Pixels([Picture("a", stored(image))], RULES, augment=0.0).prepare_rows(np.array([0]), training=False)
    assert np.array_equal(found.numpy(), prepare_picture(image, None, RULES)[None])


@pytest.mark.parametrize(("width", "height"), [(25, 24), (40, 50), (400, 300), (200, 400)])
def test_a_larger_picture_is_shrunk_to_twice_the_longer_side_first(width: int, height: int) -> None:
    image = drawn(1, width, height)
    found = Pixels([Picture("a", stored(image))], RULES, augment=0.0).prepare_rows(np.array([0]), training=False)
    small = image.copy()
    small.thumbnail((24, 24), Image.Resampling.BILINEAR, reducing_gap=2.0)
    assert max(small.size) == 24
    assert np.array_equal(found.numpy(), prepare_picture(small, None, RULES)[None])
    grey_levels = np.abs(found.numpy() - prepare_picture(image, None, RULES)) * 0.225 * 255
    assert grey_levels.mean() < 10


@pytest.mark.parametrize("rules", [replace(RULES, resize="shorter-side"), replace(RULES, before_crop=20)])
def test_a_panorama_stays_as_sharp_as_the_encoder_sees_it(rules: Preprocess) -> None:
    """Shrunk to twice the longer side its shorter side would be less than what is read, and would be blown up again."""
    image = drawn(1, 900, 90)
    found = Pixels([Picture("a", stored(image))], rules, augment=0.0).prepare_rows(np.array([0]), training=False)
    small = image.resize((10 * (rules.before_crop or 12), rules.before_crop or 12), Image.Resampling.BILINEAR)
    assert np.abs(found.numpy() - prepare_picture(small, None, rules)).mean() * 0.225 * 255 < 3


def test_only_what_is_in_the_box_is_seen() -> None:
    image = drawn(2, 20, 16)
    boxes = [Box(3, 2, 9, 15), Box(-4, 10, 50, 60), None]
    pictures = [Picture("a", stored(image), box) for box in boxes]
    found = Pixels(pictures, RULES, augment=0.0).prepare_rows(np.arange(3), training=False).numpy()
    for row, box in enumerate(boxes):
        assert np.array_equal(found[row], prepare_picture(image, box, RULES))


def test_rows_come_in_the_order_asked_for_from_files_and_from_what_is_called() -> None:
    images = [drawn(number, 10, 10) for number in range(4)]
    files = [stored(image) for image in images]
    sources = [files[0], lambda: files[1], io.BytesIO(files[2]), lambda: files[3]]
    pixels = Pixels([Picture(str(row), source) for row, source in enumerate(sources)], RULES, augment=0.0)
    rows = np.array([3, 1, 1, 0, 2, 3])
    found = pixels.prepare_rows(rows, training=False)
    assert found.dtype == torch.float32
    assert tuple(found.shape) == (6, 3, 8, 12)
    for row, values in zip(rows.tolist(), found.numpy(), strict=True):
        assert np.array_equal(values, prepare_picture(images[row], None, RULES))
    assert tuple(pixels.prepare_rows(np.array([], dtype=np.int64), training=False).shape) == (0, 3, 8, 12)


def counted(image: Image.Image, opened: list[int], number: int) -> Callable[[], bytes]:
    def source() -> bytes:
        opened.append(number)
        return stored(image)

    return source


@pytest.mark.parametrize(("room", "opened_twice"), [(1 << 30, []), (900, []), (899, [2]), (600, [2]), (299, [0, 1, 2])])
def test_pictures_are_decoded_once_as_long_as_there_is_room(
    room: int, opened_twice: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three pictures of 10 x 10 pixels take 300 bytes each."""
    monkeypatch.setattr(training_pixels, "_MOST_KEPT", room)
    opened: list[int] = []
    pictures = [Picture(str(row), counted(drawn(row, 10, 10), opened, row)) for row in range(3)]
    pixels = Pixels(pictures, RULES, augment=0.5)
    first = pixels.prepare_rows(np.arange(3), training=False)
    pixels.prepare_rows(np.arange(3), training=True)
    assert opened == [0, 1, 2, *opened_twice]
    opened.clear()
    assert torch.equal(pixels.prepare_rows(np.arange(3), training=False), first)
    assert opened == opened_twice


def test_large_pictures_take_the_room_of_what_they_are_shrunk_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_pixels, "_MOST_KEPT", 24 * 12 * 3)
    opened: list[int] = []
    pixels = Pixels([Picture("a", counted(drawn(0, 480, 240), opened, 0))], RULES, augment=0.0)
    for _ in range(3):
        pixels.prepare_rows(np.array([0]), training=False)
    assert opened == [0]


def noisy(augment: float) -> Pixels:
    return Pixels([Picture(str(row), stored(drawn(row, 16, 16))) for row in range(6)], RULES, augment=augment)


def test_pictures_are_varied_only_while_training_and_only_as_strongly_as_was_said() -> None:
    rows = np.arange(6)
    plain = noisy(0.0).prepare_rows(rows, training=False)
    torch.manual_seed(0)
    untouched = torch.get_rng_state()
    for augment, training in ((0.0, True), (0.7, False)):
        assert torch.equal(noisy(augment).prepare_rows(rows, training=training), plain)
        assert torch.equal(torch.get_rng_state(), untouched)
    slight = noisy(0.05).prepare_rows(rows, training=True)
    torch.manual_seed(0)
    strong = noisy(1.0).prepare_rows(rows, training=True)
    assert not torch.equal(slight, plain)
    assert not torch.equal(strong, slight)


def test_the_same_seed_of_torch_varies_them_alike_and_every_batch_is_another() -> None:
    pixels = noisy(0.8)
    torch.manual_seed(3)
    batches = [pixels.prepare_rows(np.arange(6), training=True) for _ in range(80)]
    torch.manual_seed(3)
    again = [noisy(0.8).prepare_rows(np.arange(6), training=True) for _ in range(3)]
    assert all(torch.equal(one, other) for one, other in zip(batches, again, strict=False))
    assert len({batch.numpy().tobytes() for batch in batches}) == 80
