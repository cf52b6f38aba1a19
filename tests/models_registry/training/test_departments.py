"""What was learnt in one department, asked about in another: validated on a department that training does not show, a
run keeps the network's own vectors where there is nothing to gain."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models_registry.encoders.checkpoint import SPEC, apply_head, read_checkpoint, read_head
from models_registry.store import Vectors
from models_registry.training.common.recipe_base import Outcome, configure_recipe, recipe_named
from models_registry.training.common.training_errors import UnusableLabels
from models_registry.training.labels.label_configs import LoopConfig, RetrainConfig
from models_registry.training.labels.labelled_pictures import LabelledPictures
from models_registry.training.labels.recipes.ranking_outcome import OWN, TRAINED
from models_registry.training.labels.run_context import Session
from models_registry.training.labels.validation import Way, judge_vectors, question_of
from tests.models_registry.training.clouds import WIDTH, clouds

DEPARTMENTS = ("clothes", "groceries", "tools")
HALF = WIDTH // 2
NOISE = 2.5
RECIPES = ["triplet", "deep-ranking"]


def shop(*, alike: bool, noise: float = NOISE) -> LabelledPictures:
    """Three departments. What tells clothes apart stands in the first half of the numbers, what does not in the second.

    In the other departments it is the same where they are `alike`, else the other way round.
    """
    data = clouds(products=60, categories=3)
    rng = np.random.default_rng(1)
    rows = []
    for product in range(60):
        signal = rng.standard_normal(HALF)
        for _ in range(4):
            first, second = signal + 0.2 * rng.standard_normal(HALF), noise * rng.standard_normal(HALF)
            is_turned = not alike and product % 3 > 0
            rows.append(np.concatenate([second, first] if is_turned else [first, second]))
    departments = [DEPARTMENTS[int(key[1:4]) % 3] for key in data.keys]
    return replace(
        data,
        vectors=Vectors.from_array(np.array(rows, dtype=np.float32)),
        attributes=[{"department": name} for name in departments],
    )


def learn_clothes(recipe: str, data: LabelledPictures, folder: Path) -> Outcome:
    """Trained on clothes, validated and tested on a department each, as the salt has it."""
    salt = salt_that_trains("clothes", data, folder)
    return learn(recipe, data, folder, split_by="department", salt=salt)


def learn(recipe: str, data: LabelledPictures, folder: Path, **split: str) -> Outcome:
    folder.mkdir(exist_ok=True)
    settings = {"epochs": 6, "dim": WIDTH, "learning_rate": 3e-3, **split}
    config = configure_recipe(recipe_named(recipe).config_type(), settings)
    return recipe_named(recipe).load_recipe().run(data, config, folder, on_progress=lambda _report: None, resume=False)


def salt_that_trains(department: str, data: LabelledPictures, folder: Path) -> str:
    for number in range(50):
        splits = Session("x", data, LoopConfig(split_by="department", salt=str(number)), folder).splits
        if {data.attributes[row]["department"] for row in splits["train"]} == {department}:
            return str(number)
    raise AssertionError


def encode(outcome: Outcome, data: LabelledPictures, rows: np.ndarray) -> np.ndarray:
    spec = read_checkpoint(outcome.encoder_dir / SPEC)
    return apply_head(spec.head, read_head(outcome.encoder_dir / SPEC, spec), data.vectors.take(rows))


def test_each_department_is_in_one_split_alone(tmp_path: Path) -> None:
    data = shop(alike=True)
    splits = Session("x", data, LoopConfig(split_by="department"), tmp_path).splits
    seen = [{data.attributes[row]["department"] for row in splits[part]} for part in ("train", "val", "test")]
    assert sorted(name for part in seen for name in part) == sorted(DEPARTMENTS)
    assert sum(len(rows) for rows in splits.values()) == len(data)


def test_pictures_of_no_department_are_in_no_split(tmp_path: Path) -> None:
    data = shop(alike=True)
    data = replace(data, attributes=[{}, *data.attributes[1:]])
    splits = Session("x", data, LoopConfig(split_by="department"), tmp_path).splits
    assert 0 not in np.concatenate(list(splits.values()))


def test_too_few_departments_are_refused_with_their_names(tmp_path: Path) -> None:
    data = shop(alike=True)
    data = replace(data, attributes=[{"department": DEPARTMENTS[row % 2]} for row in range(len(data))])
    with pytest.raises(UnusableLabels, match=r"three or more values.*clothes, groceries"):
        _ = Session("x", data, LoopConfig(split_by="department"), tmp_path).splits
    with pytest.raises(UnusableLabels, match="have none"):
        _ = Session("x", data, LoopConfig(split_by="colour"), tmp_path).splits


def test_categories_can_be_kept_whole_too(tmp_path: Path) -> None:
    data = shop(alike=True)
    splits = Session("x", data, LoopConfig(split_by="category"), tmp_path).splits
    parts = [{data.categories[row] for row in rows} for rows in splits.values()]
    assert sum(len(part) for part in parts) == len({*data.categories})


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="split=catalogue"):
        LoopConfig(split="catalogue", split_by="department")
    with pytest.raises(ValueError, match="retrain"):
        RetrainConfig(split_by="category")


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_does_not_carry_over_is_not_kept(recipe: str, tmp_path: Path) -> None:
    data = shop(alike=False)
    outcome = learn_clothes(recipe, data, tmp_path)
    assert outcome.metrics["kept"] == OWN
    assert outcome.metrics["own_validation"] == outcome.metrics["validation"] > outcome.metrics["trained_validation"]
    rows = np.arange(20)
    own = data.vectors.take(rows)
    assert encode(outcome, data, rows) == pytest.approx(own / np.linalg.norm(own, axis=1, keepdims=True), abs=1e-6)
    lines = {line["name"]: line["scores"]["recall_at_1"]["value"] for line in outcome.metrics["table"]["lines"]}
    assert lines["trained:cosine"] == lines["raw features:cosine"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_carries_over_is_kept_and_found_in_the_third_department(recipe: str, tmp_path: Path) -> None:
    data = shop(alike=True)
    outcome = learn_clothes(recipe, data, tmp_path)
    assert outcome.metrics["kept"] == TRAINED
    assert outcome.metrics["validation"] == outcome.metrics["trained_validation"] > outcome.metrics["own_validation"]
    test = [row for row, split in enumerate(data.attributes) if split["department"] != "clothes"]
    rows = np.array(test)
    question = question_of(data, rows, Way(""))
    trained = judge_vectors(question, encode(outcome, data, rows), "cosine")["map_at_r"]
    assert trained > judge_vectors(question, data.vectors.take(rows), "cosine")["map_at_r"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_among_strangers_a_gain_must_be_sure_and_among_products_it_may_be_none(recipe: str, tmp_path: Path) -> None:
    """Without noise the own vectors answer everything right: there is nothing to gain."""
    easy = shop(alike=True, noise=0.0)
    assert learn_clothes(recipe, easy, tmp_path / "departments").metrics["kept"] == OWN
    of_products = learn(recipe, easy, tmp_path / "products").metrics
    assert (of_products["kept"], of_products["validation"]) == (TRAINED, 1.0)
