"""Settings that cannot be are refused in words, and those at the edge are taken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models_registry.training.common.recipe_base import configure_recipe, list_recipes
from models_registry.training.common.training_errors import TrainingError
from models_registry.training.votes.vote_configs import (
    AdapterConfig,
    CalibrateConfig,
    FineTuneConfig,
    MapConfig,
    TasteConfig,
    VoteConfig,
    VoteTripletsConfig,
)

MAPS = (MapConfig, AdapterConfig, FineTuneConfig)
EVERY = (VoteConfig, CalibrateConfig, VoteTripletsConfig, TasteConfig, *MAPS)
FEWEST = "fewest must be at least 2"
FOLDS = "folds must be at least 2 and directions at least 1"
TRAINED = "rank, epochs, patience and batch_size must be at least 1"
LEARNT = "learning_rate must be above 0"
TRIPLETS = "margin and learning_rate must be above 0, epochs and patience at least 1"
TASTE = "personal_from must be at least 10"
EDGES: list[tuple[type[VoteConfig], str, Any, Any, str]] = [
    *((config, "fewest", 2, 1, FEWEST) for config in EVERY),
    (CalibrateConfig, "wanted", 0.001, 0.0, "wanted must lie between 0 and 1"),
    (CalibrateConfig, "wanted", 0.999, 1.0, "wanted must lie between 0 and 1"),
    (CalibrateConfig, "wanted", 0.5, 1.5, "wanted must lie between 0 and 1"),
    *((config, "folds", 2, 1, FOLDS) for config in MAPS),
    *((config, "directions", 1, 0, FOLDS) for config in MAPS),
    (AdapterConfig, "bits", 8, 7, "bits must be at least 8"),
    *((FineTuneConfig, name, 1, 0, TRAINED) for name in ("rank", "epochs", "patience", "batch_size")),
    (FineTuneConfig, "learning_rate", 1e-9, 0.0, LEARNT),
    (VoteTripletsConfig, "margin", 1e-9, 0.0, TRIPLETS),
    (VoteTripletsConfig, "learning_rate", 1e-9, 0.0, TRIPLETS),
    (VoteTripletsConfig, "epochs", 1, 0, TRIPLETS),
    (VoteTripletsConfig, "patience", 1, 0, TRIPLETS),
    (TasteConfig, "personal_from", 10, 9, TASTE),
]


@pytest.mark.parametrize(("config", "name", "edge", "beyond", "words"), EDGES)
def test_a_setting_is_taken_at_its_edge_and_refused_beyond(
    config: type[VoteConfig], name: str, edge: Any, beyond: Any, words: str
) -> None:
    assert getattr(replace(config(), **{name: edge}), name) == edge
    with pytest.raises(ValueError, match=words):
        replace(config(), **{name: beyond})


def test_what_a_caller_sets_in_words_is_refused_as_an_error_of_training() -> None:
    with pytest.raises(TrainingError, match=FEWEST):
        configure_recipe(AdapterConfig, {"fewest": "1"})


@pytest.mark.parametrize("entry", list_recipes("votes"), ids=lambda entry: entry.name)
def test_every_recipe_of_votes_can_be_run_as_it_is_set(entry: Any) -> None:
    config = entry.config_type()()
    assert isinstance(config, VoteConfig)
    assert config == configure_recipe(entry.config_type(), {})
