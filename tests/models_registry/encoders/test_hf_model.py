"""`hf:NAME` with tiny models of random weights, saved by the test; no network."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models_registry.encoders.encoder_base import Encoder
from models_registry.encoders.hf import hf_files
from models_registry.encoders.pooling import pool_states
from models_registry.errors import BadOption, EncoderError, WeightsMissing, WeightsRefused
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
    prepares(folder)
    return folder


def prepares(folder: Path) -> None:
    """The file of a processor, without which nothing says how pictures are prepared."""
    told = {"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32}}
    (folder / "preprocessor_config.json").write_text(json.dumps(told))


def clip(folder: Path) -> Path:
    torch.manual_seed(0)
    tower = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.CLIPConfig(
        text_config={**tower, "vocab_size": 50, "max_position_embeddings": 8},
        vision_config={**tower, "image_size": 32, "patch_size": 16},
        projection_dim=12,
    )
    transformers.CLIPModel(config).save_pretrained(folder)
    prepares(folder)
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
    assert rules.before_crop == 40
    assert (rules.size, rules.mean, rules.std) == ((32, 32), (0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
    assert (rules.interpolation, rules.resize) == ("bicubic", "shorter-side")
    assert describe(f"hf:{tmp_path}", options={"resize": "letterbox"}).rules.resize == "letterbox"


def test_a_model_without_a_processor_is_refused_unless_one_says_how_pictures_are_prepared(tmp_path: Path) -> None:
    """ImageNet's means would give plausible neighbours, and wrong ones."""
    vit(tmp_path)
    (tmp_path / "preprocessor_config.json").unlink()
    with pytest.raises(WeightsMissing, match=r"nor processor_config\.json: nothing says .* --mean, --std"):
        describe(f"hf:{tmp_path}")
    rules = describe(f"hf:{tmp_path}", options={"mean": "0.5", "std": "0.5"}).rules
    assert (rules.size, rules.mean, rules.std) == ((32, 32), (0.5,) * 3, (0.5,) * 3)


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


def test_weights_in_several_files_are_hashed_whole_and_give_the_same_vectors(tmp_path: Path) -> None:
    vit(tmp_path / "one")
    model = transformers.ViTModel.from_pretrained(tmp_path / "one")
    model.save_pretrained(tmp_path / "many", max_shard_size="8KB")
    prepares(tmp_path / "many")
    found = files(f"hf:{tmp_path / 'many'}")
    assert found[0].name == "model.safetensors.index.json"
    assert len(found) > 2
    spec = describe(f"hf:{tmp_path / 'many'}", options={"tap": "cls"})
    whole = loaded(f"hf:{tmp_path / 'one'}", tap="cls").encode(noise(), ["cls"])["cls"]
    (tmp_path / "kept").mkdir()
    for file in found:
        (tmp_path / "kept" / f"{spec.weights_sha256}{file.name.removeprefix('model')}").write_bytes(file.read_bytes())
    copy = load(spec, weights=tmp_path / "kept" / f"{spec.weights_sha256}.safetensors.index.json", device="cpu")
    assert isinstance(copy, Encoder)
    np.testing.assert_array_equal(copy.encode(noise(), ["cls"])["cls"], whole)

    last = tmp_path / "kept" / f"{spec.weights_sha256}{found[-1].name.removeprefix('model')}"
    last.write_bytes(last.read_bytes()[:-4] + b"0000")
    with pytest.raises(WeightsRefused, match="SHA-256 differs"):
        load(spec, weights=tmp_path / "kept" / f"{spec.weights_sha256}.safetensors.index.json", device="cpu")
    found[1].unlink()
    with pytest.raises(WeightsMissing, match="is not whole"):
        describe(f"hf:{tmp_path / 'many'}")


def test_an_index_leads_nowhere_else(tmp_path: Path) -> None:
    vit(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "part.safetensors")
    told = {"weight_map": {"a": "../../secret.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(told))
    with pytest.raises(WeightsRefused, match="files beside it"):
        describe(f"hf:{tmp_path}")


def test_one_file_of_weights_may_have_two_configurations(tmp_path: Path) -> None:
    vit(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    config = json.loads((tmp_path / "two" / "config.json").read_text())
    (tmp_path / "two" / "config.json").write_text(json.dumps({**config, "hidden_act": "relu"}))
    one, two = (describe(f"hf:{tmp_path / name}", options={"tap": "cls"}) for name in ("one", "two"))
    assert one.weights_sha256 == two.weights_sha256
    assert one.fingerprint != two.fingerprint
    kept = tmp_path / f"{one.weights_sha256}.safetensors"
    kept.write_bytes((tmp_path / "one" / "model.safetensors").read_bytes())
    vectors = []
    for spec in (one, two):
        encoder = load(spec, weights=kept, device="cpu")
        assert isinstance(encoder, Encoder)
        vectors.append(encoder.encode(noise(), ["cls"])["cls"])
    assert not np.array_equal(*vectors)


def test_what_sentence_transformers_saved_is_found_inside(tmp_path: Path) -> None:
    clip(tmp_path / "0_CLIPModel")
    (tmp_path / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": "0_CLIPModel"}]))
    assert [tap.name for tap in describe(f"hf:{tmp_path}").taps] == ["embedding"]


def test_a_projection_that_was_saved_along_is_kept(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = transformers.CLIPVisionConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=16,
        projection_dim=12,
    )  # fmt: skip
    model = transformers.CLIPVisionModelWithProjection(config).eval()
    model.save_pretrained(tmp_path)
    prepares(tmp_path)
    spec = describe(f"hf:{tmp_path}")
    assert [(tap.name, tap.dim) for tap in spec.taps] == [("embedding", 12)]
    found = loaded(f"hf:{tmp_path}").encode(noise(), ["embedding"])["embedding"]
    with torch.inference_mode():
        expected = model(pixel_values=torch.from_numpy(noise())).image_embeds.numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("size", ["48", "64x32"])
def test_another_size_than_it_was_trained_on(tmp_path: Path, size: str) -> None:
    for made in (vit(tmp_path / "vit"), clip(tmp_path / "clip")):
        spec = describe(f"hf:{made}", options={"size": size})
        encoder = load(spec, device="cpu")
        assert isinstance(encoder, Encoder)
        batch = np.zeros((1, 3, *spec.rules.size), dtype=np.float32)
        assert encoder.encode(batch, [spec.taps[0].name])[spec.taps[0].name].shape == (1, spec.taps[0].dim)
    assert spec.rules.size == ((48, 48) if size == "48" else (64, 32))


def test_patches_are_pooled_without_first_token_and_registers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = transformers.Dinov2WithRegistersConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, mlp_ratio=2, image_size=32, patch_size=16,
        num_register_tokens=4,
    )  # fmt: skip
    model = transformers.Dinov2WithRegistersModel(config).eval()
    model.save_pretrained(tmp_path)
    prepares(tmp_path)
    encoder = loaded(f"hf:{tmp_path}", tap="patch-mean,gem,mean,cls")
    found = encoder.encode(noise(), ["patch-mean", "gem", "mean", "cls"])
    with torch.inference_mode():
        states = model(pixel_values=torch.from_numpy(noise())).last_hidden_state.numpy()
    assert states.shape[1] == 1 + 4 + 4
    for pool in ("mean", "cls"):
        np.testing.assert_allclose(found[pool], pool_states(states, pool), atol=1e-5)
    patches = states[:, 5:]
    np.testing.assert_allclose(found["patch-mean"], patches.mean(1), atol=1e-5)
    np.testing.assert_allclose(found["gem"], pool_states(patches, "gem"), atol=1e-5)
    assert [tap.name for tap in describe(f"hf:{tmp_path}", options={"pool": "patch-mean"}).taps] == ["patch-mean"]
    with pytest.raises(BadOption, match="give one of them"):
        describe(f"hf:{tmp_path}", options={"pool": "gem", "tap": "cls"})


def test_a_model_for_any_ratio_is_refused_in_words(tmp_path: Path) -> None:
    tower = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.Siglip2VisionConfig(**tower, num_patches=4, patch_size=16)
    transformers.Siglip2VisionModel(config).save_pretrained(tmp_path)
    prepares(tmp_path)
    with pytest.raises(EncoderError, match=r"NaFlex.*take the variant"):
        describe(f"hf:{tmp_path}")


def test_other_weights_are_another_encoder(tmp_path: Path) -> None:
    first = describe(f"hf:{vit(tmp_path / 'one')}").fingerprint
    torch.manual_seed(1)
    config = transformers.ViTConfig.from_pretrained(tmp_path / "one")
    transformers.ViTModel(config).save_pretrained(tmp_path / "two")
    prepares(tmp_path / "two")
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
    prepares(tmp_path)
    with pytest.raises(EncoderError, match="reads no pictures"):
        describe(f"hf:{tmp_path}")


def test_without_the_library_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hf_files, "find_spec", lambda _name: None)
    with pytest.raises(EncoderError, match="pip install transformers"):
        describe(f"hf:{tmp_path}")
