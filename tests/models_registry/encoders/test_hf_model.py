"""`hf:NAME` with tiny models of random weights, saved by the test; no network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models_registry.encoders import hf_model
from models_registry.encoders.base import Encoder
from models_registry.errors import EncoderError, WeightsMissing, WeightsRefused
from models_registry.registry import describe, files, load

transformers = pytest.importorskip("transformers", reason="transformers is optional and not installed")
torch = pytest.importorskip("torch")


def vit(folder: Path, **more: Any) -> Path:
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=16
    )
    model = more.pop("model", transformers.ViTModel)(config, **more)
    model.save_pretrained(folder)
    return folder


def clip(folder: Path) -> Path:
    torch.manual_seed(0)
    tower = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.CLIPConfig(
        text_config={**tower, "vocab_size": 50, "max_position_embeddings": 8},
        vision_config={**tower, "image_size": 32, "patch_size": 16},
        projection_dim=12,
    )
    transformers.CLIPModel(config).save_pretrained(folder)
    return folder


def loaded(source: str, **options: str) -> Encoder:
    found = load(describe(source, options=options))
    assert isinstance(found, Encoder)
    return found


def noise(count: int = 3) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, 3, 32, 32)).astype(np.float32)


def test_a_vit_gives_what_transformers_gives(tmp_path: Path) -> None:
    encoder = loaded(f"hf:{vit(tmp_path)}", tap="pooled,cls,mean")
    found = encoder.encode(noise(), ["pooled", "cls", "mean"])
    with torch.inference_mode():
        model = transformers.ViTModel.from_pretrained(tmp_path).eval()
        expected = model(pixel_values=torch.from_numpy(noise()))
    np.testing.assert_allclose(found["pooled"], expected.pooler_output.numpy(), atol=1e-5)
    np.testing.assert_allclose(found["cls"], expected.last_hidden_state[:, 0].numpy(), atol=1e-5)
    np.testing.assert_allclose(found["mean"], expected.last_hidden_state.mean(1).numpy(), atol=1e-5)


def test_a_two_tower_model_gives_its_projected_vector(tmp_path: Path) -> None:
    spec = describe(f"hf:{clip(tmp_path)}")
    assert [(tap.name, tap.dim) for tap in spec.taps] == [("embedding", 12)]
    found = loaded(f"hf:{tmp_path}").encode(noise(), ["embedding"])["embedding"]
    with torch.inference_mode():
        features = (
            transformers.CLIPModel.from_pretrained(tmp_path)
            .eval()
            .get_image_features(pixel_values=torch.from_numpy(noise()))
        )
    np.testing.assert_allclose(found, getattr(features, "pooler_output", features).numpy(), atol=1e-5)


def test_pooling_without_its_weights_is_not_offered(tmp_path: Path) -> None:
    """The library would fill it with random numbers and say nothing."""
    spec = describe(f"hf:{vit(tmp_path, model=transformers.ViTForImageClassification)}")
    assert [tap.name for tap in spec.taps] == ["cls"]


def test_preprocessing_is_what_the_models_files_say(tmp_path: Path) -> None:
    vit(tmp_path)
    told = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.2, 0.2], "resample": 3, "do_center_crop": True}
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps({**told, "size": {"shortest_edge": 40}, "crop_size": 32})
    )
    rules = describe(f"hf:{tmp_path}").rules
    assert (rules.size, rules.mean, rules.std) == ((32, 32), (0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
    assert (rules.interpolation, rules.resize) == ("bicubic", "shorter-side")
    assert describe(f"hf:{tmp_path}", options={"resize": "letterbox"}).rules.resize == "letterbox"


def test_the_copies_of_its_files_give_the_same_vectors(tmp_path: Path) -> None:
    source = f"hf:{vit(tmp_path / 'net')}"
    spec = describe(source)
    names = []
    for file in files(source):
        names.append(f"{spec.weights_sha256}{file.name.removeprefix('model')}")
        (tmp_path / names[-1]).write_bytes(file.read_bytes())
    copy = load(spec, weights=tmp_path / names[0])
    assert isinstance(copy, Encoder)
    tap = spec.taps[0].name
    np.testing.assert_array_equal(copy.encode(noise(), [tap])[tap], loaded(source).encode(noise(), [tap])[tap])
    (tmp_path / names[0]).write_bytes(b"other")
    with pytest.raises(WeightsRefused, match="SHA-256 differs"):
        load(spec, weights=tmp_path / names[0])


def test_other_weights_are_another_encoder(tmp_path: Path) -> None:
    first = describe(f"hf:{vit(tmp_path / 'one')}").fingerprint
    torch.manual_seed(1)
    config = transformers.ViTConfig.from_pretrained(tmp_path / "one")
    transformers.ViTModel(config).save_pretrained(tmp_path / "two")
    assert describe(f"hf:{tmp_path / 'two'}").fingerprint != first
    assert describe(f"hf:{vit(tmp_path / 'three')}").fingerprint == first


def test_what_is_not_on_this_machine_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="hf download nobody/no-such-model"):
        describe("hf:nobody/no-such-model")
    with pytest.raises(WeightsMissing, match=r"no config\.json"):
        describe(f"hf:{tmp_path}")
    with pytest.raises(WeightsMissing, match="Write hf:FOLDER"):
        describe("hf:")


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    vit(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsRefused, match="may run code"):
        describe(f"hf:{tmp_path}")


def test_a_model_of_texts_reads_no_pictures(tmp_path: Path) -> None:
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
    )
    transformers.BertModel(config).save_pretrained(tmp_path)
    with pytest.raises(EncoderError, match="reads no pictures"):
        describe(f"hf:{tmp_path}")


def test_without_the_library_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hf_model, "find_spec", lambda _name: None)
    with pytest.raises(EncoderError, match="pip install transformers"):
        describe(f"hf:{tmp_path}")
