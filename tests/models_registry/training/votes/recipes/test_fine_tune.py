"""`fine-tune`: losses by slow loops, who learns of what, that the last block moves along and nothing before it."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
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
from models_registry.training.common.training_loop import Task
from models_registry.training.votes.recipes import fine_tune
from models_registry.training.votes.recipes.fine_tune import RECIPE, Likes, _linear_layer, _part_pairs
from models_registry.training.votes.vote_configs import FineTuneConfig
from models_registry.training.votes.vote_data import Pairs, VoteData
from models_registry.training.votes.vote_splits import folds_of, split_votes
from tests.models_registry.training.votes.pictures import judged_pictures

DATA = judged_pictures()
QUICK: dict[str, Any] = {"shape": "scale", "labels": False, "folds": 3, "seed": 1, "batch_size": 16}


class Caught(Exception):
    """The task that the recipe was about to train."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task = task


def _task(folder: Path, monkeypatch: pytest.MonkeyPatch, data: VoteData = DATA, **settings: Any) -> Task:
    def fit(task: Task, *_arguments: object, **_more: object) -> None:
        raise Caught(task)

    monkeypatch.setattr(fine_tune, "fit", fit)
    config = FineTuneConfig(**{**QUICK, **settings})
    with pytest.raises(Caught) as caught:
        RECIPE.run(data, config, folder, on_progress=lambda _report: None, resume=False)
    return caught.value.task


def _learnt_and_judged() -> tuple[Pairs, Pairs]:
    pairs = DATA.ballots.where(split_votes(DATA, DATA.base_matrix()).learn).summed_pairs()
    held = folds_of(DATA, 3, 1) == 0
    ends = [
        int(held[query]) + int(held[candidate]) for query, candidate in zip(pairs.query, pairs.candidate, strict=True)
    ]
    return pairs.where(np.array(ends) == 0), pairs.where(np.array(ends) == 2)


def _cross_entropy(task: Task, pairs: Pairs, batch: NDArray[np.int64]) -> float:
    """Over a head of centre, map and length 1, before anything has moved."""
    head, likes = (task.module[name] for name in ("head", "likes"))  # type: ignore[index]
    with torch.no_grad():
        units = head(torch.from_numpy(DATA.base_matrix())).double()
    scale, shift = float(likes.log_scale.detach().exp()), float(likes.shift.detach())
    losses, weights = [], []
    for row in batch.tolist():
        logit = scale * float(units[pairs.query[row]] @ units[pairs.candidate[row]]) + shift
        chance = 1 / (1 + np.exp(-logit))
        losses.append(-pairs.likes[row] * np.log(chance) - pairs.nopes[row] * np.log(1 - chance))
        weights.append(pairs.likes[row] + pairs.nopes[row])
    return float(np.sum(losses) / np.sum(weights))


def test_batches_share_out_the_pairs_outside_the_first_fold_and_cost_their_cross_entropy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = _task(tmp_path, monkeypatch)
    learnt, _ = _learnt_and_judged()
    batches = [np.asarray(batch) for batch in task.batches(1, np.random.default_rng(0))]
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(learnt)))
    assert max(len(batch) for batch in batches) == 16
    for batch in batches[:3]:
        loss, told = task.loss(batch)
        expected = _cross_entropy(task, learnt, batch)
        assert float(loss.detach()) == pytest.approx(expected, rel=1e-4)
        assert told == {"cross_entropy": pytest.approx(expected, rel=1e-4), "moved": 0.0}


def test_an_epoch_is_judged_by_the_pairs_inside_the_first_fold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = _task(tmp_path, monkeypatch, augment=0.5)
    _, judged = _learnt_and_judged()
    assert len(judged) > 16
    with torch.no_grad():
        measured = task.measure()
    expected = _cross_entropy(task, judged, np.arange(len(judged)))
    assert measured.values == {"validation_loss": pytest.approx(expected, rel=1e-4)}
    assert measured.score == -measured.values["validation_loss"]


def test_what_moved_costs_its_share_of_what_was_there_in_network_and_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = _task(tmp_path, monkeypatch, strength=3.0)
    network, linear = task.module["tuned"][0], task.module["head"][1]  # type: ignore[index]
    moved = 0.0
    for layer in (network, linear):
        size = sum(float((values.detach() ** 2).sum()) for values in (layer.weight, layer.bias))
        with torch.no_grad():
            layer.weight += 0.01
        moved += 0.01**2 * layer.weight.numel() / size
    [batch, *_] = task.batches(1, np.random.default_rng(0))
    loss, told = task.loss(batch)
    assert told["moved"] == pytest.approx(moved, rel=1e-3)
    assert float(loss.detach()) == pytest.approx(told["cross_entropy"] + 3.0 * moved, rel=1e-4)


def test_pictures_are_varied_while_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = _task(tmp_path, monkeypatch, augment=0.5)
    [batch, *_] = task.batches(1, np.random.default_rng(0))
    assert float(task.loss(batch)[0].detach()) != float(task.loss(batch)[0].detach())


@pytest.mark.parametrize("tune", ["block", "lora"])
def test_only_the_block_or_its_change_the_map_and_the_two_numbers_of_likes_learn(
    tune: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(5)
    task = _task(tmp_path, monkeypatch, tune=tune, rank=2)
    again = _task(tmp_path, monkeypatch, tune=tune, rank=2)
    names = {"block": ("0.weight", "0.bias"), "lora": ("0.down", "0.up")}[tune]
    learning = {name for name, values in task.module.named_parameters() if values.requires_grad}
    assert learning == {
        *(f"tuned.{name}" for name in names), "head.1.weight", "head.1.bias", "likes.log_scale", "likes.shift",
    }  # fmt: skip
    for name, values in task.module.state_dict().items():
        assert torch.equal(values, again.module.state_dict()[name]), name
    [batch, *_] = task.batches(1, np.random.default_rng(0))
    loss, _ = task.loss(batch)
    assert _leaves_of(loss) == {id(values) for values in task.module.parameters()}


def _leaves_of(loss: torch.Tensor) -> set[int]:
    """The parameters to which the loss gives a gradient."""
    seen, leaves, waiting = set(), set(), [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            leaves.add(id(node.variable))
        waiting += [before for before, _ in node.next_functions]
    return leaves


def test_guesses_before_the_map_stay_as_they_were_learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labelled = replace(DATA, categories=["warm" if row % 2 else "cold" for row in range(len(DATA.keys))])
    task = _task(tmp_path, monkeypatch, labelled, labels=True)
    head = task.module["head"]  # type: ignore[index]
    assert [type(layer).__name__ for layer in head] == ["Centre", "Linear", "Guesses", "Linear", "Normalise"]
    learning = {name for name, values in head.named_parameters() if values.requires_grad}
    assert learning == {"3.weight", "3.bias"}
    plain = _task(tmp_path, monkeypatch).module["head"]  # type: ignore[index]
    assert [type(layer).__name__ for layer in plain] == ["Centre", "Linear", "Normalise"]


def test_likes_are_a_line_of_the_cosine() -> None:
    likes = Likes(4.0, -1.5)
    queries, candidates = torch.randn(5, 3), torch.randn(5, 3)
    expected = [
        4.0 * sum(a * b for a, b in zip(q, c, strict=True)) - 1.5
        for q, c in zip(queries.tolist(), candidates.tolist(), strict=True)
    ]
    assert likes(queries, candidates).tolist() == pytest.approx(expected, rel=1e-4)


def test_a_linear_layer_is_the_weight_and_bias_that_were_given() -> None:
    rng = np.random.default_rng(0)
    weight, bias, rows = (rng.normal(size=size).astype(np.float32) for size in ((2, 3), 2, (4, 3)))
    layer = _linear_layer(weight, bias)
    assert isinstance(layer, nn.Linear)
    assert layer(torch.from_numpy(rows)).detach().numpy() == pytest.approx(rows @ weight.T + bias, abs=1e-6)


@pytest.mark.parametrize("inside", [9, 10])
def test_ten_pairs_of_held_out_items_are_enough_to_say_when_to_stop(inside: int) -> None:
    rng = np.random.default_rng(0)
    held = np.arange(40) < 20
    ends = np.concatenate([
        rng.integers(0, 20, (inside, 2)), rng.integers(20, 40, (7, 2)),
        np.column_stack([np.arange(5), np.arange(25, 30)]), np.column_stack([np.arange(25, 29), np.arange(4)]),
    ])  # fmt: skip
    pairs = Pairs(ends[:, 0], ends[:, 1], rng.random(len(ends)), np.ones(len(ends)))
    if inside == 9:
        with pytest.raises(TrainingError, match="shop has 9 pairs of two held-out items to tell when to stop, and 10"):
            _part_pairs(pairs, held, "shop")
        return
    learnt, judged = _part_pairs(pairs, held, "shop")
    assert judged.likes.tolist() == pairs.likes[:10].tolist()
    assert learnt.likes.tolist() == pairs.likes[10:17].tolist()


def test_the_measures_of_a_run_tell_what_was_tuned(tmp_path: Path) -> None:
    told: list[EpochReport] = []
    config = FineTuneConfig(**{**QUICK, "tune": "lora", "rank": 2, "epochs": 1, "batch_size": 256})
    outcome = RECIPE.run(DATA, config, tmp_path, on_progress=told.append, resume=False)
    assert outcome.metrics["tuned"] == {"how": "lora", "weights": 2 * (64 + 64 * 9)}
    assert outcome.metrics["chosen"] == {"shape": "scale", "strength": 1e-4}
    assert outcome.metrics["epochs"] == 1
    assert [report.part for report in told] == ["folds"] * 3 + [""] * 2
    names = set(trainable_network(DATA).state_dict())
    assert set(read_tensors(outcome.encoder_dir / BACKBONE)) == names, "the change is in the weights that it changes"


def test_a_gpu_that_is_not_there_is_missed_before_anything_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingError, match="torch finds no GPU here"):
        RECIPE.check(DATA, FineTuneConfig(**QUICK, device="cuda"))


def test_too_few_votes_and_a_network_that_cannot_change_are_refused() -> None:
    with pytest.raises(TrainingError, match="and 5000 are needed"):
        RECIPE.check(DATA, FineTuneConfig(fewest=5000))
    with pytest.raises(TrainingError, match="learn a map over it with adapter"):
        RECIPE.check(replace(DATA, base=replace(DATA.base, family="onnx")), FineTuneConfig())


ENTRY = recipe_named("fine-tune", "votes")
FEW_EPOCHS = {"epochs": 3, "learning_rate": 1e-3, "shape": "scale", "labels": False}


def tune(folder: Path, told: list[EpochReport] | None = None, *, stop_at: int = 0, **settings: Any) -> Outcome:
    def listen(report: EpochReport) -> None:
        if told is not None and report.part == "":
            told.append(report)
        if stop_at and report.part == "" and report.epoch == stop_at:
            raise Stopped

    folder.mkdir(exist_ok=True)
    config = configure_recipe(ENTRY.config_type(), {**FEW_EPOCHS, **settings})
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
