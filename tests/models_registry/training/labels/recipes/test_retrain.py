"""`retrain`: which categories are told apart, by which pictures, and what an epoch is judged by."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models_registry.encoders.checkpoint import SPEC, apply_head, read_checkpoint, read_head
from models_registry.training.common.training_errors import UnusableLabels
from models_registry.training.labels.label_configs import RetrainConfig
from models_registry.training.labels.labelled_pictures import LabelledPictures
from models_registry.training.labels.recipes.retrain import RECIPE, _choose_classes
from models_registry.training.labels.run_context import Session
from models_registry.training.labels.validation import judge_vectors, question_of
from tests.models_registry.training.clouds import clouds
from tests.models_registry.training.test_reviewed import task_of

SALT = "3"
"""With it every category is in training and in validation."""
QUICK = {"hidden": 12, "batch_size": 7, "salt": SALT}


def _data(*, unknown: bool = True) -> LabelledPictures:
    """Five categories of growing size; of some pictures it is not known."""
    data = clouds(products=30, categories=4)
    names = ["a", "b", "b", "c", "c", "c", "d", "d", "d", "d"]
    categories = [None if unknown and row % 7 == 3 else names[row // 4 % 10] for row in range(len(data))]
    return replace(data, categories=categories)


def _session(data: LabelledPictures, folder: Path) -> Session:
    return Session("retrain", data, RetrainConfig(validation_share=0.2, salt=SALT), folder)


@pytest.mark.parametrize("most", [0, 2, 3, 9])
def test_the_commonest_categories_of_training_pictures_are_told_apart(most: int, tmp_path: Path) -> None:
    session = _session(_data(), tmp_path)
    counts = Counter(session.data.categories[row] for row in session.splits["train"].tolist())
    known = sorted((-count, name) for name, count in counts.items() if name is not None)
    assert len({count for count, _ in known}) == len(known) == 4
    expected = sorted(name for _, name in known[: most or 4])
    assert _choose_classes(session, RetrainConfig(top_categories=most)) == expected


def test_of_equally_common_categories_the_first_by_name_are_taken_and_single_pictures_are_none(tmp_path: Path) -> None:
    data = clouds(products=30)
    train = _session(data, tmp_path).splits["train"].tolist()
    categories: list[str | None] = [None] * len(data)
    for row, name in zip(train, ["z", "z", "y", "y", "x", "x", "w"], strict=False):
        categories[row] = name
    session = _session(replace(data, categories=categories), tmp_path)
    assert _choose_classes(session, RetrainConfig(top_categories=2)) == ["x", "y"]
    assert _choose_classes(session, RetrainConfig()) == ["x", "y", "z"]
    with pytest.raises(UnusableLabels, match="Fewer than two categories have more than one training picture"):
        _choose_classes(session, RetrainConfig(top_categories=1))


@pytest.mark.parametrize("balance", [False, True])
def test_batches_hold_training_pictures_of_the_categories_and_their_loss_is_the_cross_entropy(
    balance: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _data()
    task = task_of("retrain", data, tmp_path, monkeypatch, **QUICK, top_categories=3, balance=balance)
    session = _session(data, tmp_path)
    classes = _choose_classes(session, RetrainConfig(top_categories=3))
    usable = {row for row in session.splits["train"].tolist() if data.categories[row] in classes}
    batches = [np.asarray(batch) for batch in task.batches(1, np.random.default_rng(0))]
    assert {len(batch) for batch in batches[:-1]} == {7}
    seen = Counter(np.concatenate(batches).tolist())
    assert set(seen) <= usable if balance else seen == Counter(usable)
    task.module.eval()
    logits = task.module(torch.from_numpy(data.vectors.take(batches[0]))).detach()
    expected = [
        float(torch.logsumexp(line, 0) - line[classes.index(data.categories[row] or "")])
        for line, row in zip(logits, batches[0].tolist(), strict=True)
    ]
    assert float(task.loss(batches[0])[0].detach()) == pytest.approx(np.mean(expected), rel=1e-5)


def test_an_epoch_is_judged_by_validation_pictures_of_the_categories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _data()
    task = task_of("retrain", data, tmp_path, monkeypatch, **QUICK)
    session = _session(data, tmp_path)
    classes = _choose_classes(session, RetrainConfig())
    validation = session.splits["val"]
    rows = [row for row in validation.tolist() if data.categories[row] is not None]
    assert {data.categories[row] for row in rows} >= {classes[0], classes[-1]}
    assert 0 < len(rows) < len(validation)
    with torch.no_grad():
        measured = task.measure()
        logits = task.module(torch.from_numpy(data.vectors.take(np.array(rows))))
        hidden = task.module[:2](torch.from_numpy(data.vectors.take(validation)))  # type: ignore[index]
    chances = torch.softmax(logits, dim=1).numpy()
    codes = [classes.index(data.categories[row] or "") for row in rows]
    missed = -np.mean(np.log(chances[np.arange(len(rows)), codes]))
    assert measured.score == pytest.approx(-missed, rel=1e-4)
    assert measured.values["validation_loss"] == pytest.approx(missed, rel=1e-4)
    assert measured.values["validation_accuracy"] == pytest.approx(np.mean(chances.argmax(axis=1) == codes))
    expected = judge_vectors(question_of(data, validation), hidden.numpy(), "cosine")
    assert {name: measured.values[name] for name in expected} == pytest.approx(expected)


def test_the_head_is_the_same_for_the_same_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, other = (
        task_of("retrain", _data(), tmp_path, monkeypatch, **QUICK, seed=seed).module.state_dict() for seed in (1, 1, 2)
    )
    assert torch.equal(one["0.weight"], two["0.weight"])
    assert not torch.equal(one["0.weight"], other["0.weight"])


def test_the_encoder_is_the_hidden_layer_behind_its_relu(tmp_path: Path) -> None:
    data = _data(unknown=False)
    config = RetrainConfig(validation_share=0.2, hidden=12, epochs=2)
    outcome = RECIPE.run(data, config, tmp_path, on_progress=lambda _report: None, resume=False)
    spec = read_checkpoint(outcome.encoder_dir / SPEC)
    assert spec.head.layers == ("linear", "relu")
    assert (spec.head.taps[0].name, spec.head.taps[0].dim) == ("hidden", 12)
    rows = Session("retrain", data, config, tmp_path).splits["test"]
    vectors = apply_head(spec.head, read_head(outcome.encoder_dir / SPEC, spec), data.vectors.take(rows))
    assert vectors.min() == 0.0
    assert outcome.metrics["categories"] == ["a", "b", "c", "d"]
    [line] = [line for line in outcome.metrics["table"]["lines"] if line["name"] == "trained:cosine"]
    expected = judge_vectors(question_of(data, rows), vectors, "cosine")
    assert line["scores"]["map_at_r"]["value"] == pytest.approx(expected["map_at_r"], abs=1e-6)
    assert outcome.metrics["epochs"] == 2


def test_a_catalogue_without_categories_is_refused() -> None:
    data = clouds(products=4)
    with pytest.raises(UnusableLabels, match="has a category"):
        RECIPE.check(replace(data, categories=[None] * len(data)), RetrainConfig())
