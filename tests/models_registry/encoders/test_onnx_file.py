"""Any ONNX network: its input and outputs are read from the file, whatever their order and size."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from models_registry import registry
from models_registry.encoders.base import Encoder
from models_registry.errors import BadOption, EncoderError, NonFiniteVectors, WeightsMissing, WeightsRefused
from tests.models_registry.encoders.onnx_files import write_network


def described_and_loaded(path: Path, **options: str) -> Encoder:
    encoder = registry.load(registry.describe(f"onnx:{path}", options=options), device="cpu")
    assert isinstance(encoder, Encoder)
    return encoder


def batch_of(count: int, side: int = 8) -> np.ndarray:
    return np.random.default_rng(5).standard_normal((count, 3, side, side)).astype(np.float32)


def test_it_reads_size_and_outputs_from_the_file(tmp_path: Path) -> None:
    write_network(tmp_path / "net.onnx")

    spec = registry.describe(f"onnx:{tmp_path / 'net.onnx'}", options={})

    assert spec.preprocess is not None
    assert spec.preprocess.size == (8, 8)
    assert [(tap.name, tap.dim) for tap in spec.taps] == [("embedding", 5), ("logits", 5)]
    assert len(spec.weights_sha256 or "") == 64


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        (("batch", 3, 8, 8), {}),
        (("batch", 8, 8, 3), {}),
        ((1, 3, 8, 8), {}),
        ((4, 8, 8, 3), {}),
        (("batch", 3, "height", "width"), {"size": "8"}),
        (("batch", "height", "width", 3), {"size": "8"}),
        (("batch", "channels", "height", "width"), {"size": "8"}),
    ],
)
def test_it_gives_the_same_vectors_for_every_layout_and_batch(
    tmp_path: Path, shape: tuple[int | str, ...], options: dict[str, str]
) -> None:
    matrix = write_network(tmp_path / "net.onnx", shape=shape)
    batch = batch_of(7)

    found = described_and_loaded(tmp_path / "net.onnx", **options).encode(batch, ["embedding"])

    assert found["embedding"].dtype == np.float32
    assert found["embedding"] == pytest.approx(batch.mean(axis=(2, 3)) @ matrix, abs=1e-5)


def test_it_runs_one_by_one_where_the_open_batch_is_a_lie(tmp_path: Path) -> None:
    matrix = write_network(tmp_path / "net.onnx", reshape_to_one=True)
    batch = batch_of(3)

    found = described_and_loaded(tmp_path / "net.onnx").encode(batch, ["embedding"])

    assert found["embedding"] == pytest.approx(batch.mean(axis=(2, 3)) @ matrix, abs=1e-5)


def test_it_reads_half_precision(tmp_path: Path) -> None:
    matrix = write_network(tmp_path / "net.onnx", dtype=TensorProto.FLOAT16)
    batch = batch_of(2)

    found = described_and_loaded(tmp_path / "net.onnx").encode(batch, ["embedding"])

    assert found["embedding"].dtype == np.float32
    assert found["embedding"] == pytest.approx(batch.mean(axis=(2, 3)) @ matrix, abs=5e-3)


def test_both_outputs_come_from_one_pass_and_equal_separate_passes(tmp_path: Path) -> None:
    write_network(tmp_path / "net.onnx")
    encoder = described_and_loaded(tmp_path / "net.onnx")

    together = encoder.encode(batch_of(3), ["embedding", "logits"])

    for tap in ("embedding", "logits"):
        assert np.array_equal(together[tap], encoder.encode(batch_of(3), [tap])[tap])


def test_a_chosen_tap_may_be_a_map_and_is_flattened(tmp_path: Path) -> None:
    write_network(tmp_path / "net.onnx")
    encoder = described_and_loaded(tmp_path / "net.onnx", tap="map")

    assert encoder.spec.tap("map").dim == 3 * 8 * 8
    assert np.array_equal(encoder.encode(batch_of(2), ["map"])["map"], batch_of(2).reshape(2, -1))


def test_more_threads_change_nothing_beyond_rounding(tmp_path: Path) -> None:
    write_network(tmp_path / "net.onnx", reshape_to_one=True)
    encoder = described_and_loaded(tmp_path / "net.onnx")
    before = encoder.encode(batch_of(4), ["embedding"])["embedding"]

    encoder.set_threads(2)

    assert encoder.encode(batch_of(4), ["embedding"])["embedding"] == pytest.approx(before, abs=1e-5)


def test_an_open_size_must_be_given(tmp_path: Path) -> None:
    write_network(tmp_path / "net.onnx", shape=("batch", 3, "height", "width"))

    with pytest.raises(BadOption, match="--size 224"):
        registry.describe(f"onnx:{tmp_path / 'net.onnx'}", options={})


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"size": "9"}, "8 x 8 and no other"),
        ({"size": "big"}, "whole number"),
        ({"tap": "fc6"}, "it has embedding, logits, map"),
        ({"tap": ","}, "at least one"),
        ({"mean": "0.1,0.2"}, "one number or three"),
        ({"std": "grey"}, "one number or three"),
        ({"std": "0"}, "above 0"),
        ({"resize": "stretch"}, "squash, shorter-side, letterbox"),
        ({"seed": "1"}, "no option seed"),
    ],
)
def test_an_option_that_cannot_be_is_refused_in_words(tmp_path: Path, options: dict[str, str], complaint: str) -> None:
    write_network(tmp_path / "net.onnx")

    with pytest.raises(BadOption, match=complaint):
        registry.describe(f"onnx:{tmp_path / 'net.onnx'}", options=options)


def test_options_reach_the_preprocessing(tmp_path: Path) -> None:
    write_network(tmp_path / "net.onnx")
    options = {
        "mean": "0.5",
        "std": "0.1, 0.2, 0.3",
        "resize": "letterbox",
        "interpolation": "lanczos",
        "channels": "bgr",
    }

    rules = registry.describe(f"onnx:{tmp_path / 'net.onnx'}", options=options).preprocess

    assert rules is not None
    assert (rules.mean, rules.std) == ((0.5, 0.5, 0.5), (0.1, 0.2, 0.3))
    assert (rules.resize, rules.interpolation, rules.channels) == ("letterbox", "lanczos", "bgr")


def test_nan_weights_are_found_out_when_the_network_is_described_or_run(tmp_path: Path) -> None:
    write_network(tmp_path / "bad.onnx", nan=True)

    with pytest.raises(NonFiniteVectors, match="NaN"):
        registry.describe(f"onnx:{tmp_path / 'bad.onnx'}", options={})


def test_values_that_overflow_are_named(tmp_path: Path) -> None:
    write_network(tmp_path / "net.onnx")
    encoder = described_and_loaded(tmp_path / "net.onnx")
    batch = batch_of(3)
    batch[1] = np.inf

    with pytest.raises(NonFiniteVectors, match="at embedding for 1 of 3 pictures"):
        encoder.encode(batch, ["embedding"])


def test_the_fingerprint_follows_the_content_of_the_file_and_not_its_path(tmp_path: Path) -> None:
    write_network(tmp_path / "a.onnx")
    shutil.copy(tmp_path / "a.onnx", tmp_path / "b.onnx")
    write_network(tmp_path / "c.onnx", seed=1)

    a, b, c = (registry.describe(f"onnx:{tmp_path / name}.onnx", options={}).fingerprint for name in "abc")

    assert a == b
    assert a != c


def test_it_loads_the_callers_own_copy_and_refuses_another_file(tmp_path: Path) -> None:
    write_network(tmp_path / "a.onnx")
    write_network(tmp_path / "other.onnx", seed=1)
    spec = registry.describe(f"onnx:{tmp_path / 'a.onnx'}", options={})
    kept = (tmp_path / "a.onnx").rename(tmp_path / "kept.onnx")

    assert isinstance(registry.load(spec, weights=kept), Encoder)
    with pytest.raises(WeightsRefused, match="SHA-256 differs"):
        registry.load(spec, weights=tmp_path / "other.onnx")
    with pytest.raises(WeightsMissing, match=r"a\.onnx cannot be read"):
        registry.load(spec)


def test_a_missing_file_a_text_and_half_a_network_are_refused_in_one_line(tmp_path: Path) -> None:
    write_network(tmp_path / "net.onnx")
    (tmp_path / "text.onnx").write_text("not a network")
    (tmp_path / "half.onnx").write_bytes((tmp_path / "net.onnx").read_bytes()[:200])

    for name in ("none", "text", "half"):
        with pytest.raises(EncoderError, match=name) as caught:
            registry.describe(f"onnx:{tmp_path / name}.onnx", options={})
        assert "\n" not in str(caught.value)


def test_weights_in_a_second_file_are_refused(tmp_path: Path) -> None:
    write_network(tmp_path / "net.onnx")
    onnx.save(
        onnx.load(tmp_path / "net.onnx"),
        tmp_path / "split.onnx",
        save_as_external_data=True,
        location="split.data",
        size_threshold=0,
    )

    with pytest.raises(EncoderError, match="second file"):
        registry.describe(f"onnx:{tmp_path / 'split.onnx'}", options={})


def test_inputs_that_are_no_picture_are_refused(tmp_path: Path) -> None:
    write_network(tmp_path / "grey.onnx", shape=("batch", 1, 8, 8))
    numbers = helper.make_tensor_value_info("numbers", TensorProto.FLOAT, ["batch", 4])
    result = helper.make_tensor_value_info("result", TensorProto.FLOAT, ["batch", 4])
    graph = helper.make_graph([helper.make_node("Relu", ["numbers"], ["result"])], "plain", [numbers], [result])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / "plain.onnx"
    )

    with pytest.raises(EncoderError, match="three colour channels"):
        registry.describe(f"onnx:{tmp_path / 'grey.onnx'}", options={})
    with pytest.raises(EncoderError, match="numbers is tensor"):
        registry.describe(f"onnx:{tmp_path / 'plain.onnx'}", options={})
