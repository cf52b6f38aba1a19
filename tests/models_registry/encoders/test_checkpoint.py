from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from models_registry.encoders.checkpoint import (
    HeadSpec,
    HeadTap,
    apply_head,
    read_checkpoint,
    read_head,
    trained_on,
    write_checkpoint,
)
from models_registry.encoders.encoder_base import Encoder
from models_registry.errors import EncoderError, WeightsMissing, WeightsRefused
from models_registry.registry import describe, files, load
from models_registry.training.common.export_bundle import take_away

HEAD = HeadSpec(
    ("centre", "linear", "relu", "batchnorm", "normalise"), (HeadTap("hidden", 3, 3), HeadTap("embedding", 3, 5))
)


def _tensors(width: int = 256) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "0.mean": rng.random(width, dtype=np.float32),
        "1.weight": rng.standard_normal((3, width), dtype=np.float32),
        "1.bias": rng.random(3, dtype=np.float32),
        "3.scale": np.array([1, 2, 3], dtype=np.float32),
        "3.shift": np.array([0.5, 0, -0.5], dtype=np.float32),
    }


def _write(folder: Path, **changed: object) -> Path:
    parts: dict[str, object] = {
        "base": describe("tiny-vgg"),
        "base_tap": "fc6",
        "head": HEAD,
        "tensors": _tensors(),
        "trained_on": ["ab", "aa"],
    }
    write_checkpoint(folder, **{**parts, **changed})  # type: ignore[arg-type]
    return folder


def test_a_head_is_its_layers_one_after_the_other() -> None:
    x = np.random.default_rng(1).standard_normal((5, 256), dtype=np.float32)
    tensors = _tensors()
    hidden = np.maximum((x - tensors["0.mean"]) @ tensors["1.weight"].T + tensors["1.bias"], 0)
    shifted = hidden * tensors["3.scale"] + tensors["3.shift"]
    expected = shifted / np.linalg.norm(shifted, axis=1, keepdims=True)
    assert np.allclose(apply_head(HEAD, tensors, x, tap="hidden"), hidden, atol=1e-5)
    assert np.allclose(apply_head(HEAD, tensors, x), expected, atol=1e-6)


def test_a_row_has_the_same_vector_whoever_comes_along() -> None:
    """Derived vectors are made in chunks of any size, and of what is missing: they must be those of a quiet day."""
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((300, 1280)).astype(np.float32)
    head = HeadSpec(("linear", "relu", "normalise"), (HeadTap("out", 300, 3),))
    tensors = {"0.weight": weight, "0.bias": np.zeros(300, dtype=np.float32)}
    x = rng.standard_normal((256, 1280)).astype(np.float32)
    together = apply_head(head, tensors, x)
    for start, stop in ((0, 1), (255, 256), (100, 103), (7, 200)):
        assert np.array_equal(apply_head(head, tensors, x[start:stop]), together[start:stop])
    order = rng.permutation(256)
    assert np.array_equal(apply_head(head, tensors, x[order]), together[order])
    assert apply_head(head, tensors, x[:0]).shape == (0, 300)


def test_guesses_stand_behind_what_they_were_guessed_from() -> None:
    head = HeadSpec(("guesses",), (HeadTap("embedding", 6, 1),))
    x = np.random.default_rng(1).standard_normal((5, 4), dtype=np.float32)
    weight, bias = np.random.default_rng(2).standard_normal((2, 4), dtype=np.float32), np.array([0.5, -90], np.float32)
    found = apply_head(head, {"0.weight": weight, "0.bias": bias}, x)
    raised = np.exp(x.astype(np.float64) @ weight.T + bias)
    assert np.array_equal(found[:, :4], x)
    assert np.allclose(found[:, 4:], raised / raised.sum(axis=1, keepdims=True), atol=1e-6)


def test_guesses_have_an_onnx_form(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    layers = ("centre", "linear", "guesses", "linear", "normalise")
    tensors = {
        "0.mean": rng.random(256, dtype=np.float32),
        **{
            f"{at}.weight": rng.standard_normal((n, m), dtype=np.float32)
            for at, n, m in ((1, 5, 256), (2, 3, 5), (3, 4, 8))
        },
        **{f"{at}.bias": rng.random(n, dtype=np.float32) for at, n in ((1, 5), (2, 3), (3, 4))},
    }
    _write(tmp_path / "net", head=HeadSpec(layers, (HeadTap("embedding", 4, 5),)), tensors=tensors)
    taken = take_away(tmp_path / "net" / "spec.json", tmp_path / "taken")
    assert taken.onnx_difference is not None, taken.no_onnx
    assert taken.onnx_difference < 1e-4


def test_the_encoder_is_its_base_and_the_head_behind_it(tmp_path: Path) -> None:
    folder = _write(tmp_path / "net")
    spec = describe(f"checkpoint:{folder}")
    batch = np.random.default_rng(2).standard_normal((4, 3, 64, 64), dtype=np.float32)
    base, encoder = load(describe("tiny-vgg")), load(spec)
    assert isinstance(base, Encoder)
    assert isinstance(encoder, Encoder)
    vectors = base.encode(batch, ["fc6"])["fc6"]
    found = encoder.encode(batch, ["hidden", "embedding"])
    checkpoint = read_checkpoint(folder / "spec.json")
    tensors = read_head(folder / "spec.json", checkpoint)
    assert np.array_equal(found["embedding"], apply_head(checkpoint.head, tensors, vectors))
    assert spec.options["base"] == describe("tiny-vgg").fingerprint
    assert trained_on(folder / "spec.json") == ["aa", "ab"]


def test_the_same_encoder_has_the_same_fingerprint_wherever_it_lies(tmp_path: Path) -> None:
    one, other = _write(tmp_path / "one"), _write(tmp_path / "other")
    assert describe(f"checkpoint:{one}").fingerprint == describe(f"checkpoint:{other}").fingerprint


def test_other_weights_are_another_encoder(tmp_path: Path) -> None:
    one = _write(tmp_path / "one")
    other = _write(tmp_path / "other", tensors={**_tensors(), "1.bias": np.zeros(3, dtype=np.float32)})
    assert describe(f"checkpoint:{one}").fingerprint != describe(f"checkpoint:{other}").fingerprint


def test_weights_that_were_changed_behind_its_back_are_refused(tmp_path: Path) -> None:
    folder = _write(tmp_path / "net")
    spec = describe(f"checkpoint:{folder}")
    raw = bytearray((folder / "head.safetensors").read_bytes())
    raw[-1] ^= 1
    (folder / "head.safetensors").write_bytes(bytes(raw))
    with pytest.raises(WeightsRefused, match="differs"):
        load(spec)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    broken = {**_tensors(), "1.bias": np.array([0, np.nan, 0], dtype=np.float32)}
    with pytest.raises(WeightsRefused, match="NaN"):
        describe(f"checkpoint:{_write(tmp_path / 'net', tensors=broken)}")


def test_a_head_that_does_not_fit_its_base_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsRefused, match="do not fit"):
        describe(f"checkpoint:{_write(tmp_path / 'net', tensors=_tensors(width=100))}")


@pytest.mark.parametrize("damage", ["gone", "format", "layer", "text"])
def test_a_folder_that_is_no_trained_encoder_is_refused_in_one_line(tmp_path: Path, damage: str) -> None:
    path = _write(tmp_path / "net") / "spec.json"
    record = json.loads(path.read_text())
    if damage == "gone":
        path.unlink()
    elif damage == "text":
        path.write_text("{")
    else:
        path.write_text(json.dumps({**record, **({"format": 9} if damage == "format" else {"layers": ["magic"]})}))
    with pytest.raises((EncoderError, WeightsMissing)) as refusal:
        describe(f"checkpoint:{path.parent}")
    assert "\n" not in str(refusal.value)


def test_all_files_of_a_checkpoint_are_known(tmp_path: Path) -> None:
    names = [file.name for file in files(f"checkpoint:{_write(tmp_path / 'net')}")]
    assert names == ["spec.json", "head.safetensors", "trained-on.txt", "card.json"]


def test_a_checkpoint_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    folder = _write(tmp_path / "net")
    (folder / "head.safetensors").unlink()
    with pytest.raises(WeightsMissing, match="not whole"):
        files(f"checkpoint:{folder}")
