"""`multi-task`: each task's loss by hand, their weighted sum, and the walk along the codes of validation pictures."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from models_registry.training.common.training_errors import TrainingError, UnusableLabels
from models_registry.training.labels.attributes import AttributeTable
from models_registry.training.labels.label_configs import MultiTaskConfig
from models_registry.training.labels.labelled_pictures import LabelledPictures
from models_registry.training.labels.latent_walk import latent_walk
from models_registry.training.labels.recipes.multi_level import embedding_network
from models_registry.training.labels.recipes.multi_task import (
    RECIPE,
    Heads,
    _training_task,
    _walk_of,
    evidence_bound_loss,
    masked_attributes,
)
from models_registry.training.labels.reviewed_triplets import Reviewed
from models_registry.training.labels.run_context import Session
from tests.models_registry.training.test_recipe_promises import painted

CONFIG = MultiTaskConfig(
    dim=5, groups=3, per_group=2, batches=2, augment=0.0, margin=0.7, validation_share=0.2, batch_size=8,
    attributes_weight=0.5, triplet_weight=2.0, vae_weight=0.25,
)  # fmt: skip
ROWS = np.array([0, 1, 4, 5, 6, 9, 14])


@cache
def _data() -> LabelledPictures:
    return painted(12)


def _heads(folder: Path, **settings: Any) -> tuple[Session, Heads]:
    config = replace(CONFIG, **settings)
    session = Session("multi-task", _data(), config, folder)
    backbone, head = embedding_network(session, config)
    return session, Heads(backbone, head, AttributeTable.from_pictures(_data()), config)


def _products(rows: np.ndarray[Any, Any]) -> Tensor:
    return torch.from_numpy(rows // 4)


@pytest.mark.parametrize("spread", [-30.0, -2.0, 0.0, 3.0, 30.0])
def test_codes_are_drawn_around_their_mean_and_held_to_a_standard_normal(spread: float) -> None:
    mean = torch.tensor([[0.5, -1.0], [2.0, 0.0], [-3.0, 0.1]])
    log_variance = torch.full((3, 2), spread) + torch.tensor([0.5, -0.5])
    target = torch.zeros(3, 2)
    torch.manual_seed(4)
    found = evidence_bound_loss(nn.Identity(), mean, log_variance, target)
    deviation = torch.exp(log_variance.clamp(-8, 8) / 2)
    torch.manual_seed(4)
    codes = mean + deviation * torch.randn(3, 2)
    divergence = kl_divergence(Normal(mean, deviation), Normal(0.0, 1.0)).sum(dim=1).mean()
    assert float(found) == pytest.approx(float((codes**2).mean() + divergence / 2), rel=1e-4)


def test_the_error_is_by_pixel_and_so_is_the_divergence() -> None:
    decoder = nn.Sequential(nn.Linear(2, 12), nn.Unflatten(1, (3, 2, 2)))
    nn.init.zeros_(decoder[0].weight)  # type: ignore[arg-type]
    nn.init.zeros_(decoder[0].bias)  # type: ignore[arg-type]
    found = evidence_bound_loss(decoder, torch.full((4, 2), 3.0), torch.zeros(4, 2), torch.full((4, 3, 2, 2), 2.0))
    assert float(found.detach()) == pytest.approx(4.0 + (2 * 3.0**2 / 2) / 12)


def test_one_known_value_is_the_whole_loss() -> None:
    logits = [torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.zeros(2, 3)]
    loss = masked_attributes(logits, torch.tensor([[-1, -1], [0, -1]]))
    assert float(loss) == pytest.approx(float(-torch.log_softmax(logits[0][1], 0)[0]))


def _by_hand(heads: Heads, rows: np.ndarray[Any, Any], margin: float) -> dict[str, float]:
    """The loss of each task; the codes are drawn with the generator as it is."""
    with torch.no_grad():
        pictures = heads.backbone.prepared_pixels(rows, training=False)
        features = heads.backbone.network_vectors(pictures)
        inner = heads.head[0](features)
        units = inner / inner.norm(dim=1, keepdim=True)
        values = AttributeTable.from_pictures(_data()).values
        surprises = [
            -float(torch.log_softmax(classifier(inner[number]), 0)[values[row, attribute]])
            for number, row in enumerate(rows.tolist())
            for attribute, classifier in enumerate(heads.classifiers)
            if values[row, attribute] >= 0
        ]
        hinges = []
        for a in range(len(rows)):
            for p in range(len(rows)):
                for n in range(len(rows)):
                    if a != p and rows[a] // 4 == rows[p] // 4 != rows[n] // 4:
                        near, far = float((units[a] - units[p]).norm()), float((units[a] - units[n]).norm())
                        if near < far < near + margin:
                            hinges.append(margin + near - far)
        small = nn.functional.interpolate(pictures, size=(32, 32), mode="area")
        autoencoder = evidence_bound_loss(heads.decoder, inner, heads.spread(features), small)
    return {"attributes": float(np.mean(surprises)), "triplet": float(np.mean(hinges)), "vae": float(autoencoder)}


def test_each_task_has_its_loss_and_only_wanted_ones_are_worked_out(tmp_path: Path) -> None:
    _, heads = _heads(tmp_path)
    heads.eval()
    none = np.empty((0, 3), dtype=np.int64)
    torch.manual_seed(2)
    expected = _by_hand(heads, ROWS, 0.7)
    for wanted in (["attributes"], ["triplet"], ["vae"], ["attributes", "triplet", "vae"]):
        torch.manual_seed(2)
        losses = heads.task_losses(ROWS, none, _products(ROWS), frozenset(wanted))
        assert {name: float(loss.detach()) for name, loss in losses.items()} == pytest.approx(
            {name: expected[name] for name in wanted}, abs=1e-4
        )


def test_accepted_triplets_add_their_own_loss_to_that_of_triplets(tmp_path: Path) -> None:
    _, heads = _heads(tmp_path)
    heads.eval()
    accepted = np.array([[0, 9, 1], [4, 8, 20]])
    losses = [
        float(heads.task_losses(ROWS, part, _products(ROWS), frozenset({"triplet"}))["triplet"].detach())
        for part in (accepted, accepted[:0])
    ]
    units = torch.from_numpy(heads.backbone.head_vectors(heads.head, np.arange(24)))
    hinges = [
        max(0.0, 0.7 + float((units[a] - units[p]).norm()) - float((units[a] - units[n]).norm()))
        for a, p, n in accepted.tolist()
    ]
    assert losses[0] - losses[1] == pytest.approx(np.mean(hinges), abs=1e-4)


def test_pictures_are_varied_while_training_and_not_for_the_walk(tmp_path: Path) -> None:
    session, heads = _heads(tmp_path, augment=0.6)
    heads.eval()
    one_product, accepted = np.array([0, 1]), np.array([[0, 9, 1], [4, 8, 20]])
    for task, reviewed in (("attributes", accepted[:0]), ("triplet", accepted)):
        losses = [
            float(heads.task_losses(one_product, reviewed, _products(one_product), frozenset({task}))[task].detach())
            for _ in range(2)
        ]
        assert losses[0] != losses[1]
    assert _walk_of(session, heads).spreads == _walk_of(session, heads).spreads


def test_the_walk_is_along_the_codes_of_validation_pictures(tmp_path: Path) -> None:
    session, heads = _heads(tmp_path)
    heads.eval()
    with torch.no_grad():
        codes = heads.head[0](heads.backbone.base_vectors(session.splits["val"], training=False)).numpy()
    walk, expected = _walk_of(session, heads), latent_walk(heads.decoder, codes, _data().base.rules)
    assert walk.dimensions == expected.dimensions
    assert walk.spreads == pytest.approx(expected.spreads, rel=1e-4)
    assert np.abs(walk.picture.astype(int) - expected.picture.astype(int)).max() <= 1


@pytest.mark.parametrize("part", ["joint", "attributes", "triplet", "vae"])
def test_together_tasks_are_weighed_and_alone_they_are_not(part: str, tmp_path: Path) -> None:
    session, heads = _heads(tmp_path)
    heads.eval()
    task = _training_task(session, CONFIG, part, heads)
    [(rows, accepted), _] = task.batches(1, np.random.default_rng(0))
    assert (len(rows), len(np.unique(rows // 4)), len(accepted)) == (6, 3, 0)
    loss, told = task.loss((rows, accepted))
    wanted = ("attributes", "triplet", "vae") if part == "joint" else (part,)
    assert set(told) == {f"{name}_loss" for name in wanted}
    weights = {"attributes": 0.5, "triplet": 2.0, "vae": 0.25} if part == "joint" else {part: 1.0}
    expected = sum(weight * told[f"{name}_loss"] for name, weight in weights.items())
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-5)
    assert task.part == part


def test_as_many_accepted_triplets_come_along_as_there_are_products_in_a_batch(tmp_path: Path) -> None:
    session, heads = _heads(tmp_path)
    rows = session.splits["train"].tolist()
    reviewed = Reviewed(accepted=np.array([[row, rows[0], rows[1]] for row in rows[2:10]]))
    told = replace(session, data=replace(_data(), reviewed=reviewed))
    batches = list(_training_task(told, CONFIG, "triplet", heads).batches(1, np.random.default_rng(0)))
    assert [len(accepted) for _, accepted in batches] == [3, 3]


def test_a_run_trains_four_parts_and_keeps_the_joint_one(tmp_path: Path) -> None:
    config = replace(CONFIG, epochs=1, batches=1)
    outcome = RECIPE.run(_data(), config, tmp_path, on_progress=lambda _report: None, resume=False)
    metrics = outcome.metrics
    assert list(metrics["fits"]) == ["joint", "attributes", "triplet", "vae"]
    assert metrics["validation"] == metrics["fits"]["joint"]["validation"]
    assert len(metrics["walk"]["dimensions"]) == 5
    assert (tmp_path / "walk.png").is_file()
    assert (outcome.encoder_dir / "spec.json").is_file()


def test_what_cannot_be_tuned_or_tells_nothing_apart_is_refused() -> None:
    data = _data()
    RECIPE.check(data, CONFIG)
    with pytest.raises(TrainingError, match="cannot be tuned here"):
        RECIPE.check(replace(data, base=replace(data.base, family="onnx")), CONFIG)
    with pytest.raises(UnusableLabels, match="has a product"):
        RECIPE.check(replace(data, products=[None] * len(data)), CONFIG)
    with pytest.raises(UnusableLabels, match="No attribute"):
        RECIPE.check(replace(data, categories=["one"] * len(data), attributes=[{}] * len(data)), CONFIG)
