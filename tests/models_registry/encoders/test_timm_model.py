"""`timm:NAME`: what it says without its libraries, and with a stand-in for them whether the pieces fit."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from models_registry.encoders.encoder_base import Encoder
from models_registry.errors import EncoderError, WeightsMissing, WeightsRefused
from models_registry.registry import describe, load


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, pixels: Any) -> Any:
        return self.conv(pixels).mean(dim=(2, 3))


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The few calls we make of timm, as its documentation has them."""
    rules = {"input_size": (3, 16, 16), "interpolation": "bicubic", "mean": (0.5,) * 3, "std": (0.25,) * 3}
    stand_in = SimpleNamespace(
        is_model=lambda name: name == "net",
        create_model=lambda _name, **_how: Net(),
        get_pretrained_cfg=lambda _name: SimpleNamespace(hf_hub_id=None),
        data=SimpleNamespace(resolve_model_data_config=lambda _network: rules),
    )
    monkeypatch.setitem(sys.modules, "timm", stand_in)


def weights(folder: Path, **more: Any) -> Path:
    torch.manual_seed(0)
    save_file({**Net().state_dict(), **more}, folder / "net.safetensors")
    return folder / "net.safetensors"


@pytest.mark.parametrize(
    ("told", "resize", "before"),
    [
        ({"crop_pct": 0.875}, "shorter-side", 18),
        ({"crop_pct": 1.0, "crop_mode": "center"}, "shorter-side", None),
        ({"crop_pct": 0.8, "crop_mode": "squash"}, "squash", 20),
    ],
)
def test_pictures_are_made_larger_and_cut_as_the_network_wants(
    timm: None, tmp_path: Path, told: dict[str, Any], resize: str, before: int | None
) -> None:
    rules = {"input_size": (3, 16, 16), "interpolation": "bicubic", "mean": (0.5,) * 3, "std": (0.25,) * 3, **told}
    sys.modules["timm"].data.resolve_model_data_config = lambda _network: rules  # type: ignore[attr-defined]
    spec = describe(f"timm:net={weights(tmp_path)}")
    assert (spec.rules.resize, spec.rules.before_crop) == (resize, before)


def test_without_its_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(EncoderError, match="pip install timm torchvision"):
        describe("timm:resnet50")


def test_a_network_gives_its_embedding_with_its_own_preprocessing(timm: None, tmp_path: Path) -> None:
    spec = describe(f"timm:net={weights(tmp_path)}")
    assert [(tap.name, tap.dim) for tap in spec.taps] == [("embedding", 4)]
    assert (spec.rules.size, spec.rules.interpolation, spec.rules.mean) == ((16, 16), "bicubic", (0.5, 0.5, 0.5))
    encoder = load(spec)
    assert isinstance(encoder, Encoder)
    batch = np.random.default_rng(0).standard_normal((2, 3, 16, 16)).astype(np.float32)
    torch.manual_seed(0)
    with torch.inference_mode():
        expected = Net()(torch.from_numpy(batch)).numpy()
    np.testing.assert_allclose(encoder.encode(batch, ["embedding"])["embedding"], expected, atol=1e-6)


def test_the_classifier_in_the_file_is_left_out_and_what_lacks_is_told(timm: None, tmp_path: Path) -> None:
    describe(f"timm:net={weights(tmp_path, **{'fc.weight': torch.ones(2, 2)})}")
    save_file({"conv.bias": torch.ones(4)}, tmp_path / "half.safetensors")
    with pytest.raises(WeightsRefused, match=r"such as conv\.weight"):
        describe(f"timm:net={tmp_path / 'half.safetensors'}")


def test_unknown_networks_and_missing_weights_are_told(timm: None, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="no network called other"):
        describe(f"timm:other={weights(tmp_path)}")
    with pytest.raises(WeightsMissing, match="timm:net=FILE"):
        describe("timm:net")
    with pytest.raises(WeightsMissing, match="no file"):
        describe(f"timm:net={tmp_path / 'gone.safetensors'}")
