"""Preprocessing and taps of `hf:` against the library's own processors, on small models of random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models_registry.encoders.encoder_base import Encoder
from models_registry.errors import BadOption
from models_registry.registry import describe, load

transformers = pytest.importorskip("transformers", reason="transformers is optional and not installed")
torch = pytest.importorskip("torch")

TOWER = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}


def clip() -> Any:
    config = transformers.CLIPConfig(
        text_config={**TOWER, "vocab_size": 50, "max_position_embeddings": 8},
        vision_config={**TOWER, "image_size": 32, "patch_size": 16},
        projection_dim=12,
    )
    return transformers.CLIPModel(config)


def vit() -> Any:
    return transformers.ViTModel(transformers.ViTConfig(**TOWER, image_size=32, patch_size=16))


def photo(size: tuple[int, int]) -> Image.Image:
    coarse = np.random.default_rng(0).integers(0, 255, (6, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def saved(model: Any, folder: Path) -> None:
    """A model with the file that says how its pictures are prepared."""
    model.save_pretrained(folder)
    transformers.ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)


def prepared(folder: Path, size: tuple[int, int]) -> np.ndarray:
    encoder = load(describe(f"hf:{folder}"))
    assert isinstance(encoder, Encoder)
    out = np.empty(encoder.input_shape, dtype=np.float32)
    encoder.prepare(out, photo(size), None)
    return out


PROCESSORS: dict[str, tuple[str, dict[str, Any]]] = {
    "clip": ("CLIPImageProcessorPil", {"size": {"shortest_edge": 32}, "crop_size": 32}),
    "vit": ("ViTImageProcessorPil", {"size": {"height": 32, "width": 32}}),
    "vit without means": ("ViTImageProcessorPil", {"size": {"height": 32, "width": 32}, "do_normalize": False}),
    "vit on 0 to 255": ("ViTImageProcessorPil", {"size": {"height": 32, "width": 32}, "do_rescale": False}),
    "vit on -1 to 1": (
        "ViTImageProcessorPil",
        {
            "size": {"height": 32, "width": 32},
            "rescale_factor": 1 / 127.5,
            "image_mean": [1.0] * 3,
            "image_std": [1.0] * 3,
        },
    ),
    "swin": (
        "ViTImageProcessorPil",
        {
            "size": {"height": 32, "width": 32},
            "resample": 3,
            "image_mean": [0.485, 0.456, 0.406],
            "image_std": [0.2] * 3,
        },
    ),
    "siglip": ("SiglipImageProcessorPil", {"size": {"height": 32, "width": 32}}),
    "siglip 2": ("SiglipImageProcessorPil", {"size": {"height": 32, "width": 32}, "resample": 2}),
    "mobilevit": ("MobileViTImageProcessorPil", {"size": {"shortest_edge": 36}, "crop_size": 32}),
    "dinov2": (
        "BitImageProcessorPil",
        {"size": {"shortest_edge": 37}, "crop_size": 32, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.2] * 3},
    ),
    "convnext": ("ConvNextImageProcessorPil", {"size": {"shortest_edge": 32}, "crop_pct": 0.875}),
    "resnet": ("ConvNextImageProcessorPil", {"size": {"shortest_edge": 32}, "crop_pct": 0.875, "resample": 2}),
}


@pytest.mark.parametrize("name", PROCESSORS)
@pytest.mark.parametrize("nested", [False, True], ids=["file of its own", "inside a processor"])
@pytest.mark.parametrize("place", [(90, 60), (61, 97), (33, 160)], ids=str)
def test_a_picture_is_prepared_as_the_models_own_processor_does(
    tmp_path: Path, name: str, nested: bool, place: tuple[int, int]
) -> None:
    kind, told = PROCESSORS[name]
    vit().save_pretrained(tmp_path)
    processor = getattr(transformers, kind)(**told)
    processor.save_pretrained(tmp_path)
    expected = processor(images=photo(place), return_tensors="np")["pixel_values"][0]
    if nested:
        own = tmp_path / "preprocessor_config.json"
        record = {"image_processor": json.loads(own.read_text()), "processor_class": "CLIPProcessor"}
        (tmp_path / "processor_config.json").write_text(json.dumps(record))
        own.unlink()

    # The same pixels: what is left is how floats are rounded.
    scale = float(np.abs(expected).max())
    assert prepared(tmp_path, place) == pytest.approx(expected, abs=1e-5 * scale)


def test_convnext_for_many_pixels_squashes(tmp_path: Path) -> None:
    vit().save_pretrained(tmp_path)
    processor = transformers.ConvNextImageProcessorPil(size={"shortest_edge": 384})
    processor.save_pretrained(tmp_path)
    rules = describe(f"hf:{tmp_path}").rules
    assert (rules.size, rules.resize, rules.before_crop) == ((384, 384), "squash", None)


def test_dinov3_is_prepared_as_torch_resizes(tmp_path: Path) -> None:
    """Its processor needs torchvision, whose resizing is that of torch: what is compared with here."""
    vit().save_pretrained(tmp_path)
    told = {
        "image_processor_type": "DINOv3ViTImageProcessorFast", "do_resize": True, "do_rescale": True, "resample": 2,
        "size": {"height": 32, "width": 32}, "rescale_factor": 1 / 255, "do_normalize": True,
        "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "do_center_crop": None,
    }  # fmt: skip
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(told))
    pixels = torch.from_numpy(np.asarray(photo((90, 60))).transpose(2, 0, 1)[None] / np.float32(255))
    resized = torch.nn.functional.interpolate(pixels, (32, 32), mode="bilinear", antialias=True)[0].numpy()
    expected = (resized - np.array(told["image_mean"])[:, None, None]) / np.array(told["image_std"])[:, None, None]
    # Pillow rounds to whole colours, across and then down; torch does not.
    assert prepared(tmp_path, (90, 60)) == pytest.approx(expected, abs=1.1 / 255 / 0.22)


def test_a_file_of_older_versions_is_completed_by_its_class(tmp_path: Path) -> None:
    vit().save_pretrained(tmp_path)
    told = {"feature_extractor_type": "CLIPFeatureExtractor", "size": 32, "crop_size": 32}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(told))
    rules = describe(f"hf:{tmp_path}").rules
    assert rules.mean == pytest.approx((0.48145466, 0.4578275, 0.40821073))
    assert (rules.resize, rules.before_crop, rules.interpolation) == ("shorter-side", 32, "bicubic")


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_weights_in_half_precision_are_computed_with_in_whole(tmp_path: Path, kind: str) -> None:
    saved(vit().to(getattr(torch, kind)), tmp_path)

    encoder = load(describe(f"hf:{tmp_path}"), device="cpu")

    assert isinstance(encoder, Encoder)
    network = encoder._passes._network  # type: ignore[attr-defined]
    assert {values.dtype for values in network.model.parameters()} == {torch.float32}


def test_the_first_patch_is_not_offered_as_a_first_token(tmp_path: Path) -> None:
    config = transformers.SiglipVisionConfig(**TOWER, image_size=32, patch_size=16)
    saved(transformers.SiglipVisionModel(config), tmp_path / "siglip")
    saved(clip(), tmp_path / "clip")

    with pytest.raises(BadOption, match="has no tap cls; it has pooled, mean, patch-mean, gem"):
        describe(f"hf:{tmp_path / 'siglip'}", options={"tap": "cls"})
    assert [tap.name for tap in describe(f"hf:{tmp_path / 'clip'}", options={"tap": "cls,mean"}).taps] == [
        "cls",
        "mean",
    ]


@pytest.mark.parametrize(("taps", "runs"), [(["embedding"], 1), (["cls", "mean"], 1), (["embedding", "cls"], 2)])
def test_the_vision_tower_runs_only_for_what_is_asked(tmp_path: Path, taps: list[str], runs: int) -> None:
    saved(clip(), tmp_path)
    encoder = load(describe(f"hf:{tmp_path}", options={"tap": ",".join(taps)}), device="cpu")
    assert isinstance(encoder, Encoder)
    seen: list[int] = []
    model = encoder._passes._network.model  # type: ignore[attr-defined]
    model.vision_model.encoder.register_forward_hook(lambda *_: seen.append(1))

    encoder.encode(np.zeros((2, 3, 32, 32), dtype=np.float32), taps)

    assert len(seen) == runs
