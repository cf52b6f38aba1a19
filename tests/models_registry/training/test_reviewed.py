"""Triplets that people accepted are learnt from; those that they rejected are never put before a loss."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import product as product_of
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models_registry.training.common.recipe_base import configure_recipe, recipe_named
from models_registry.training.common.training_loop import Task
from models_registry.training.labels.labelled_pictures import LabelledPictures
from models_registry.training.labels.losses import reviewed_loss
from models_registry.training.labels.recipes.deep_ranking import with_reviewed
from models_registry.training.labels.reviewed_triplets import Reviewed
from tests.models_registry.training.clouds import clouds


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_only_triplets_of_training_pictures_are_known() -> None:
    reviewed = Reviewed(accepted=np.array([[0, 1, 2], [0, 1, 9]]), rejected=np.array([[3, 4, 9], [3, 4, 5]]))
    known = reviewed.within_rows(np.arange(6))
    assert known.accepted.tolist() == [[0, 1, 2]]
    assert known.rejected.tolist() == [[3, 4, 5]]


def test_no_batch_holds_the_whole_of_a_rejected_triplet() -> None:
    reviewed = Reviewed(rejected=np.array([[0, 1, 2], [0, 1, 3], [2, 4, 1]]))
    assert reviewed.without_rejected(np.arange(6)).tolist() == [0, 1, 4, 5]
    assert reviewed.without_rejected(np.array([0, 2, 3])).tolist() == [0, 2, 3]


def test_mined_triplets_lose_the_rejected_and_gain_the_accepted() -> None:
    mined = np.array([[0, 1, 2], [0, 1, 3], [4, 5, 2]])
    reviewed = Reviewed(accepted=np.array([[6, 7, 8]]), rejected=np.array([[0, 1, 3], [9, 9, 9]]))
    found = with_reviewed(mined, reviewed, rng())
    assert sorted(found.tolist()) == [[0, 1, 2], [4, 5, 2], [6, 7, 8]]


def test_nothing_reviewed_changes_no_triplet_and_no_chance() -> None:
    mined, source = np.array([[0, 1, 2]]), rng()
    assert with_reviewed(mined, Reviewed(), source).tolist() == [[0, 1, 2]]
    assert source.bit_generator.state == rng().bit_generator.state


def test_the_loss_of_accepted_triplets_is_the_margin_loss_written_out() -> None:
    anchor, positive, negative = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(1))
    wanted = [
        max(0.0, 0.2 + float((a - p).norm()) - float((a - n).norm()))
        for a, p, n in zip(anchor, positive, negative, strict=True)
    ]
    found = reviewed_loss(torch.cat([anchor, positive, negative]), 0.2)
    assert float(found) == pytest.approx(np.mean(wanted), rel=1e-4)


class Caught(Exception):
    """The task that a recipe was about to train."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task = task


def task_of(
    recipe: str, data: LabelledPictures, folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any
) -> Task:
    entry = recipe_named(recipe)
    code = entry.load_recipe()

    def fit(task: Task, *_arguments: object, **_more: object) -> None:
        raise Caught(task)

    monkeypatch.setattr(sys.modules[type(code).__module__], "fit", fit)
    config = configure_recipe(entry.config_type(), {"validation_share": 0.2, **settings})
    with pytest.raises(Caught) as caught:
        code.run(data, config, folder, on_progress=lambda _report: None, resume=False)
    return caught.value.task


CASES = {
    "triplet": {"batches": 6},
    "deep-ranking": {"triplets": 256},
    "multi-level": {"batches": 6, "known": 1, "augment": 0},
    "multi-task": {"batches": 6, "augment": 0},
}


@pytest.mark.parametrize("recipe", CASES)
def test_decisions_matter_to_every_recipe_that_ranks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: str
) -> None:
    """What labels would have put before the loss is rejected, what labels would never claim is accepted."""
    data = clouds(products=12, pictures=4)
    plain = task_of(recipe, data, tmp_path, monkeypatch, **CASES[recipe])
    claimed = np.array([triplet for batch in plain.batches(1, rng()) for triplet in claims_in(batch, data)])
    refused = np.unique(claimed, axis=0)[::3]
    accepted = claimed[:2, [0, 2, 1]]
    reviewed = Reviewed(accepted=accepted, rejected=refused)
    task = task_of(recipe, replace(data, reviewed=reviewed), tmp_path, monkeypatch, **CASES[recipe])
    seen = {triplet for batch in task.batches(1, rng()) for triplet in claims_in(batch, data)}
    assert {tuple(row) for row in accepted.tolist()} <= seen
    assert not {tuple(row) for row in refused.tolist()} & seen
    loss, _ = task.loss(next(iter(task.batches(1, rng()))))
    assert torch.isfinite(loss)


def claims_in(batch: Any, data: LabelledPictures) -> list[tuple[int, int, int]]:
    """The triplets of a batch: those it spells out, and those that labels make of the pictures in it."""
    if not isinstance(batch, tuple):
        return [tuple(row) for row in batch.tolist()]
    rows, spelt = batch
    product = data.products
    made = [
        (a, p, n)
        for a, p, n in product_of(rows.tolist(), repeat=3)
        if a != p and product[a] == product[p] != product[n]
    ]
    return [*made, *(tuple(row) for row in spelt.tolist())]
