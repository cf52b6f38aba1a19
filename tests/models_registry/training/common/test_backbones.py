"""What lies under a head: frozen vectors as they are stored, or a network that learns from the pixels."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from models_registry.encoders.encoder_choices import SHALLOW
from models_registry.encoders.shallow_paths import DIM
from models_registry.encoders.vgg.vgg_network import TINY, random_vgg
from models_registry.pictures import open_rgb
from models_registry.preprocess import prepare_picture
from models_registry.registry import describe
from models_registry.spec import EncoderSpec
from models_registry.training.common.backbones import Backbone, TunedNetwork, backbone_of
from models_registry.training.common.training_errors import TrainingError
from models_registry.training.common.tuned_weights import Tuning
from models_registry.training.labels.label_configs import LoopConfig
from models_registry.training.labels.labelled_pictures import LabelledPictures
from models_registry.training.labels.run_context import Session
from tests.models_registry.training.clouds import clouds
from tests.models_registry.training.test_recipe_promises import painted

ROWS = np.array([3, 0, 7])


@cache
def few() -> LabelledPictures:
    return painted(2)


def pictures_of(rows: np.ndarray) -> torch.Tensor:
    data = few()
    prepared = [prepare_picture(open_rgb(data.pictures[row].source), None, data.base.rules) for row in rows]
    return torch.from_numpy(np.stack(prepared))


def dropping_head(dim: int) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(dim, 4), nn.Dropout(0.5))


def test_frozen_vectors_are_those_of_the_data_on_the_device_of_training(tmp_path: Path) -> None:
    data = clouds(products=6)
    backbone = Backbone(Session("triplet", data, LoopConfig(), tmp_path))
    expected = data.vectors.take(ROWS)

    for training in (True, False):
        assert np.array_equal(backbone.base_vectors(ROWS, training=training).numpy(), expected)
    assert (backbone.dim, backbone.device, backbone.base) == (256, torch.device("cpu"), None)
    assert backbone.exported_weights() is None
    assert not backbone.is_tuned
    assert not list(backbone.module.parameters())


@pytest.mark.parametrize("is_training", [True, False])
@pytest.mark.parametrize("is_tuned", [True, False])
def test_a_head_is_looked_at_without_drop_out_and_without_varied_pictures(
    is_tuned: bool, is_training: bool, tmp_path: Path
) -> None:
    backbone = (
        TunedNetwork(few(), augment=0.9)
        if is_tuned
        else Backbone(Session("triplet", clouds(products=6), LoopConfig(), tmp_path))
    )
    head = dropping_head(backbone.dim).train(is_training)
    backbone.module.train()

    found = backbone.head_vectors(head, ROWS)

    below = (
        random_vgg(TINY, 0)(pictures_of(ROWS), ["fc6"])["fc6"]
        if is_tuned
        else torch.from_numpy(clouds(products=6).vectors.take(ROWS))
    )
    assert found == pytest.approx(head[0](below).detach().numpy(), abs=1e-5)
    assert found.dtype == np.float32
    assert head.training == head[1].training == is_training


def test_more_pictures_than_go_through_at_once_come_out_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TunedNetwork, "rows_at_once", 3)
    network, head = TunedNetwork(few(), augment=0.0), dropping_head(256)
    rows = np.array([5, 4, 3, 2, 1, 0, 7])
    found = network.head_vectors(head, rows)
    one_by_one = [network.head_vectors(head, rows[at : at + 1])[0] for at in range(7)]
    assert found == pytest.approx(np.array(one_by_one), abs=1e-5)


def test_only_pictures_that_are_trained_on_are_varied_and_gradients_reach_the_first_layer() -> None:
    network = TunedNetwork(few(), augment=0.9)
    assert network.is_tuned
    plain = network.base_vectors(ROWS, training=False)
    assert torch.equal(network.base_vectors(ROWS, training=False), plain)
    assert torch.equal(network.network_vectors(pictures_of(ROWS)), plain)
    torch.manual_seed(0)
    varied = network.base_vectors(ROWS, training=True)
    assert not torch.equal(varied, plain)
    varied.square().sum().backward()
    weight = dict(network.module.named_parameters())["features.0.weight"]
    assert weight.grad is not None
    assert bool(weight.grad.abs().sum() > 0)


def test_the_device_is_the_one_that_was_asked_for_else_that_of_training() -> None:
    for asked, expected in ((None, "cpu"), (torch.device("meta"), "meta")):
        network = TunedNetwork(few(), augment=0.0, device=asked)
        assert network.device == torch.device(expected)
        assert {values.device.type for values in network.network.parameters()} == {expected}


@pytest.mark.parametrize("tap", ["fc6", "fc7-pre", "pool5"])
def test_a_network_of_which_all_learns_is_written_whole(tap: str) -> None:
    data = replace(few(), base_tap=tap)
    network = TunedNetwork(data, augment=0.0)
    expected = random_vgg(TINY, 0)
    assert torch.equal(network.base_vectors(ROWS, training=False), expected(pictures_of(ROWS), [tap])[tap])
    assert network.module is network.network
    assert network.base == data.base
    weights = network.exported_weights()
    assert weights is not None
    assert set(weights) == set(expected.state_dict())
    assert all(np.array_equal(values, expected.state_dict()[name].numpy()) for name, values in weights.items())


def test_a_network_of_which_a_part_learns_is_written_whole_too() -> None:
    network = TunedNetwork(few(), augment=0.0, tuning=Tuning("blocks", 1))
    assert {name for name, _ in network.module.named_parameters()} == {"classifier/0/weight", "classifier/0/bias"}
    with torch.no_grad():
        for values in network.module.parameters():
            values.add_(1)
    weights, before = network.exported_weights(), random_vgg(TINY, 0).state_dict()
    assert weights is not None
    moved = {name for name, values in weights.items() if not np.array_equal(values, before[name].numpy())}
    assert set(weights) == set(before)
    assert moved == {"classifier.0.weight", "classifier.0.bias"}


def test_of_a_network_of_transformers_only_what_changed_is_written(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is optional and not installed")
    torch.manual_seed(0)
    layers = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    transformers.ViTModel(transformers.ViTConfig(**layers, image_size=32, patch_size=16)).save_pretrained(tmp_path)
    rules = {"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32}}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(rules))
    base = describe(f"hf:{tmp_path}")
    data = replace(few(), base=base, base_tap=base.taps[0].name, base_weights=tmp_path / "model.safetensors")

    network = TunedNetwork(data, augment=0.0)

    assert network.exported_weights() == {}
    name, values = next(iter(network.module.named_parameters()))
    with torch.no_grad():
        values.add_(1)
    changed = network.exported_weights()
    assert changed is not None
    assert set(changed) == {name.replace("/", ".")}
    assert np.array_equal(changed[name.replace("/", ".")], values.detach().numpy())


def test_shallow_paths_make_the_vectors_longer_and_begin_by_their_seed() -> None:
    plain = TunedNetwork(few(), augment=0.0)
    paths = [TunedNetwork(few(), augment=0.0, shallow=True, **seed) for seed in ({}, {"seed": 0}, {"seed": 1})]
    assert (plain.dim, [one.dim for one in paths]) == (256, [256 + DIM] * 3)
    assert paths[0].base is not None
    assert paths[0].base.options == {**few().base.options, SHALLOW: DIM}
    first, same, other = (one.base_vectors(ROWS, training=False) for one in paths)
    assert tuple(first.shape) == (3, 256 + DIM)
    assert torch.equal(first, same)
    assert torch.equal(first[:, :256], other[:, :256])
    assert not torch.equal(first[:, 256:], other[:, 256:])
    weights = paths[0].exported_weights()
    assert weights is not None
    assert {name.partition(".")[0] for name in weights} == {"deep", "paths"}


def test_the_backbone_of_a_run_is_what_its_tuning_says(tmp_path: Path) -> None:
    session = Session("triplet", few(), LoopConfig(seed=1), tmp_path)

    assert type(backbone_of(session, tuning=None)) is Backbone
    whole, part = (backbone_of(session, tuning=Tuning(how, 1)) for how in ("backbone", "blocks"))
    shallow = backbone_of(session, tuning=Tuning("backbone"), shallow=True, augment=0.9)

    assert (whole.dim, part.dim, shallow.dim) == (256, 256, 256 + DIM)
    assert len(list(whole.module.parameters())) == len(list(random_vgg(TINY, 0).parameters()))
    assert [name for name, _ in part.module.named_parameters()] == ["classifier/0/weight", "classifier/0/bias"]
    own = TunedNetwork(few(), augment=0.0, shallow=True, seed=1)
    plain = own.base_vectors(ROWS, training=False)
    assert torch.equal(shallow.base_vectors(ROWS, training=False), plain)
    assert not torch.equal(shallow.base_vectors(ROWS, training=True), plain)
    for unvaried in (whole, part):
        expected = unvaried.base_vectors(ROWS, training=False)
        assert torch.equal(unvaried.base_vectors(ROWS, training=True), expected)


def test_a_family_that_can_only_be_used_is_refused_with_what_to_do_instead() -> None:
    data = few()
    Backbone.require_tunable(data)
    Backbone.require_tunable(with_base(data, replace(data.base, family="hf")))
    histogram = with_base(data, replace(data.base, family="colour-histogram"))
    with pytest.raises(TrainingError, match="A colour-histogram encoder cannot be tuned here"):
        Backbone.require_tunable(histogram)
    with pytest.raises(TrainingError, match=r"network; leave it\.$"):
        Backbone.require_tunable(histogram, instead="leave it")


def with_base(data: LabelledPictures, base: EncoderSpec) -> LabelledPictures:
    return replace(data, base=base)
