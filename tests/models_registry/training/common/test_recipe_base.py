"""Recipes are found by name, set by words or by values, and refused where a name or a value cannot be."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Literal

import pytest

from models_registry.errors import DuplicateFamily
from models_registry.training.common import recipe_base
from models_registry.training.common.recipe_base import (
    TUNABLE,
    RecipeConfig,
    configure_recipe,
    list_recipes,
    recipe_named,
    register_recipe,
)
from models_registry.training.common.training_errors import TrainingError

OF_LABELS = ["retrain", "triplet", "deep-ranking", "multi-level", "multi-task", "post"]
OF_VOTES = ["calibrate", "adapter", "vote-triplets", "taste", "fine-tune"]


@pytest.fixture
def _list_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(recipe_base, "_RECIPES", dict(recipe_base._RECIPES))
    return


def test_recipes_stand_in_the_order_of_registration_by_what_they_learn_from() -> None:
    assert [entry.name for entry in list_recipes()] == OF_LABELS + OF_VOTES
    assert [entry.name for entry in list_recipes("labels")] == OF_LABELS
    assert [entry.name for entry in list_recipes("votes")] == OF_VOTES


@pytest.mark.parametrize("name", OF_LABELS + OF_VOTES)
def test_every_recipe_can_be_loaded_and_set(name: str) -> None:
    entry = recipe_named(name)
    recipe = entry.load_recipe()
    assert callable(recipe.check)
    assert callable(recipe.run)
    config = configure_recipe(entry.config_type(), {"seed": "5"})
    assert config.seed == 5
    assert entry.summary
    assert entry.makes_encoder == (name != "calibrate")
    assert entry.starts_from == (TUNABLE if name == "fine-tune" else ())


@pytest.mark.usefixtures("_list_as_before")
def test_a_recipe_of_ones_own_makes_an_encoder_from_labels_unless_it_says_otherwise() -> None:
    register_recipe("own", "json:loads", "json:dumps", "mine")
    entry = recipe_named("own", "labels")
    assert (entry.makes_encoder, entry.learns_from, entry.starts_from) == (True, "labels", ())
    assert list_recipes()[-1] is entry
    with pytest.raises(DuplicateFamily, match=r"already a recipe called own \(json:loads\)"):
        register_recipe("own", "other:CODE", "other:Config", "another")
    assert recipe_named("own") is entry


@pytest.mark.parametrize(
    ("name", "learns_from", "said"),
    [
        ("tripelt", None, "no recipe called tripelt. Did you mean triplet"),
        ("tripelt", "labels", "Did you mean triplet?"),
        ("vote-triplet", "votes", "Did you mean vote-triplets?"),
        ("multi-tasks", None, "Did you mean multi-task or multi-level?"),
        ("xyz", "votes", f"no recipe called xyz. There are {', '.join(OF_VOTES)}."),
        ("", None, f"no recipe called nothing at all. There are {', '.join(OF_LABELS + OF_VOTES)}."),
        ("triplet", "votes", "Did you mean vote-triplets?"),
    ],
)
def test_an_unknown_name_is_answered_with_near_ones_or_with_all(
    name: str, learns_from: Literal["labels", "votes"] | None, said: str
) -> None:
    with pytest.raises(TrainingError) as refused:
        recipe_named(name, learns_from)
    assert said in str(refused.value)


@pytest.mark.usefixtures("_list_as_before")
def test_two_near_names_are_told_at_most() -> None:
    for ending in "abcd":
        register_recipe(f"hashing-{ending}", "x:X", "x:X", "")
    with pytest.raises(TrainingError, match=r"Did you mean hashing-. or hashing-.\?"):
        recipe_named("hashing-")


@dataclass(frozen=True, slots=True)
class Settings(RecipeConfig):
    margin: float = 0.5
    how_many: int = 3
    is_quick: bool = False
    loss: Literal["hinge", "soft"] = "hinge"
    levels: Literal[1, 2] = 1
    steps: tuple[str, ...] = ("a",)
    name: str = "x"

    def __post_init__(self) -> None:
        if self.margin < 0:
            raise ValueError("margin must be at least 0.")


@pytest.mark.parametrize(
    ("setting", "given", "expected"),
    [
        ("margin", "0.25", 0.25),
        ("margin", 2, 2.0),
        ("margin", "1e-3", 0.001),
        ("margin", "inf", float("inf")),
        ("how_many", "7", 7),
        ("how-many", 7.0, 7),
        ("how_many", "-1", -1),
        ("is_quick", "Yes", True),
        ("is_quick", "true", True),
        ("is_quick", 1, True),
        ("is_quick", True, True),
        ("is_quick", "NO", False),
        ("is_quick", "False", False),
        ("is_quick", 0, False),
        ("is-quick", False, False),
        ("loss", "soft", "soft"),
        ("levels", 2, 2),
        ("steps", "centre, whiten=8 ,,l2", ("centre", "whiten=8", "l2")),
        ("steps", ["centre", " l2 ", "", 8], ("centre", "l2", "8")),
        ("steps", "", ()),
        ("steps", [], ()),
        ("name", 5, "5"),
        ("name", "a,b", "a,b"),
    ],
)
def test_words_and_values_become_what_the_setting_is(setting: str, given: Any, expected: Any) -> None:
    config = configure_recipe(Settings, {setting: given})
    name = setting.replace("-", "_")
    found = getattr(config, name)
    assert found == expected
    assert type(found) is type(expected)
    for other in fields(Settings):
        assert other.name == name or getattr(config, other.name) == getattr(Settings(), other.name)


@pytest.mark.parametrize(
    ("setting", "given", "said"),
    [
        ("margin", "wide", "margin must be a number, not 'wide'"),
        ("margin", "nan", "margin must be a number, not 'nan'"),
        ("margin", None, "margin must be a number, not None"),
        ("how_many", "2.5", "how_many must be a whole number, not '2.5'"),
        ("how-many", 2.5, "how-many must be a whole number, not 2.5"),
        ("how_many", float("inf"), "how_many must be a whole number, not inf"),
        ("is_quick", "maybe", "is_quick must be yes or no, not 'maybe'"),
        ("is_quick", 2, "is_quick must be yes or no, not 2"),
        ("loss", "hard", "loss must be one of hinge, soft, not hard"),
        ("levels", 3, "levels must be one of 1, 2, not 3"),
        ("steps", 5, "steps must be"),
        (
            "margins",
            1,
            "There is no setting margins; there are how_many, is_quick, levels, loss, margin, name, ",
        ),
        ("margin", -1, "margin must be at least 0."),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(setting: str, given: Any, said: str) -> None:
    with pytest.raises(TrainingError) as refused:
        configure_recipe(Settings, {"seed": 1, setting: given})
    assert str(refused.value).startswith(said)


def test_nothing_said_leaves_everything_as_it_is() -> None:
    assert configure_recipe(Settings, {}) == Settings()


def _numeric_settings() -> list[tuple[str, str, type]]:
    """Recipe, setting and whether it is a whole number, of every number that any recipe can be told."""
    return [
        (entry.name, setting.name, type(getattr(entry.config_type()(), setting.name)))
        for entry in list_recipes()
        for setting in fields(entry.config_type())
        if type(getattr(entry.config_type()(), setting.name)) in {int, float}
    ]


@pytest.mark.parametrize(("recipe", "setting", "kind"), _numeric_settings())
def test_no_recipe_takes_a_number_below_nothing_or_without_end(recipe: str, setting: str, kind: type) -> None:
    for value in (-1, -1e-9, math.nan, math.inf) if kind is float else (-1,):
        with pytest.raises(TrainingError, match=setting):
            configure_recipe(recipe_named(recipe).config_type(), {setting: value})


@pytest.mark.parametrize("setting", ["dropout", "warmup", "average", "augment"])
def test_of_a_share_something_is_left_in_every_recipe(setting: str) -> None:
    most = 1.0 if setting == "augment" else 0.999
    takers = [entry.config_type() for entry in list_recipes() if hasattr(entry.config_type()(), setting)]
    assert takers
    for config in takers:
        assert getattr(configure_recipe(config, {setting: most}), setting) == most
        with pytest.raises(TrainingError, match=f"{setting} must be"):
            configure_recipe(config, {setting: most + 0.001})


def test_without_anything_to_learn_in_there_is_nothing_to_learn() -> None:
    for recipe, setting in [("retrain", "hidden"), ("deep-ranking", "wide"), ("deep-ranking", "close"),
                            ("deep-ranking", "triplets"), ("triplet", "rank"), ("triplet", "groups")]:  # fmt: skip
        config = recipe_named(recipe).config_type()
        assert getattr(configure_recipe(config, {setting: 1}), setting) == 1
        with pytest.raises(TrainingError, match=f"{setting} must be at least 1"):
            configure_recipe(config, {setting: 0})
