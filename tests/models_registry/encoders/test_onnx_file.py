"""Any ONNX network: its input and outputs are read from the file, whatever their order and size."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from models_registry import registry
from models_registry.encoders.encoder_base import Encoder
from models_registry.encoders.onnx.external_data import external_files
from models_registry.encoders.onnx.onnx_file import tap_names
from models_registry.errors import BadOption, EncoderError, NonFiniteVectors, WeightsMissing, WeightsRefused
from models_registry.store import VectorStore
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

    assert encoder.spec.tap_named("map").dim == 3 * 8 * 8
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
        ({"size": "big"}, "such as 256x128"),
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


def split(folder: Path, location: str = "split.data", seed: int = 0) -> Path:
    """A network that keeps its matrix in a file beside it."""
    write_network(folder / "whole.onnx", seed=seed)
    model = onnx.load(folder / "whole.onnx")
    onnx.save(model, folder / "split.onnx", save_as_external_data=True, location=location, size_threshold=80)
    return folder / "split.onnx"


@pytest.mark.parametrize("location", ["split.data", "split.onnx.data", "weights.bin"])
def test_weights_in_a_second_file_are_hashed_along_and_found_beside_copies(tmp_path: Path, location: str) -> None:
    path = split(tmp_path, location)
    whole = described_and_loaded(tmp_path / "whole.onnx")
    spec = registry.describe(f"onnx:{path}", options={})
    assert registry.files(f"onnx:{path}") == (path, tmp_path / location)
    batch = batch_of(3)
    expected = whole.encode(batch, ["embedding"])["embedding"]
    found = registry.load(spec, device="cpu")
    assert isinstance(found, Encoder)
    np.testing.assert_allclose(found.encode(batch, ["embedding"])["embedding"], expected, rtol=1e-6)

    kept = tmp_path / "kept"
    kept.mkdir()
    for file in registry.files(f"onnx:{path}"):
        (kept / f"{spec.weights_sha256}{file.name.removeprefix('split')}").write_bytes(file.read_bytes())
    copy = registry.load(spec, weights=kept / f"{spec.weights_sha256}.onnx", device="cpu")
    assert isinstance(copy, Encoder)
    np.testing.assert_allclose(copy.encode(batch, ["embedding"])["embedding"], expected, rtol=1e-6)


def test_other_weights_in_the_second_file_are_another_encoder_and_are_not_loaded_for_it(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first, second = split(tmp_path / "one"), split(tmp_path / "two", seed=1)
    assert first.read_bytes() == second.read_bytes()
    spec = registry.describe(f"onnx:{first}", options={})
    assert spec.weights_sha256 != registry.describe(f"onnx:{second}", options={}).weights_sha256
    (tmp_path / "one" / "split.data").write_bytes((tmp_path / "two" / "split.data").read_bytes())
    with pytest.raises(WeightsRefused, match="SHA-256 differs"):
        registry.load(spec, device="cpu")
    (tmp_path / "one" / "split.data").unlink()
    with pytest.raises(WeightsMissing, match=r"split\.data cannot be read"):
        registry.describe(f"onnx:{first}", options={})


def test_a_second_file_that_lies_elsewhere_is_refused(tmp_path: Path) -> None:
    path = split(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"split.data", b"../../data"))
    with pytest.raises(WeightsRefused, match="must lie beside it: save it anew"):
        registry.describe(f"onnx:{path}", options={})


def test_a_network_that_reads_bytes_gets_them_as_they_are(tmp_path: Path) -> None:
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", 3, 8, 8])
    result = helper.make_tensor_value_info("result", TensorProto.FLOAT, ["batch", 3, 1, 1])
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("GlobalAveragePool", ["floats"], ["result"]),
    ]
    graph = helper.make_graph(nodes, "bytes", [pixels], [result])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / "bytes.onnx"
    )
    source = f"onnx:{tmp_path / 'bytes.onnx'}"
    encoder = registry.load(registry.describe(source, options={}), device="cpu")
    assert isinstance(encoder, Encoder)
    colours = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    row = np.empty((1, 3, 8, 8), dtype=np.float32)
    encoder.prepare(row[0], Image.fromarray(colours), None)
    np.testing.assert_allclose(encoder.encode(row, ["result"])["result"][0], colours.mean((0, 1)), rtol=1e-6)
    with pytest.raises(BadOption, match="normalises them itself: leave mean out"):
        registry.describe(source, options={"mean": "0.5"})


def tokens_network(path: Path, tokens: int) -> None:
    """Tokens [n, t, 3]: the first ones are the mean colour, the others the colours of 2 x 2 fields each."""
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, 8, 8])
    states = helper.make_tensor_value_info("states", TensorProto.FLOAT, ["batch", 16 + tokens, 3])
    places = helper.make_tensor_value_info("places", TensorProto.FLOAT, ["batch", 3, 4, 4])
    nodes = [
        helper.make_node("AveragePool", ["pixels"], ["places"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Reshape", ["places", "rows"], ["row"]),
        helper.make_node("Transpose", ["row"], ["patches"], perm=[0, 2, 1]),
        helper.make_node("GlobalAveragePool", ["pixels"], ["mean"]),
        helper.make_node("Reshape", ["mean", "one"], ["first"]),
        helper.make_node("Concat", [*["first"] * tokens, "patches"], ["states"], axis=1),
    ]
    constants = [
        numpy_helper.from_array(np.array([-1, 3, 16], dtype=np.int64), "rows"),
        numpy_helper.from_array(np.array([-1, 1, 3], dtype=np.int64), "one"),
    ]
    graph = helper.make_graph(nodes, "tokens", [pixels], [states, places], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)


@pytest.mark.parametrize("pool", ["cls", "mean", "patch-mean", "gem"])
@pytest.mark.parametrize("registers", [0, 4])
def test_tokens_become_a_vector_by_the_pooling_that_was_chosen(tmp_path: Path, pool: str, registers: int) -> None:
    path = tmp_path / "tokens.onnx"
    tokens_network(path, 1 + registers)
    spec = registry.describe(f"onnx:{path}", options={"pool": pool, "tap": "states"})
    encoder = registry.load(spec, device="cpu")
    assert isinstance(encoder, Encoder)
    batch = np.abs(batch_of(3))
    found = encoder.encode(batch, ["states"])["states"]
    colour = batch.mean((2, 3))
    fields = batch.reshape(3, 3, 4, 2, 4, 2).mean((3, 5)).reshape(3, 3, 16)
    expected = {"cls": colour, "mean": colour, "patch-mean": colour, "gem": (fields**3).mean(2) ** (1 / 3)}[pool]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert spec.options["pool"] == pool


def test_tokens_and_maps_without_a_pooling_say_what_to_choose(tmp_path: Path) -> None:
    path = tmp_path / "tokens.onnx"
    tokens_network(path, 1)
    with pytest.raises(EncoderError, match=r"gives map and tokens, .* --pool cls\|mean\|patch-mean\|gem"):
        registry.describe(f"onnx:{path}", options={})
    spec = registry.describe(f"onnx:{path}", options={"pool": "gem"})
    assert [(tap.name, tap.dim) for tap in spec.taps] == [("states", 3), ("places", 3)]
    assert registry.describe(f"onnx:{path}", options={"tap": "places"}).taps[0].dim == 48
    with pytest.raises(BadOption, match="pool is one of"):
        registry.describe(f"onnx:{path}", options={"pool": "max"})
    # A map has no first token: it is no tap then.
    assert [tap.name for tap in registry.describe(f"onnx:{path}", options={"pool": "cls"}).taps] == ["states"]
    with pytest.raises(BadOption, match="no tap places; it has states"):
        registry.describe(f"onnx:{path}", options={"pool": "cls", "tap": "places"})


def test_two_inputs_are_refused_with_a_way_out(tmp_path: Path) -> None:
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, 8, 8])
    words = helper.make_tensor_value_info("input_ids", TensorProto.FLOAT, ["batch", 3, 8, 8])
    result = helper.make_tensor_value_info("result", TensorProto.FLOAT, ["batch", 3, 8, 8])
    graph = helper.make_graph(
        [helper.make_node("Add", ["pixels", "input_ids"], ["result"])], "two", [pixels, words], [result]
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / "two.onnx"
    )
    with pytest.raises(EncoderError, match=r"2 inputs \(pixels, input_ids\).*extract_model"):
        registry.describe(f"onnx:{tmp_path / 'two.onnx'}", options={})


def test_a_constant_of_a_node_in_a_second_file_is_seen_too(tmp_path: Path) -> None:
    hidden = TensorProto(name="secret", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    inner = helper.make_graph([helper.make_node("Constant", [], ["secret"], value=hidden)], "inner", [], [])
    node = helper.make_node("If", ["yes"], ["out"], then_branch=inner, else_branch=inner)
    model = helper.make_model(helper.make_graph([node], "outer", [], []))
    assert external_files(model.SerializeToString()) == [""]
    hidden.data_location = TensorProto.DEFAULT
    plain = helper.make_graph([helper.make_node("Constant", [], ["secret"], value=hidden)], "inner", [], [])
    assert not external_files(helper.make_model(plain).SerializeToString())
    assert not external_files(b"not a network")


def test_a_network_that_gives_every_picture_the_same_vector_is_refused(tmp_path: Path) -> None:
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, 8, 8])
    result = helper.make_tensor_value_info("result", TensorProto.FLOAT, ["batch", 3, 1, 1])
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixels"], ["mean"]),
        helper.make_node("Sub", ["mean", "mean"], ["result"]),
    ]
    graph = helper.make_graph(nodes, "zero", [pixels], [result])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / "zero.onnx"
    )
    with pytest.raises(EncoderError, match="the same vector"):
        registry.describe(f"onnx:{tmp_path / 'zero.onnx'}", options={})


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


def test_outputs_as_exporters_name_them_become_taps_that_can_be_stored(tmp_path: Path) -> None:
    matrix = write_network(tmp_path / "net.onnx")
    model = onnx.load(tmp_path / "net.onnx")
    for node in model.graph.node:
        node.output[:] = ["/head/Flatten_output_0" if name == "embedding" else name for name in node.output]
        node.input[:] = ["/head/Flatten_output_0" if name == "embedding" else name for name in node.input]
    model.graph.output[0].name = "/head/Flatten_output_0"
    onnx.save(model, tmp_path / "net.onnx")
    source = f"onnx:{tmp_path / 'net.onnx'}"

    spec = registry.describe(source, options={"tap": "/head/Flatten_output_0"})
    encoder = registry.load(spec, device="cpu")

    (tap,) = spec.taps
    assert registry.describe(source, options={"tap": tap.name}) == spec
    VectorStore(tmp_path / "store").tap_store(spec.fingerprint, tap.name)
    assert isinstance(encoder, Encoder)
    pixels = np.random.default_rng(0).standard_normal((2, 3, 8, 8)).astype(np.float32)
    assert encoder.encode(pixels, [tap.name])[tap.name] == pytest.approx(pixels.mean((2, 3)) @ matrix, abs=1e-5)


def test_every_output_has_a_tap_of_its_own() -> None:
    names = tap_names(["a:0", "a/0", "embedding", "/", "x" * 200])

    assert len(set(names.values())) == 5
    assert names["embedding"] == "embedding"
    assert all(0 < len(name) <= 80 for name in names.values())


def test_a_gpu_worker_embeds_with_the_runtime_that_comes_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_network(tmp_path / "net.onnx")
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])

    encoder = registry.load(registry.describe(f"onnx:{tmp_path / 'net.onnx'}"), device="cuda")

    assert isinstance(encoder, Encoder)
