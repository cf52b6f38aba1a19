"""Settings: what is refused in words, and what lies just at the limit and is taken."""

from __future__ import annotations

from typing import Any

import pytest

from models_registry.training.labels.label_configs import (
    AttributeConfig,
    DeepRankingConfig,
    LoopConfig,
    MetricConfig,
    MultiLevelConfig,
    MultiTaskConfig,
    PostConfig,
    RetrainConfig,
    TripletConfig,
    post_steps,
)

EVERY = (
    LoopConfig, RetrainConfig, PostConfig, MetricConfig, TripletConfig, DeepRankingConfig, AttributeConfig,
    MultiLevelConfig, MultiTaskConfig,
)  # fmt: skip

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"epochs": 0}, "epochs must be at least 1"),
    ({"patience": 0}, "patience must be at least 1"),
    ({"batch_size": 0}, "batch_size must be at least 1"),
    ({"learning_rate": 0.0}, "learning_rate must be above 0"),
    ({"warmup": 1.0}, "warmup must be below 1"),
    ({"average": 1.0}, "average must be below 1"),
    ({"split_by": "category", "split": "catalogue"}, "leave it away with split=catalogue"),
    ({"validation_share": 0.0}, "leave something to train on"),
    ({"validation_share": 1.0}, "leave something to train on"),
    ({"test_share": 0.0}, "leave something to train on"),
    ({"test_share": 0.5, "validation_share": 0.5}, "leave something to train on"),
]

TAKEN: list[dict[str, Any]] = [
    {"epochs": 1, "patience": 1, "batch_size": 1},
    {"learning_rate": 0.5},
    {"learning_rate": 1e-9},
    {"warmup": 0.0, "average": 0.0, "clip": 0.0},
    {"warmup": 0.99, "average": 0.99, "clip": 0.5},
    {"split": "catalogue"},
    {"validation_share": 0.5, "test_share": 0.49},
    {"validation_share": 0.01, "test_share": 0.01},
]


@pytest.mark.parametrize(("words", "told"), REFUSED)
@pytest.mark.parametrize("kind", EVERY)
def test_what_no_training_can_use_is_refused_by_every_recipe(
    kind: type[LoopConfig], words: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        kind(**words)


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("words", TAKEN)
def test_what_lies_at_the_limit_is_taken(kind: type[LoopConfig], words: dict[str, Any]) -> None:
    assert kind(**words)


@pytest.mark.parametrize("kind", EVERY)
def test_only_what_learns_categories_needs_them_all_in_training(kind: type[LoopConfig]) -> None:
    if kind is RetrainConfig:
        with pytest.raises(ValueError, match="split_by may keep none of them out"):
            kind(split_by="category")
        return
    assert kind(split_by="category").split_by == "category"


@pytest.mark.parametrize("kind", [MetricConfig, TripletConfig, DeepRankingConfig, MultiTaskConfig])
@pytest.mark.parametrize("name", ["groups", "per_group", "dim"])
def test_a_batch_needs_a_group_with_a_picture_and_a_vector_a_number(kind: type[LoopConfig], name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least 1"):
        kind(**{name: 0})
    assert kind(**{name: 1})


@pytest.mark.parametrize("kind", [MetricConfig, TripletConfig, DeepRankingConfig, AttributeConfig, MultiLevelConfig])
def test_less_than_no_batches_are_refused_and_none_asks_for_as_many_as_there_are(kind: type[MetricConfig]) -> None:
    with pytest.raises(ValueError, match="batches must be at least 0"):
        kind(batches=-1)
    assert kind(batches=0)
    with pytest.raises(ValueError, match="dim must be at least 1"):
        kind(dim=0)
    assert kind(dim=1)


TRIPLET_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"proxy_rate": 0.0}, "proxy_rate must be above 0"),
    ({"shallow": True}, "set tune=backbone too"),
    ({"shallow": True, "tune": "blocks"}, "set tune=backbone too"),
    ({"rank": 0}, "rank must be at least 1"),
    ({"memory": 1, "loss": "proxy-nca"}, "memory goes with the losses triplet, contrastive"),
    ({"memory": 1, "loss": "n-pair"}, "memory goes with the losses"),
    ({"memory": 1, "by": "domains"}, "by product or category"),
]

TRIPLET_TAKEN: list[dict[str, Any]] = [
    {"proxy_rate": 0.01},
    {"shallow": True, "tune": "backbone"},
    {"tune": "backbone"},
    {"blocks": 0, "rank": 1},
    {"memory": 0, "loss": "proxy-nca"},
    {"memory": 0, "by": "domains"},
    {"memory": 1, "by": "product"},
    {"memory": 1, "by": "category"},
    *({"memory": 1, "loss": loss} for loss in ("triplet", "contrastive", "multi-similarity", "softpn")),
]


@pytest.mark.parametrize(("words", "told"), TRIPLET_REFUSED)
def test_what_does_not_go_together_in_a_triplet_run_is_refused(words: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        TripletConfig(**words)


@pytest.mark.parametrize("words", TRIPLET_TAKEN)
def test_what_goes_together_in_a_triplet_run_is_taken(words: dict[str, Any]) -> None:
    assert TripletConfig(**words)


@pytest.mark.parametrize("levels", [(), ("0.5", "0.8"), ("1.5", "0.5"), ("0.5", "0"), ("0.5", "-0.1")])
def test_levels_that_do_not_fall_between_one_and_nothing_are_refused(levels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="levels must fall, between 1 and 0"):
        MultiLevelConfig(levels=levels)


@pytest.mark.parametrize("levels", [("1",), ("1.0", "0.01"), ("0.8", "0.5", "0.2"), ("0.5", "0.5")])
def test_levels_that_fall_are_taken(levels: tuple[str, ...]) -> None:
    assert MultiLevelConfig(levels=levels).levels == levels


def test_steps_are_names_with_their_number_of_directions() -> None:
    assert post_steps(("centre", "whiten=256", "pca=1", "l2")) == [
        ("centre", 0),
        ("whiten", 256),
        ("pca", 1),
        ("l2", 0),
    ]


@pytest.mark.parametrize(
    "step", ["pca", "pca=", "pca=0", "pca=-1", "whiten=x", "whiten=1.5", "centre=3", "l2=0", "scale", "scale=2", ""]
)
def test_steps_that_do_not_exist_or_lack_their_number_are_refused(step: str) -> None:
    with pytest.raises(ValueError, match=f"post takes centre, pca=N, .* not {step}"):
        post_steps(("centre", step))
    with pytest.raises(ValueError, match="post takes"):
        PostConfig(post=(step,))


def test_no_step_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one step"):
        PostConfig(post=())
