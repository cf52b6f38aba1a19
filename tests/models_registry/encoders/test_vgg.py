"""VGG: the published layout, taps without hooks, and weights that are refused before they do harm."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from models_registry import registry
from models_registry.encoders.encoder_base import Encoder
from models_registry.encoders.torch_encoder import torch_device
from models_registry.encoders.tunable_networks import fill_network, read_state
from models_registry.encoders.vgg import vgg_network
from models_registry.encoders.vgg.vgg_network import TINY, VGG16, VggLayout, blank_vgg, random_vgg
from models_registry.errors import BadOption, EncoderError, WeightsMissing, WeightsRefused
from models_registry.weights import DIRECTORY_VARIABLE

PUBLISHED_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
PUBLISHED_KEYS = [
    f"{layer}.{kind}"
    for layer in (
        *(f"features.{index}" for index in PUBLISHED_CONVOLUTIONS),
        *(f"classifier.{index}" for index in (0, 3, 6)),
    )
    for kind in ("weight", "bias")
]

# As VGG16 from outside (4,096 numbers per tap), small enough to write to disk in a test.
THIN = VggLayout(blocks=((2,), (2,), (2,), (2,), (2,)), pooled=1, hidden=4096, classes=2)


def tiny(**options: str) -> Encoder:
    encoder = registry.load(registry.describe("tiny-vgg", options=options), device="cpu")
    assert isinstance(encoder, Encoder)
    return encoder


def batch_of(count: int, side: int = 64) -> np.ndarray:
    return np.random.default_rng(5).standard_normal((count, 3, side, side)).astype(np.float32)


def slow_taps(state: dict[str, torch.Tensor], pictures: torch.Tensor, layout: VggLayout) -> dict[str, torch.Tensor]:
    """The forward pass spelled out from the state dictionary alone."""
    layer, index = pictures, 0
    for block in layout.blocks:
        for _ in block:
            layer = functional.conv2d(
                layer, state[f"features.{index}.weight"], state[f"features.{index}.bias"], padding=1
            )
            layer, index = layer.clamp(min=0), index + 2
        layer, index = functional.max_pool2d(layer, 2), index + 1
    flat = functional.adaptive_avg_pool2d(layer, layout.pooled).reshape(len(pictures), -1)
    before6 = flat @ state["classifier.0.weight"].T + state["classifier.0.bias"]
    before7 = before6.clamp(min=0) @ state["classifier.3.weight"].T + state["classifier.3.bias"]
    return {"fc6-pre": before6, "fc6": before6.clamp(min=0), "fc7-pre": before7, "fc7": before7.clamp(min=0)}


def test_the_state_dictionary_has_the_published_keys_and_parameters() -> None:
    network = blank_vgg(VGG16)

    assert list(network.state_dict()) == PUBLISHED_KEYS
    assert sum(values.numel() for values in network.parameters()) == 138_357_544
    assert network.state_dict()["classifier.0.weight"].shape == (4096, 25088)


def test_every_tap_agrees_with_the_forward_pass_spelled_out() -> None:
    network = random_vgg(TINY, seed=3)
    for values in network.parameters():  # biases are drawn as 0, which would hide a forgotten one
        if values.dim() == 1:
            values.data.normal_(0, 0.1, generator=torch.Generator().manual_seed(len(values)))
    pictures = torch.from_numpy(batch_of(4))

    with torch.inference_mode():
        expected = slow_taps(network.state_dict(), pictures, TINY)
        found = network(pictures, list(expected))

    for tap, values in expected.items():
        assert torch.allclose(found[tap], values, rtol=1e-4, atol=1e-6), tap


def test_both_taps_come_from_one_pass_and_equal_separate_passes() -> None:
    encoder = tiny()

    together = encoder.encode(batch_of(5), ["fc6", "fc7"])

    assert together["fc6"].shape == together["fc7"].shape == (5, 256)
    for tap in ("fc6", "fc7"):
        assert np.array_equal(together[tap], encoder.encode(batch_of(5), [tap])[tap])


def test_taps_before_the_relu_have_negative_values_and_the_same_bits() -> None:
    encoder = tiny(tap="fc6,fc6-pre")

    found = encoder.encode(batch_of(5), ["fc6", "fc6-pre"])

    assert found["fc6-pre"].min() < 0
    assert found["fc6"].min() == 0
    assert np.array_equal(found["fc6"] > 0, found["fc6-pre"] > 0)


def test_there_is_no_dropout_noise() -> None:
    encoder = tiny()

    assert np.array_equal(encoder.encode(batch_of(3), ["fc7"])["fc7"], encoder.encode(batch_of(3), ["fc7"])["fc7"])


def test_the_batch_changes_vectors_by_rounding_at_most() -> None:
    encoder = tiny()
    whole = encoder.encode(batch_of(7), ["fc7"])["fc7"]

    singly = np.concatenate([encoder.encode(batch_of(7)[i : i + 1], ["fc7"])["fc7"] for i in range(7)])

    assert np.abs(whole - singly).max() <= 1e-5 * np.abs(whole).max()


def test_drawn_weights_depend_on_the_seed_and_on_nothing_else() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = random_vgg(TINY, seed=0).state_dict()
    untouched = torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    again, other = random_vgg(TINY, seed=0).state_dict(), random_vgg(TINY, seed=1).state_dict()

    assert untouched
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["features.0.weight"], other["features.0.weight"])


def test_the_tiny_network_gives_its_golden_vector() -> None:
    down, across = np.mgrid[0:64, 0:64] / 64
    picture = np.stack([down, across, down * across])[None].astype(np.float32)

    found = tiny(seed="0").encode(picture, ["fc6"])["fc6"][0]

    golden = [
        0.010709,
        0.007412,
        0.004643,
        0.000000,
        0.009919,
        0.050560,
        0.000000,
        0.015833,
        0.008070,
        0.000000,
        0.000000,
        0.000000,
    ]
    assert found[:12] == pytest.approx(golden, abs=1e-5)


def test_the_tiny_network_reads_64_or_96_pixels_and_nothing_else() -> None:
    assert tiny(size="96").encode(batch_of(2, 96), ["fc6"])["fc6"].shape == (2, 256)
    with pytest.raises(EncoderError, match=r"\(3, 96, 96\)"):
        tiny(size="96").encode(batch_of(2, 64), ["fc6"])
    with pytest.raises(BadOption, match="64 or 96"):
        registry.describe("tiny-vgg", options={"size": "80"})


def test_seed_and_size_are_part_of_the_fingerprint() -> None:
    specs = [registry.describe("tiny-vgg", options=o) for o in ({}, {"seed": "1"}, {"size": "96"}, {"mean": "0.5"})]

    assert len({spec.fingerprint for spec in specs}) == 4


def test_an_unknown_tap_is_refused() -> None:
    with pytest.raises(EncoderError, match="no tap fc8; it has fc6, fc7"):
        tiny().encode(batch_of(1), ["fc8"])


def test_random_vgg16_runs_and_has_the_published_size() -> None:
    spec = registry.describe("vgg16.random")
    encoder = registry.load(spec, device="cpu")
    assert isinstance(encoder, Encoder)

    found = encoder.encode(batch_of(2, 224), ["fc6", "fc7"])

    assert spec.preprocess is not None
    assert (spec.preprocess.size, spec.preprocess.resize) == ((224, 224), "squash")
    assert found["fc6"].shape == found["fc7"].shape == (2, 4096)
    assert 0.2 < (found["fc7"] > 0).mean() < 0.8


@pytest.fixture
def thin_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A weight file of the thin network, which stands in for VGG16."""
    monkeypatch.setattr(vgg_network, "VGG16", THIN)
    path = tmp_path / "thin.pth"
    torch.save(random_vgg(THIN, seed=0).state_dict(), path)
    return path


def test_it_loads_a_file_of_tensors_and_safetensors_alike(thin_weights: Path, tmp_path: Path) -> None:
    tensors = tmp_path / "thin.safetensors"
    save_file({name: values.contiguous() for name, values in read_state(thin_weights).items()}, tensors)
    vectors = []
    for path in (thin_weights, tensors):
        encoder = registry.load(registry.describe(f"vgg16.imagenet:{path}"), device="cpu")
        assert isinstance(encoder, Encoder)
        vectors.append(encoder.encode(batch_of(2, 224), ["fc7"])["fc7"])

    assert vectors[0].any()
    assert np.array_equal(*vectors)


def test_it_finds_the_published_file_in_its_folder(thin_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(thin_weights.parent))
    with pytest.raises(WeightsMissing, match=r"fetch vgg16.imagenet.*--file FILE"):
        registry.describe("vgg16.imagenet")
    thin_weights.rename(thin_weights.with_name("vgg16-397923af.pth"))

    spec = registry.describe("vgg16.imagenet")

    published = thin_weights.with_name("vgg16-397923af.pth")
    assert spec.weights_sha256 == hashlib.sha256(published.read_bytes()).hexdigest()
    assert registry.files("vgg16.imagenet") == (published,)
    assert isinstance(registry.load(spec), Encoder)


def test_changed_weights_are_refused_after_registration(thin_weights: Path) -> None:
    spec = registry.describe(f"vgg16.imagenet:{thin_weights}")
    torch.save(random_vgg(THIN, seed=1).state_dict(), thin_weights)

    with pytest.raises(WeightsRefused, match="SHA-256 differs"):
        registry.load(spec)
    assert registry.describe(f"vgg16.imagenet:{thin_weights}").fingerprint != spec.fingerprint


def test_a_file_with_nan_is_refused_naming_it(thin_weights: Path) -> None:
    state = read_state(thin_weights)
    state["classifier.3.weight"][0, 0] = float("nan")
    torch.save(state, thin_weights)

    with pytest.raises(WeightsRefused, match=r"thin\.pth: classifier\.3\.weight holds NaN"):
        registry.load(registry.describe(f"vgg16.imagenet:{thin_weights}"))


class Explosive:
    """What a hostile file holds: code that runs when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("exploded"),))


def test_a_file_that_holds_code_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "hostile.pth"
    torch.save({"features.0.weight": Explosive()}, path)
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Explosive(), protocol=2))

    for hostile in (path, tmp_path / "plain.pth"):
        with pytest.raises(WeightsRefused, match="not a plain file of tensors"):
            read_state(hostile)
    assert not (tmp_path / "exploded").exists()


def test_weights_of_another_network_are_refused_naming_what_differs() -> None:
    state = random_vgg(TINY, seed=0).state_dict()

    with pytest.raises(WeightsRefused, match=r"f\.pth.*classifier\.6\.bias is missing"):
        fill_network(
            blank_vgg(TINY), {name: values for name, values in state.items() if name != "classifier.6.bias"}, "f.pth"
        )
    with pytest.raises(WeightsRefused, match="extra is not part of it"):
        fill_network(blank_vgg(TINY), {**state, "extra": torch.zeros(1)}, "f.pth")
    with pytest.raises(WeightsRefused, match=r"classifier\.6\.bias has the shape \(3,\), not \(10,\)"):
        fill_network(blank_vgg(TINY), {**state, "classifier.6.bias": torch.zeros(3)}, "f.pth")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_refused_in_words() -> None:
    assert torch_device("auto").type == "cpu"
    with pytest.raises(EncoderError, match="no GPU"):
        registry.load(registry.describe("tiny-vgg"), device="cuda")
