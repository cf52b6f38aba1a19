"""The file in 8-bit numbers and what is said of it, against a slow measurement of both files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import onnxruntime.quantization
import pytest
from onnx import TensorProto, numpy_helper

from models_registry.embed import Picture
from models_registry.pictures import open_rgb
from models_registry.preprocess import prepare_picture
from models_registry.registry import describe
from models_registry.spec import Box
from models_registry.training.common.export_bundle import take_away
from models_registry.training.common.quantised_export import QUANTISED, Quantised, quantise_encoder
from models_registry.training.common.training_errors import TrainingError
from tests.models_registry.training.common.taken_away import (
    CHANNELS,
    coloured_noise,
    one_grey,
    write_convolution,
    write_trained,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return exported(tmp_path)


def exported(tmp_path: Path, **how: Any) -> Path:
    path = write_trained(tmp_path / "trained", write_convolution(tmp_path / "net.onnx", **how))
    return Path(take_away(path, tmp_path / "taken").folder)


def pictures_of(count: int) -> list[Picture]:
    return [Picture(f"p{number}", coloured_noise(number)) for number in range(count)]


def answers_of(file: Path, pictures: Sequence[Picture], folder: Path) -> np.ndarray:
    """The last tap, one picture at a time."""
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    rules = describe(f"checkpoint:{folder}").rules
    rows = []
    for picture in pictures:
        source = picture.source() if callable(picture.source) else picture.source
        prepared = prepare_picture(open_rgb(source), picture.box, rules)
        rows.append(session.run(["vectors"], {"pixels": prepared[None]})[0][0])
    return np.array(rows, dtype=np.float64)


def nearest_slowly(vectors: np.ndarray) -> list[int]:
    nearest = []
    for row, vector in enumerate(vectors):
        cosines = [
            -2.0 if other == row else float(vector @ one / np.linalg.norm(vector) / np.linalg.norm(one))
            for other, one in enumerate(vectors)
        ]
        nearest.append(int(np.argmax(cosines)))
    return nearest


def measured_slowly(folder: Path, pictures: Sequence[Picture], categories: Sequence[str | None]) -> Quantised:
    exact, rough = (answers_of(folder / name, pictures, folder) for name in ("encoder.onnx", QUANTISED))
    moved = sorted(np.linalg.norm(r - e) / np.linalg.norm(e) for r, e in zip(rough, exact, strict=True))
    middle = len(moved) // 2
    first_exact, first_rough = nearest_slowly(exact), nearest_slowly(rough)

    def match(first: list[int]) -> float | None:
        asked = [row for row, name in enumerate(categories) if name and list(categories).count(name) > 1]
        if not asked:
            return None
        return sum(categories[first[row]] == categories[row] for row in asked) / len(asked)

    return Quantised(
        file=QUANTISED,
        bytes=os.path.getsize(folder / QUANTISED),
        exact_bytes=os.path.getsize(folder / "encoder.onnx"),
        pictures=len(pictures),
        moved=moved[middle] if len(moved) % 2 else (moved[middle - 1] + moved[middle]) / 2,
        same_first=sum(a == b for a, b in zip(first_exact, first_rough, strict=True)) / len(pictures),
        category_match=match(first_rough),
        exact_category_match=match(first_exact),
    )


def check_measured(found: Quantised, expected: Quantised) -> None:
    assert found.file == expected.file == "encoder.int8.onnx"
    for name in ("bytes", "exact_bytes", "pictures"):
        assert getattr(found, name) == getattr(expected, name), name
    for name in ("moved", "same_first", "category_match", "exact_category_match"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-5), name


@pytest.mark.parametrize(("count", "calibrated"), [(20, 10), (41, 20), (131, 64)])
def test_half_of_the_pictures_or_sixty_four_find_the_ranges_and_the_others_measure(
    count: int, calibrated: int, folder: Path
) -> None:
    pictures = pictures_of(count)
    categories = [["red", "green", "blue", "red", None, ""][number % 6] for number in range(count)]
    categories[-3:] = ["alone", "two", "two"]

    found = quantise_encoder(folder, pictures, categories)

    assert found.pictures == count - calibrated
    check_measured(found, measured_slowly(folder, pictures[calibrated:], categories[calibrated:]))
    assert 0 < found.moved < 0.2
    assert found.category_match is not None


def test_ranges_are_those_of_the_first_pictures(folder: Path) -> None:
    """Pale pictures that found the ranges leave no room for those of full colours."""
    pale = [Picture(f"pale{number}", one_grey(118 + number)) for number in range(10)]
    full = pictures_of(10)

    apart = quantise_encoder(folder, [*pale, *full], [None] * 20)
    fitting = quantise_encoder(folder, [*pictures_of(30)[20:], *full], [None] * 20)

    assert apart.moved > 3 * fitting.moved
    assert (apart.category_match, apart.exact_category_match) == (None, None)


def test_pictures_that_cannot_be_read_are_passed_over_with_their_categories(folder: Path, tmp_path: Path) -> None:
    def gone() -> bytes:
        raise FileNotFoundError

    (tmp_path / "9.png").write_bytes(coloured_noise(9))
    readable: list[Picture] = [
        *pictures_of(8),
        Picture("boxed", coloured_noise(8), Box(2, 3, 9, 12)),
        Picture("path", tmp_path / "9.png"),
        *[Picture(f"called{number}", partial(coloured_noise, number)) for number in range(10, 30)],
    ]
    mixed, categories, kept = list(readable), [f"c{number % 4}" for number in range(30)], list(readable)
    for at, broken in (
        (0, Picture("no picture", b"none")),
        (5, Picture("box outside", coloured_noise(1), Box(50, 50, 60, 60))),
        (17, Picture("gone", gone)),
        (25, Picture("no file", tmp_path / "none.png")),
        (34, Picture("empty", b"")),
    ):
        mixed.insert(at, broken)
        categories.insert(at, "c0")
    kept_categories = [name for one, name in zip(mixed, categories, strict=True) if one in readable]

    found = quantise_encoder(folder, mixed, categories)

    check_measured(found, measured_slowly(folder, kept[15:], kept_categories[15:]))


@pytest.mark.parametrize("count", [0, 19])
def test_fewer_than_twenty_pictures_are_refused(count: int, folder: Path) -> None:
    pictures = [*pictures_of(count), Picture("broken", b"none")]
    with pytest.raises(TrainingError, match=f"{count} pictures can be read; 20 are needed to quantise and measure"):
        quantise_encoder(folder, pictures, [None] * len(pictures))
    assert not (folder / QUANTISED).exists()


def test_without_an_exact_file_there_is_no_rough_one(folder: Path) -> None:
    (folder / "encoder.onnx").unlink()
    with pytest.raises(TrainingError, match="There is no exact ONNX file of this encoder"):
        quantise_encoder(folder, pictures_of(20), [None] * 20)


def test_weights_are_bytes_with_a_scale_for_each_channel(folder: Path) -> None:
    quantise_encoder(folder, pictures_of(20), [None] * 20)

    graph = onnx.load(str(folder / QUANTISED)).graph
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    (weight,) = [one for one in constants.values() if one.shape == (CHANNELS, 3, 3, 3)]
    assert weight.dtype == np.int8
    # The smallest channel is a tenth of the largest, and fills its own bytes all the same.
    assert np.abs(weight.astype(int)).reshape(CHANNELS, -1).max(axis=1).min() >= 126
    assert {values.dtype for name, values in constants.items() if "zero_point" in name} >= {np.dtype(np.uint8)}


@pytest.mark.parametrize(
    "how",
    [
        {"batch": 1},
        {"batch": 4},
        {"batch": 3, "channels_last": True},
        {"kind": TensorProto.UINT8, "channels_last": True},
    ],
)
def test_a_file_of_its_own_layout_and_batch_answers_as_an_open_one(how: dict[str, Any], tmp_path: Path) -> None:
    folder = exported(tmp_path, **how)
    categories = [f"c{number % 3}" for number in range(30)]
    found = quantise_encoder(folder, pictures_of(30), categories)
    assert found.pictures == 15
    assert 0 < found.moved < 0.2
    if how.get("kind") is None:
        (tmp_path / "open").mkdir()
        expected = quantise_encoder(exported(tmp_path / "open"), pictures_of(30), categories)
        assert found.exact_category_match == expected.exact_category_match
        assert found.moved == pytest.approx(expected.moved, rel=0.2)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("  no such operator\nand a long story"), "no such operator$"),
        (KeyError(), "KeyError$"),
        (RuntimeError(" \n "), "RuntimeError$"),
    ],
)
@pytest.mark.parametrize("leaves_a_half", [True, False])
def test_a_network_that_cannot_be_rewritten_is_refused_in_one_line_and_leaves_nothing(
    error: Exception, said: str, leaves_a_half: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_source: str, target: str, *_rest: Any, **_named: Any) -> None:
        if leaves_a_half:
            Path(target).write_bytes(b"half")
        raise error

    monkeypatch.setattr(onnxruntime.quantization, "quantize_static", fails)
    with pytest.raises(TrainingError, match=f"This encoder cannot be written in 8-bit numbers: {said}"):
        quantise_encoder(folder, pictures_of(20), [None] * 20)
    assert not (folder / QUANTISED).exists()
