"""Networks of transformers, a VGG and an EfficientNet learn along: what moves, what is written, and what answers."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models_registry.encoders.checkpoint import BACKBONE, read_checkpoint, read_tensors
from models_registry.encoders.encoder_base import Encoder
from models_registry.encoders.tunable_networks import network_with_weights, unfrozen_network
from models_registry.errors import WeightsMissing, WeightsRefused
from models_registry.evaluate import Interval
from models_registry.pictures import open_rgb
from models_registry.preprocess import prepare_picture
from models_registry.registry import describe, load
from models_registry.store import Vectors
from models_registry.training.common import tuned_weights
from models_registry.training.common.backbones import TunedNetwork
from models_registry.training.common.export_bundle import take_away
from models_registry.training.common.recipe_base import configure_recipe, recipe_named
from models_registry.training.common.training_errors import TrainingError
from models_registry.training.common.training_loop import Measured
from models_registry.training.common.tuned_weights import Tuning, blocks_before, require_library
from models_registry.training.labels.label_configs import TripletConfig
from models_registry.training.labels.labelled_pictures import LabelledPictures
from models_registry.training.labels.recipes import ranking_outcome, triplet
from models_registry.training.labels.recipes.triplet import RECIPE as TRIPLET
from models_registry.training.votes.recipes import fine_tune
from models_registry.training.votes.vote_data import Rival, Span, VoteData
from tests.models_registry.training.test_recipe_promises import painted
from tests.models_registry.training.votes.pictures import judged_pictures

transformers = pytest.importorskip("transformers", reason="transformers is optional and not installed")

EPOCHS = itertools.count()
QUICK = TripletConfig(
    epochs=1, batches=2, groups=4, dim=8, tune="blocks", blocks=1, validation_share=0.2, learning_rate=1e-2, dropout=0.0
)
LAYERS = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
SIZE = {"image_size": 32, "patch_size": 16}


def small(kind: str) -> Any:
    """A network of this kind with random weights."""
    torch.manual_seed(0)
    if kind == "vit":
        return transformers.ViTModel(transformers.ViTConfig(**LAYERS, **SIZE))
    if kind == "clip":
        words = {**LAYERS, "vocab_size": 50, "max_position_embeddings": 8}
        config = transformers.CLIPConfig(text_config=words, vision_config={**LAYERS, **SIZE}, projection_dim=12)
        return transformers.CLIPModel(config)
    if kind == "dinov2":
        return transformers.Dinov2Model(transformers.Dinov2Config(**LAYERS, **SIZE, mlp_ratio=2))
    if kind == "convnext":
        return transformers.ConvNextModel(transformers.ConvNextConfig(hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 2]))
    if kind == "swin":
        config = transformers.SwinConfig(
            image_size=32, patch_size=4, embed_dim=8, depths=[1, 2], num_heads=[2, 2], window_size=4
        )
        return transformers.SwinModel(config)
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 2], layer_type="basic")
    return transformers.ResNetModel(config)


LAST = {
    "vit": ("layers.2.", "layer.2.", "layernorm", "pooler"),
    "clip": ("vision_model.encoder.layers.2.", "vision_model.post_layernorm", "visual_projection"),
    "dinov2": ("layer.2.", "layers.2.", "layernorm"),
    "convnext": ("stages.3.layers.1.", "layernorm"),
    "swin": ("layers.1.blocks.1.", "layernorm"),
    "resnet": ("stages.1.layers.1.", "pooler"),
}
"""The beginnings of names, or parts, of what may move where one block learns along."""


@pytest.fixture(params=sorted(LAST))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def _later_is_better(monkeypatch: pytest.MonkeyPatch) -> None:
    """What learnt longest is kept, whatever it learnt: here it is the weights that matter."""
    monkeypatch.setattr(triplet.judging, "judge_vectors", lambda *_: {"map_at_r": float(next(EPOCHS))})
    monkeypatch.setattr(ranking_outcome, "_compare_on_validation", lambda *_: Interval(1.0, 1.0, 1.0, 1))


@pytest.fixture
def network_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], LabelledPictures]:
    """Labelled pictures under a network of a kind, which is kept as registered ones are."""
    monkeypatch.setenv("MODEL_WEIGHTS_DIR", str(tmp_path / "weights"))

    def made(kind: str) -> LabelledPictures:
        folder = tmp_path / kind
        small(kind).save_pretrained(folder)
        told = {"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32}}
        (folder / "preprocessor_config.json").write_text(json.dumps(told))
        base = describe(f"hf:{folder}")
        (tmp_path / "weights").mkdir(exist_ok=True)
        kept = tmp_path / "weights" / f"{base.weights_sha256}.safetensors"
        shutil.move(folder / "model.safetensors", kept)
        return replace(painted(), base=base, base_tap=base.taps[0].name, base_weights=kept)

    return made


def trained(data: LabelledPictures, folder: Path, **changes: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    config = replace(QUICK, **changes)
    TRIPLET.check(data, config)
    return TRIPLET.run(data, config, folder, on_progress=lambda _report: None, resume=False).encoder_dir


def vectors_of(encoder_dir: Path, data: LabelledPictures) -> np.ndarray:
    encoder = load(describe(f"checkpoint:{encoder_dir}"))
    assert isinstance(encoder, Encoder)
    pictures = [open_rgb(picture.source) for picture in data.pictures[:6]]
    batch = np.stack([prepare_picture(picture, None, data.base.rules) for picture in pictures])
    return encoder.encode(batch, ["embedding"])["embedding"]


def test_only_the_last_block_and_what_comes_behind_it_moves(
    kind: str, network_of: Callable[[str], LabelledPictures], tmp_path: Path
) -> None:
    data = network_of(kind)
    before = {
        name: values.numpy() for name, values in network_with_weights(data.base, data.base_weights).state_dict().items()
    }

    written = read_tensors(trained(data, tmp_path / "run") / BACKBONE)

    assert written
    for name, values in written.items():
        assert any(part in name for part in LAST[kind]), name
        assert not np.array_equal(values, before[name])
    block = LAST[kind][0]
    assert any(block in name or LAST[kind][1] in name for name in written)
    # What a ResNet has behind its blocks has no weights.
    assert kind == "resnet" or any(LAST[kind][-1] in name for name in written)
    state = torch.load(tmp_path / "run" / "run.checkpoint", weights_only=True)["module"]
    own = {name for name in state if name.startswith("backbone.")}
    assert {name.removeprefix("backbone.").replace("/", ".") for name in own} >= set(written)
    assert len(own) < len(before)


def test_what_was_tuned_answers_as_it_was_trained_to(
    kind: str, network_of: Callable[[str], LabelledPictures], tmp_path: Path
) -> None:
    data = network_of(kind)
    encoder_dir = trained(data, tmp_path / "run")
    spec = read_checkpoint(encoder_dir / "spec.json")
    changed = {name: torch.from_numpy(values) for name, values in read_tensors(encoder_dir / BACKBONE).items()}
    peer = small(kind).eval()
    peer.load_state_dict({name.removeprefix("model."): values for name, values in changed.items()}, strict=False)
    pictures = [open_rgb(picture.source) for picture in data.pictures[:6]]
    batch = torch.from_numpy(np.stack([prepare_picture(picture, None, data.base.rules) for picture in pictures]))
    with torch.inference_mode():
        if kind == "clip":
            found = peer.get_image_features(pixel_values=batch)
            under = getattr(found, "pooler_output", found)
        else:
            under = peer(pixel_values=batch).pooler_output.flatten(1)
    head = read_tensors(encoder_dir / "head.safetensors")
    number = spec.head.layers.index("linear")
    expected = under.numpy() @ head[f"{number}.weight"].T + head[f"{number}.bias"]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)

    np.testing.assert_allclose(vectors_of(encoder_dir, data), expected, atol=1e-5)
    assert spec.is_tuned
    assert spec.base.fingerprint == data.base.fingerprint or spec.base.weights_sha256 == data.base.weights_sha256


@pytest.mark.parametrize("blocks", [0, 2])
def test_more_blocks_move_more_and_0_moves_all_of_them(
    blocks: int, network_of: Callable[[str], LabelledPictures], tmp_path: Path
) -> None:
    written = read_tensors(trained(network_of("dinov2"), tmp_path / "run", blocks=blocks) / BACKBONE)

    moved = {number for number in range(3) for name in written if f".{number}." in name}
    assert moved == ({0, 1, 2} if blocks == 0 else {1, 2})
    assert not any("embeddings" in name for name in written)


def test_the_whole_network_moves_where_it_is_told_to(
    network_of: Callable[[str], LabelledPictures], tmp_path: Path
) -> None:
    written = read_tensors(trained(network_of("dinov2"), tmp_path / "run", tune="backbone") / BACKBONE)

    assert any("embeddings" in name for name in written)


def test_normalisation_of_batches_keeps_its_statistics(
    network_of: Callable[[str], LabelledPictures], tmp_path: Path
) -> None:
    written = read_tensors(trained(network_of("resnet"), tmp_path / "run", tune="backbone") / BACKBONE)

    assert not any("running" in name or "tracked" in name for name in written)


def test_an_encoder_taken_away_brings_the_weights_that_did_not_change(
    network_of: Callable[[str], LabelledPictures], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = network_of("vit")
    encoder_dir = trained(data, tmp_path / "run")
    expected = vectors_of(encoder_dir, data)

    taken = take_away(encoder_dir / "spec.json", tmp_path / "away")

    assert "base.safetensors" in taken.files
    monkeypatch.setenv("MODEL_WEIGHTS_DIR", str(tmp_path / "elsewhere"))
    np.testing.assert_allclose(vectors_of(tmp_path / "away", data), expected, atol=1e-6)
    with pytest.raises(WeightsMissing, match="is not on this machine"):
        vectors_of(encoder_dir, data)


def test_changed_weights_that_are_not_those_written_are_refused(
    network_of: Callable[[str], LabelledPictures], tmp_path: Path
) -> None:
    from safetensors.numpy import save_file

    data = network_of("vit")
    encoder_dir = trained(data, tmp_path / "run")
    before = describe(f"checkpoint:{encoder_dir}").fingerprint
    written = read_tensors(encoder_dir / BACKBONE)

    save_file({name: values + 1 for name, values in written.items()}, encoder_dir / BACKBONE)

    with pytest.raises(WeightsRefused):
        vectors_of(encoder_dir, data)
    shutil.rmtree(encoder_dir)
    assert describe(f"checkpoint:{trained(data, tmp_path / 'run', seed=1)}").fingerprint != before


def test_blocks_of_plain_networks_are_found_before_a_tap() -> None:
    vgg = unfrozen_network(describe("tiny-vgg"), None)
    blocks, behind = blocks_before(vgg, "fc6-pre")
    assert (blocks[-1], list(behind)) == (vgg.classifier[0], [])
    assert len(blocks_before(vgg, "fc7")[0]) == len(blocks) + 1
    assert len(blocks_before(vgg, "pool5")[0]) == len(blocks) - 1


def test_only_the_last_layer_of_a_vgg_moves(tmp_path: Path) -> None:
    data = painted()
    before = {name: values.numpy() for name, values in network_with_weights(data.base, None).state_dict().items()}

    written = read_tensors(trained(data, tmp_path / "run") / BACKBONE)

    assert {name for name in written if not np.array_equal(written[name], before[name])} == {
        "classifier.0.weight",
        "classifier.0.bias",
    }
    assert set(written) == set(before)


@pytest.mark.parametrize("kind", ["vit", "clip", "resnet", "tiny-vgg"])
def test_changes_of_low_rank_are_merged_when_they_are_written(
    kind: str, network_of: Callable[[str], LabelledPictures], tmp_path: Path
) -> None:
    pytest.importorskip("peft", reason="peft is optional and not installed")
    data = painted() if kind == "tiny-vgg" else network_of(kind)
    before = {
        name: values.numpy() for name, values in network_with_weights(data.base, data.base_weights).state_dict().items()
    }

    encoder_dir = trained(data, tmp_path / "run", tune="lora", rank=2)

    written = read_tensors(encoder_dir / BACKBONE)
    moved = {
        name: values - before[name] for name, values in written.items() if not np.array_equal(values, before[name])
    }
    assert moved
    for name, change in moved.items():
        assert name.endswith(".weight"), name
        flat = change.reshape(len(change), -1).astype(np.float64)
        assert np.linalg.matrix_rank(flat, tol=1e-5 * np.abs(flat).max()) <= (2 if change.ndim == 2 else 2 * 9), name
    state = torch.load(tmp_path / "run" / "run.checkpoint", weights_only=True)["module"]
    assert all("lora_" in name for name in state if name.startswith("backbone."))
    assert vectors_of(encoder_dir, data).shape == (6, 8)


def test_merged_changes_answer_as_the_adapted_network_did(
    network_of: Callable[[str], LabelledPictures], tmp_path: Path
) -> None:
    pytest.importorskip("peft", reason="peft is optional and not installed")
    network = TunedNetwork(network_of("vit"), augment=0.0, tuning=Tuning("lora", 1, 2))
    for values in network.module.parameters():
        torch.nn.init.normal_(values, std=0.5)
    rows = np.arange(5)
    with torch.no_grad():
        adapted = network.base_vectors(rows, training=False)
        network.exported_weights()
        merged = network.base_vectors(rows, training=False)

    assert not torch.allclose(
        merged, TunedNetwork(network_of("vit"), augment=0.0).base_vectors(rows, training=False), atol=1e-3
    )
    assert torch.allclose(merged, adapted, atol=1e-5)


def test_without_the_library_changes_of_low_rank_are_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuned_weights, "find_spec", lambda _name: None)
    with pytest.raises(TrainingError, match="tune=lora needs the library peft, which is optional: pip install peft"):
        TRIPLET.check(painted(), replace(QUICK, tune="lora"))
    require_library("blocks")


@pytest.mark.parametrize("how", ["block", "lora"])
def test_votes_tune_the_last_block_of_a_network_of_transformers(
    how: str, network_of: Callable[[str], LabelledPictures], tmp_path: Path
) -> None:
    labelled = network_of("vit")
    data = judged_by(labelled)
    entry = recipe_named("fine-tune", "votes")
    settings = {"epochs": 1, "learning_rate": 1e-3, "shape": "scale", "labels": False, "tune": how, "rank": 2}
    config = configure_recipe(entry.config_type(), settings)
    entry.load_recipe().check(data, config)
    best = Measured(0.0, {"validation_loss": 0.0})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fine_tune, "Measured", lambda *_: replace(best, score=float(next(EPOCHS))))
        outcome = entry.load_recipe().run(data, config, tmp_path, on_progress=lambda _report: None, resume=False)

    written = read_tensors(outcome.encoder_dir / BACKBONE)
    assert written
    assert all(".layers.2." in name or ".layer.2." in name for name in written)
    assert np.linalg.norm(vectors_of(outcome.encoder_dir, labelled), axis=1) == pytest.approx(np.ones(6), abs=1e-5)


def judged_by(labelled: LabelledPictures) -> VoteData:
    """Pictures that people judged, under the network of labelled ones."""
    data = judged_pictures()
    encoder = load(labelled.base, weights=labelled.base_weights)
    assert isinstance(encoder, Encoder)
    pictures = [open_rgb(picture.source) for picture in data.pictures]
    batch = np.stack([prepare_picture(picture, None, labelled.base.rules) for picture in pictures])
    vectors = Vectors.from_array(encoder.encode(batch, [labelled.base_tap])[labelled.base_tap])
    own = {"base": labelled.base, "base_tap": labelled.base_tap, "base_weights": labelled.base_weights}
    rivals = [Rival("vit:cosine", "cosine", vectors, True)]
    return replace(data, **own, vectors=vectors, spans=[Span("vit", 0, vectors.dim)], rivals=rivals)
