"""`fine-tune`: the last block learns along with the map, and nothing before it moves."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from models_registry.encoders.checkpoint import BACKBONE, apply_head, read_tensors
from models_registry.encoders.encoder_base import Encoder
from models_registry.preprocess import prepare_picture
from models_registry.registry import describe, load
from models_registry.training.common.backbones import trainable_network
from models_registry.training.common.heads import Guesses, Normalise, export_head
from models_registry.training.common.recipe_base import EpochReport, Outcome, configure_recipe, recipe_named
from models_registry.training.common.training_errors import Stopped, TrainingError
from tests.models_registry.training.votes.pictures import judged_pictures

DATA = judged_pictures()
ENTRY = recipe_named("fine-tune", "votes")
QUICK = {"epochs": 3, "learning_rate": 1e-3, "shape": "scale", "labels": False}


def tune(folder: Path, told: list[EpochReport] | None = None, *, stop_at: int = 0, **settings: Any) -> Outcome:
    def listen(report: EpochReport) -> None:
        if told is not None and report.part == "":
            told.append(report)
        if stop_at and report.part == "" and report.epoch == stop_at:
            raise Stopped

    folder.mkdir(exist_ok=True)
    config = configure_recipe(ENTRY.config_type(), {**QUICK, **settings})
    return ENTRY.load_recipe().run(DATA, config, folder, on_progress=listen, resume=True)


@pytest.fixture(scope="module")
def told() -> list[EpochReport]:
    return []


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, told: list[EpochReport]) -> Outcome:
    return tune(tmp_path_factory.mktemp("tuned"), told)


def test_only_the_last_block_moves(tuned: Outcome) -> None:
    before = {name: values.numpy(force=True) for name, values in trainable_network(DATA).state_dict().items()}
    after = read_tensors(tuned.encoder_dir / BACKBONE)
    assert set(after) == set(before)
    moved = {name for name, values in before.items() if not np.array_equal(values, after[name])}
    assert moved == {"features.12.weight", "features.12.bias"}


def test_low_rank_moves_the_weights_of_the_block_by_that_rank(tmp_path: Path) -> None:
    outcome = tune(tmp_path / "lora", tune="lora", rank=2)
    before = {name: values.numpy(force=True) for name, values in trainable_network(DATA).state_dict().items()}
    after = read_tensors(outcome.encoder_dir / BACKBONE)
    moved = {name for name, values in before.items() if not np.array_equal(values, after[name])}
    assert moved == {"features.12.weight"}
    change = (after["features.12.weight"] - before["features.12.weight"]).reshape(64, -1)
    sizes = np.linalg.svd(change, compute_uv=False)
    assert sizes[1] > 0
    assert sizes[2] < 1e-3 * sizes[0]


def test_it_begins_where_the_adapter_ends_and_gets_better(tuned: Outcome, told: list[EpochReport]) -> None:
    assert [report.epoch for report in told] == [0, 1, 2, 3]
    losses = [report.values["validation_loss"] for report in told]
    assert losses[-1] < losses[0]
    assert told[-1].values["cross_entropy"] < told[1].values["cross_entropy"]
    assert tuned.metrics["best_epoch"] > 0
    child, parent = tuned.metrics["lines"]
    assert child["vote_auc"]["value"] > parent["vote_auc"]["value"]


def test_without_steps_that_go_anywhere_it_is_the_adapter_over_the_frozen_network(tmp_path: Path) -> None:
    outcome = tune(tmp_path / "still", epochs=1, learning_rate=1e-12)
    before = trainable_network(DATA).state_dict()["features.12.weight"].numpy(force=True)
    np.testing.assert_allclose(read_tensors(outcome.encoder_dir / BACKBONE)["features.12.weight"], before, atol=1e-8)


def test_a_strong_pull_holds_it(tmp_path: Path, tuned: Outcome) -> None:
    before = trainable_network(DATA).state_dict()["features.12.weight"].numpy(force=True)
    held = tune(tmp_path / "held", strength=1e4)
    far, near = (
        np.linalg.norm(read_tensors(one.encoder_dir / BACKBONE)["features.12.weight"] - before) for one in (tuned, held)
    )
    assert near < far / 2


def test_a_run_that_was_stopped_goes_on_to_the_same_encoder(tmp_path: Path, tuned: Outcome) -> None:
    with pytest.raises(Stopped):
        tune(tmp_path / "stopped", stop_at=2)
    resumed = tune(tmp_path / "stopped")
    for name, values in read_tensors(tuned.encoder_dir / BACKBONE).items():
        assert np.array_equal(values, read_tensors(resumed.encoder_dir / BACKBONE)[name]), name
    assert resumed.metrics == tuned.metrics


def test_the_checkpoint_is_an_encoder_that_answers_as_it_was_measured(tuned: Outcome) -> None:
    encoder = load(describe(f"checkpoint:{tuned.encoder_dir}"))
    assert isinstance(encoder, Encoder)
    files = [picture.source for picture in DATA.pictures]
    images = [Image.open(io.BytesIO(file)) for file in files if isinstance(file, bytes)]
    batch = np.stack([prepare_picture(image, None, DATA.base.rules) for image in images])
    units = encoder.encode(batch, ["embedding"])["embedding"]
    np.testing.assert_allclose(np.linalg.norm(units, axis=1), 1, atol=1e-5)
    ballots = DATA.ballots
    cosine = np.einsum("ij,ij->i", units[ballots.query], units[ballots.candidate])
    old = DATA.base_matrix()
    old /= np.linalg.norm(old, axis=1, keepdims=True)
    before = np.einsum("ij,ij->i", old[ballots.query], old[ballots.candidate])
    apart = cosine[ballots.like].mean() - cosine[~ballots.like].mean()
    assert apart > 2 * (before[ballots.like].mean() - before[~ballots.like].mean())


@pytest.mark.parametrize("family", ["onnx", "joint", "checkpoint"])
def test_a_network_that_cannot_change_is_refused_in_one_line(family: str) -> None:
    other = replace(DATA, base=replace(DATA.base, family=family))
    with pytest.raises(
        TrainingError, match=f"A {family} encoder cannot be tuned here, only a VGG, EfficientNet or hf: network; learn"
    ):
        ENTRY.load_recipe().check(other, ENTRY.config_type()())


def test_the_last_block_of_convolutions_is_tuned_below_pool5(tmp_path: Path) -> None:
    from models_registry.encoders.vgg.vgg_network import TINY, VGG16, blank_vgg
    from models_registry.training.votes.last_block import last_block

    vgg = blank_vgg(VGG16)
    assert [id(layer) for layer in last_block(vgg, "pool5")] == [id(vgg.features[number]) for number in (24, 26, 28)]
    assert last_block(vgg, "fc7-pre") == [vgg.classifier[3]]
    tiny = blank_vgg(TINY)
    assert last_block(tiny, "pool5") == [tiny.features[12]]


def test_guesses_inside_a_head_are_written_as_it_was_trained() -> None:
    torch.manual_seed(1)
    guesses = Guesses(torch.randn(3, 5), torch.randn(3))
    head = nn.Sequential(nn.Linear(4, 5), guesses, nn.Linear(8, 2), Normalise())
    spec, tensors = export_head(list(head), [("embedding", 4)])
    x = torch.randn(6, 4)
    assert spec.layers == ("linear", "guesses", "linear", "normalise")
    assert spec.taps[0].dim == 2
    np.testing.assert_allclose(apply_head(spec, tensors, x.numpy()), head(x).detach().numpy(), atol=1e-6)
