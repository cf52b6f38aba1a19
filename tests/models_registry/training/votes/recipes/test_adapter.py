"""`adapter`: which shapes are tried on how many votes, and that the encoder, its measures and its card agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models_registry.encoders.checkpoint import apply_head, read_checkpoint, read_head
from models_registry.training.common.recipe_base import EpochReport
from models_registry.training.common.training_errors import TrainingError
from models_registry.training.votes.map_fitting import fit_map
from models_registry.training.votes.model_selection import Choice
from models_registry.training.votes.recipes.adapter import RECIPE, _choices_to_try
from models_registry.training.votes.vote_configs import AdapterConfig
from models_registry.training.votes.vote_run import prepare_votes
from models_registry.training.votes.vote_splits import folds_of, split_votes
from tests.models_registry.training.votes.crowd import votes_of, world

DATA = votes_of(world(160), votes=1400, voters=20)


@pytest.mark.parametrize(
    ("votes", "directions", "shapes"),
    [
        (499, 300, ["scale", "diagonal"]),
        (500, 300, ["scale", "diagonal", "full"]),
        (500, 301, ["scale", "diagonal"]),
        (499, 301, ["scale", "diagonal"]),
    ],
)
def test_a_full_map_is_tried_from_enough_votes_on_and_up_to_three_hundred_directions(
    votes: int, directions: int, shapes: list[str]
) -> None:
    choices = _choices_to_try(AdapterConfig(plain_below=500), votes, directions)
    assert list(dict.fromkeys(choice.shape for choice in choices)) == shapes


@pytest.mark.parametrize("shape", ["scale", "diagonal", "full"])
def test_a_shape_that_is_named_is_tried_alone(shape: Any) -> None:
    assert {choice.shape for choice in _choices_to_try(AdapterConfig(shape=shape), 1, 9999)} == {shape}


def test_the_encoder_is_the_chosen_map_of_all_votes_and_measured_as_it_is(tmp_path: Path) -> None:
    told: list[EpochReport] = []
    config = AdapterConfig(labels=False, shape="scale", folds=3, seed=2)
    outcome = RECIPE.run(DATA, config, tmp_path, on_progress=told.append, resume=False)
    prepared = prepare_votes(DATA, fewest=100, directions=128, labels=False, seed=2, lifted=True)
    pairs = prepared.ballots.summed_pairs()
    fitted = fit_map(prepared.rows, prepared.basis.block_of, pairs, "scale", 1e-4)
    path = outcome.encoder_dir / "spec.json"
    checkpoint = read_checkpoint(path)
    units = apply_head(checkpoint.head, read_head(path, checkpoint), DATA.base_matrix())
    assert units == pytest.approx(fitted.map_to_units(prepared.deployed), abs=1e-5)
    metrics = outcome.metrics
    assert metrics["chosen"] == {"shape": "scale", "strength": 1e-4}
    assert metrics["compare_by"] == "cosine"
    assert list(metrics["blocks"]) == ["shapes", "colours"]
    assert list(metrics["blocks"].values()) == pytest.approx(np.exp(fitted.log_scales[:2]).tolist(), rel=1e-3)
    assert metrics["calibration"] == pytest.approx({"scale": fitted.scale, "shift": fitted.shift}, rel=1e-3)
    fold = folds_of(DATA, 3, 2)
    is_inside_one = fold[pairs.query] == fold[pairs.candidate]
    fresh = metrics["both"]["fresh"]["vote_auc"]
    assert fresh["votes"] == pytest.approx(float(pairs.weight[is_inside_one].sum()))
    assert [(report.part, report.epoch, report.epochs) for report in told] == [
        *(("folds", done, 3) for done in (1, 2, 3)),
        ("", 1, 1),
    ]
    assert [report.values["folds"] for report in told[:3]] == [1.0, 2.0, 3.0]
    assert told[3].values == {"loss": pytest.approx(fitted.loss, rel=1e-4)}


def test_what_is_told_of_fresh_items_is_of_the_choice_taken(tmp_path: Path) -> None:
    outcome = RECIPE.run(
        DATA, AdapterConfig(labels=False, seed=3), tmp_path, on_progress=lambda _report: None, resume=False
    )
    metrics = outcome.metrics
    folds = {Choice(one["shape"], one["strength"]): one for one in metrics["folds"]}
    assert len(folds) == 8
    chosen = folds[Choice(**metrics["chosen"])]
    # Without labels maps are judged by what the encoder gives.
    assert metrics["both"]["fresh"]["vote_auc"]["value"] == pytest.approx(chosen["auc"], abs=1e-6)
    others = [one["auc"] for choice, one in folds.items() if one is not chosen]
    assert chosen["auc"] not in [pytest.approx(auc, abs=1e-6) for auc in others]


def test_too_few_votes_are_refused_before_and_after_the_test_part_is_set_apart(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="and 5000 are needed"):
        RECIPE.check(DATA, AdapterConfig(fewest=5000))
    learnt = int(split_votes(DATA, DATA.base_matrix()).learn.sum())
    config = AdapterConfig(fewest=learnt + 1)
    RECIPE.check(DATA, config)
    with pytest.raises(TrainingError, match="test part apart"):
        RECIPE.run(DATA, config, tmp_path, on_progress=lambda _report: None, resume=False)
