"""`multi-level`: the loss of its triplets by hand, how many make a batch, and what a run without a baseline tells."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from models_registry.encoders.checkpoint import SPEC, apply_head, read_checkpoint, read_head
from models_registry.training.common.training_errors import TrainingError, UnusableLabels
from models_registry.training.labels.label_configs import MultiLevelConfig
from models_registry.training.labels.labelled_pictures import LabelledPictures
from models_registry.training.labels.recipes.multi_level import RECIPE, embedding_network, epoch_validator, steps_of
from models_registry.training.labels.reviewed_triplets import Reviewed
from models_registry.training.labels.run_context import Session
from models_registry.training.labels.validation import judge_vectors, question_of
from tests.models_registry.training.clouds import clouds
from tests.models_registry.training.test_recipe_promises import painted
from tests.models_registry.training.test_reviewed import task_of

QUICK = {"dim": 4, "batches": 2, "batch_size": 16, "known": 1, "augment": 0, "margin": 0.6}


@cache
def _data() -> LabelledPictures:
    return painted(12)


@pytest.mark.parametrize(
    ("pictures", "batches", "steps"), [(50, 0, 6), (48, 0, 6), (47, 0, 5), (8, 0, 1), (3, 0, 1), (50, 2, 2), (3, 4, 4)]
)
def test_an_epoch_shows_each_picture_about_once_unless_it_is_told_how_long_to_be(
    pictures: int, batches: int, steps: int
) -> None:
    session: Any = SimpleNamespace(splits={"train": np.arange(pictures)})
    assert steps_of(session, MultiLevelConfig(batch_size=8, batches=batches)) == steps


def test_every_part_begins_with_the_same_network_and_projection_to_length_one(tmp_path: Path) -> None:
    config = MultiLevelConfig(dim=4, seed=3, augment=0.0)
    session = Session("multi-level", _data(), config, tmp_path)
    (one, head), (two, other_head) = (embedding_network(session, config) for _ in range(2))
    rows = np.arange(6)
    vectors = one.head_vectors(head, rows)
    assert vectors == pytest.approx(two.head_vectors(other_head, rows))
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(6))
    another = embedding_network(session, replace(config, seed=4))
    assert np.abs(vectors - another[0].head_vectors(another[1], rows)).max() > 1e-3


def test_half_a_batch_is_drawn_and_an_eighth_of_it_are_accepted_triplets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Session("multi-level", _data(), MultiLevelConfig(validation_share=0.2), tmp_path).splits["train"].tolist()
    accepted = np.array([[row, rows[0], rows[1]] for row in rows[2:12]])
    reviewed = replace(_data(), reviewed=Reviewed(accepted=accepted))
    for data, size in ((_data(), 8), (reviewed, 10)):
        task = task_of("multi-level", data, tmp_path, monkeypatch, **QUICK)
        batches = list(task.batches(1, np.random.default_rng(0)))
        assert [batch.shape for batch in batches] == [(size, 3)] * 2
        spelt = {tuple(line) for line in batches[0][8:].tolist()}
        assert len(spelt) == size - 8
        assert spelt <= {tuple(line) for line in accepted.tolist()}


def test_a_batch_has_the_mean_hinge_of_its_triplets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = task_of("multi-level", _data(), tmp_path, monkeypatch, **QUICK)
    task.module.eval()
    config = MultiLevelConfig(dim=4, augment=0.0)
    network, head = embedding_network(Session("multi-level", _data(), config, tmp_path), config)
    vectors = torch.from_numpy(network.head_vectors(head, np.arange(len(_data()))))
    batch = np.concatenate(list(task.batches(1, np.random.default_rng(0))))
    hinges, right = [], []
    for anchor, positive, negative in batch.tolist():
        near, far = (float((vectors[anchor] - vectors[row]).norm()) for row in (positive, negative))
        hinges.append(max(0.0, 0.6 + near - far))
        right.append(near < far)
    loss, told = task.loss(batch)
    assert float(loss.detach()) == pytest.approx(np.mean(hinges), abs=1e-4)
    assert told == {"triplet_accuracy": pytest.approx(np.mean(right))}
    assert 0 < np.mean(right) < 1


def test_pictures_that_look_the_same_are_not_told_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = task_of("multi-level", clouds(products=12), tmp_path, monkeypatch, **QUICK)
    task.module.eval()
    [batch, _] = task.batches(1, np.random.default_rng(0))
    assert task.loss(batch)[1] == {"triplet_accuracy": 0.0}


def test_pictures_are_varied_while_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = task_of("multi-level", _data(), tmp_path, monkeypatch, **{**QUICK, "augment": 0.6})
    task.module.eval()
    [batch, _] = task.batches(1, np.random.default_rng(0))
    assert float(task.loss(batch)[0].detach()) != float(task.loss(batch)[0].detach())


def test_an_epoch_is_judged_on_the_validation_pictures(tmp_path: Path) -> None:
    config = MultiLevelConfig(dim=4, augment=0.0, validation_share=0.2)
    session = Session("multi-level", _data(), config, tmp_path)
    network, head = embedding_network(session, config)
    measured = epoch_validator(session, network, head)()
    rows = session.splits["val"]
    expected = judge_vectors(question_of(_data(), rows), network.head_vectors(head, rows), "cosine")
    assert measured.values == pytest.approx(expected)
    assert measured.score == pytest.approx(expected["map_at_r"])
    assert list(measured.point_keys) == [_data().keys[row] for row in rows]


@pytest.mark.parametrize("baseline", [True, False])
def test_a_run_keeps_the_encoder_of_levels_and_tells_of_the_baseline_if_there_is_one(
    baseline: bool, tmp_path: Path
) -> None:
    config = MultiLevelConfig(
        dim=4, augment=0.0, validation_share=0.2, epochs=1, batches=1, batch_size=8, known=1, baseline=baseline
    )
    outcome = RECIPE.run(_data(), config, tmp_path, on_progress=lambda _report: None, resume=False)
    metrics = outcome.metrics
    parts = ["multi-level", "single attribute"] if baseline else ["multi-level"]
    assert list(metrics["fits"]) == parts
    assert metrics["validation"] == metrics["fits"]["multi-level"]["validation"]
    spec = read_checkpoint(outcome.encoder_dir / SPEC)
    assert spec.head.layers == ("linear", "normalise")
    tensors = read_head(outcome.encoder_dir / SPEC, spec)
    assert apply_head(spec.head, tensors, np.ones((1, tensors["0.weight"].shape[1]), dtype=np.float32)).shape == (1, 4)


def test_a_run_of_which_no_triplet_can_be_drawn_is_refused(tmp_path: Path) -> None:
    """All training pictures are of one category, those of the other parts of another."""
    config = MultiLevelConfig(validation_share=0.2, known=1)
    train = set(Session("multi-level", clouds(products=12), config, tmp_path).splits["train"].tolist())
    data = clouds(products=12)
    alike = replace(data, categories=["shoe" if row in train else "hat" for row in range(len(data))])
    with pytest.raises(UnusableLabels, match="No triplet of clouds can be drawn for multi-level"):
        RECIPE.run(alike, config, tmp_path, on_progress=lambda _report: None, resume=False)


def test_what_cannot_be_tuned_and_an_attribute_that_is_none_are_refused() -> None:
    RECIPE.check(_data(), MultiLevelConfig(single="tone"))
    with pytest.raises(TrainingError, match="cannot be tuned here"):
        RECIPE.check(replace(_data(), base=replace(_data().base, family="onnx")), MultiLevelConfig())
    with pytest.raises(UnusableLabels, match="no attribute colour with two values; there are category, tone"):
        RECIPE.check(_data(), MultiLevelConfig(single="colour"))
