"""An ONNX file is asked in its own layout and batches, and compared vector by vector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models_registry.encoders.encoder_base import Encoder
from models_registry.spec import EncoderSpec, Preprocess, Tap
from models_registry.training.common import export_bundle, quantised_export
from models_registry.training.common.export_bundle import onnx_difference

LAYOUTS = [
    ([None, 3, 8, 6], "tensor(float)"),
    ([None, 8, 6, 3], "tensor(float)"),
    ([1, 3, 8, 6], "tensor(float16)"),
    ([2, 8, 6, 3], "tensor(float)"),
]


def answer_of(pixels: np.ndarray) -> np.ndarray:
    """Two numbers [n, 2] of pictures [n, 3, h, w], to which colour and place matter."""
    flat = pixels.astype(np.float64).reshape(len(pixels), -1)
    return flat @ np.cos(np.arange(2 * flat.shape[1])).reshape(-1, 2)


class Twin(Encoder):
    """What the file must answer as."""

    def _forward_batch(self, batch: np.ndarray, taps: Sequence[str]) -> dict[str, np.ndarray]:
        return {tap: answer_of(batch) for tap in taps}


TWIN = Twin(EncoderSpec("twin", 1, "twin", (Tap("first", 2), Tap("second", 2)), Preprocess(size=(8, 6))))


class File:
    """A session of ONNX Runtime that answers as the encoder does, some vectors longer by a share."""

    def __init__(self, shape: list[int | None], kind: str, longer: dict[int, float]) -> None:
        self._input = SimpleNamespace(name="pixels", shape=shape, type=kind)
        self._longer, self._seen = longer, 0

    def get_inputs(self) -> list[Any]:
        return [self._input]

    def run(self, taps: list[str], given: dict[str, np.ndarray]) -> list[np.ndarray]:
        pixels, shape = given["pixels"], self._input.shape
        assert pixels.dtype == (np.float16 if self._input.type == "tensor(float16)" else np.float32)
        assert list(pixels.shape) == [shape[0] or 4, *shape[1:]]
        vectors = answer_of(pixels if shape[1] == 3 else pixels.transpose(0, 3, 1, 2))
        rows = self._seen + np.arange(len(vectors))
        self._seen += len(vectors)
        shares = np.array([1 + self._longer.get(int(row), 0.0) for row in rows])
        return [vectors * (shares[:, None] if tap == "second" else 1) for tap in taps]


@pytest.mark.parametrize(("shape", "kind"), LAYOUTS)
@pytest.mark.parametrize("longer", [{}, {0: 0.25}, {1: 0.1, 3: -0.5}])
def test_the_difference_is_the_largest_share_of_its_length_by_which_a_vector_moved(
    shape: list[int | None], kind: str, longer: dict[int, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_bundle, "registry", SimpleNamespace(describe=lambda _: None, load=lambda *_, **__: TWIN))
    monkeypatch.setattr("onnxruntime.InferenceSession", lambda *_, **__: File(shape, kind, longer))
    wanted = max((abs(share) for share in longer.values()), default=0.0)
    assert onnx_difference(Path("folder")) == pytest.approx(wanted, abs=0.01 if "16" in kind else 1e-6)


@pytest.mark.parametrize(("shape", "kind"), [*LAYOUTS, ([4, 3, 8, 6], "tensor(float)")])
def test_the_last_batch_of_a_fixed_size_is_filled_with_its_first_picture(shape: list[int | None], kind: str) -> None:
    pictures = np.random.default_rng(0).random((5, 3, 8, 6), dtype=np.float32)
    entry = SimpleNamespace(name="pixels", shape=shape, type=kind)
    batches = [given["pixels"] for given in quantised_export._onnx_batches(entry, pictures)]
    size = shape[0] or 1
    assert {len(batch) for batch in batches} == {size}
    found = np.concatenate(batches).astype(np.float32)
    found = found if shape[1] == 3 else found.transpose(0, 3, 1, 2)
    assert found[:5] == pytest.approx(pictures, abs=1e-3)
    filled = len(found) - 5
    assert 0 <= filled < size
    first_of_last = pictures[(len(batches) - 1) * size]
    assert found[5:] == pytest.approx(np.repeat(first_of_last[None], filled, axis=0), abs=1e-3)


def test_the_nearest_is_another_picture_and_lonely_categories_do_not_count() -> None:
    vectors = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], dtype=np.float32)
    first = quantised_export._nearest_rows(vectors)
    assert first.tolist() == [1, 0, 3, 2]
    assert quantised_export._category_match(first, ["a", "a", "a", "b"]) == pytest.approx(2 / 3)
    assert quantised_export._category_match(first, ["a", None, None, "b"]) is None
