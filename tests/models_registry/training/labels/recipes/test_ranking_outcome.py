"""How a run that learns a metric ends: the trained encoder or the own vectors, by validation, and their tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models_registry.encoders.checkpoint import SPEC, HeadSpec, HeadTap, apply_head, read_checkpoint, read_head
from models_registry.evaluate import paired_difference
from models_registry.store import Vectors
from models_registry.training.common.recipe_base import Outcome
from models_registry.training.common.training_loop import FitSummary
from models_registry.training.labels.label_configs import MetricConfig
from models_registry.training.labels.labelled_pictures import LabelledPictures
from models_registry.training.labels.recipes.ranking_outcome import _compare_on_validation, write_ranking_outcome
from models_registry.training.labels.run_context import Session
from models_registry.training.labels.validation import Way, judge_queries, judge_vectors, question_of
from tests.models_registry.training.clouds import clouds

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

DATA = clouds(products=40)
FITTED = FitSummary(epochs=5, best_epoch=3, best_score=0.75, stopped_early=False)


def _random_head(seed: int, width: int = 8) -> tuple[HeadSpec, dict[str, Floats]]:
    weight = np.random.default_rng(seed).normal(size=(width, 256)).astype(np.float32)
    spec = HeadSpec(("linear", "normalise"), (HeadTap("embedding", width, 2),))
    return spec, {"0.weight": weight, "0.bias": np.zeros(width, dtype=np.float32)}


def _session(folder: Path, data: LabelledPictures = DATA, **settings: Any) -> tuple[Session, MetricConfig]:
    config = MetricConfig(validation_share=0.2, **settings)
    return Session("triplet", data, config, folder), config


def _end(
    folder: Path, head: tuple[HeadSpec, dict[str, Floats]], data: LabelledPictures = DATA, **settings: Any
) -> Outcome:
    session, config = _session(folder, data, **settings)
    return write_ranking_outcome(
        session, config, FITTED, "cosine",
        vectors_of=lambda rows: apply_head(*head, data.vectors.take(rows)), head=head,
    )  # fmt: skip


def _layers(outcome: Outcome) -> Sequence[str]:
    return read_checkpoint(outcome.encoder_dir / SPEC).head.layers


def _map_at_r(data: LabelledPictures, rows: Ids, vectors: Floats) -> float:
    return judge_vectors(question_of(data, rows), vectors, "cosine")["map_at_r"]


def test_a_head_that_validates_worse_gives_way_to_the_own_vectors_at_length_one(tmp_path: Path) -> None:
    head = _random_head(0, 3)
    outcome = _end(tmp_path, head)
    session, _ = _session(tmp_path)
    validation, test = session.splits["val"], session.splits["test"]
    own, trained = DATA.vectors.take(validation), apply_head(*head, DATA.vectors.take(validation))
    gain = _map_at_r(DATA, validation, trained) - _map_at_r(DATA, validation, own)
    assert gain < 0
    metrics = outcome.metrics
    assert (metrics["kept"], metrics["epochs"], metrics["best_epoch"]) == ("own vectors", 5, 3)
    assert metrics["trained_validation"] == 0.75
    assert metrics["own_validation"] == metrics["validation"] == pytest.approx(0.75 - gain)
    assert _layers(outcome) == ("normalise",)
    spec = read_checkpoint(outcome.encoder_dir / SPEC)
    assert (spec.head.taps[0].name, spec.head.taps[0].dim, spec.head.taps[0].after) == ("embedding", 256, 1)
    lines = {line["name"]: line["scores"]["map_at_r"]["value"] for line in metrics["table"]["lines"]}
    own_of_test = _map_at_r(DATA, test, DATA.vectors.take(test))
    assert lines["trained:cosine"] == lines["raw features:cosine"] == pytest.approx(own_of_test)
    assert metrics["headline"]["name"] == "trained:cosine"
    assert metrics["headline"]["scores"]["map_at_r"]["value"] == lines["trained:cosine"]


def _shifted() -> LabelledPictures:
    """What tells products apart lies in eight numbers, the others are noise."""
    rng = np.random.default_rng(3)
    middles = np.repeat(rng.normal(size=(40, 8)), 4, axis=0)
    rows = 3 * rng.normal(size=(160, 256))
    rows[:, :8] = middles + 0.1 * rng.normal(size=(160, 8))
    return replace(DATA, vectors=Vectors.from_array(rows.astype(np.float32)))


def _first_numbers() -> tuple[HeadSpec, dict[str, Floats]]:
    spec, tensors = _random_head(0)
    return spec, {**tensors, "0.weight": np.eye(8, 256, dtype=np.float32)}


def test_a_head_that_validates_better_is_kept(tmp_path: Path) -> None:
    data, head = _shifted(), _first_numbers()
    outcome = _end(tmp_path, head, data)
    session, _ = _session(tmp_path, data)
    test = session.splits["test"]
    metrics = outcome.metrics
    assert (metrics["kept"], metrics["validation"], metrics["trained_validation"]) == ("trained", 0.75, 0.75)
    assert metrics["own_validation"] < 0.25
    assert _layers(outcome) == ("linear", "normalise")
    weight = read_head(outcome.encoder_dir / SPEC, read_checkpoint(outcome.encoder_dir / SPEC))["0.weight"]
    np.testing.assert_array_equal(weight, head[1]["0.weight"])
    lines = {line["name"]: line["scores"]["map_at_r"]["value"] for line in metrics["table"]["lines"]}
    expected = _map_at_r(data, test, apply_head(*head, data.vectors.take(test)))
    assert lines["trained:cosine"] == pytest.approx(expected)
    assert metrics["way"] == ""
    strangers = _end(tmp_path / "b", head, data, split_by="category", salt=_salt_of_categories(data, tmp_path))
    assert strangers.metrics["kept"] == "trained"


def test_the_very_same_answers_are_kept_among_products_and_not_among_strangers(tmp_path: Path) -> None:
    spec, tensors = _random_head(0, 256)
    same = spec, {**tensors, "0.weight": np.eye(256, dtype=np.float32)}
    assert _end(tmp_path / "a", same).metrics["kept"] == "trained"
    strangers = _end(tmp_path / "b", same, split_by="category", salt=_salt_of_categories(DATA, tmp_path))
    assert strangers.metrics["kept"] == "own vectors"
    assert strangers.metrics["own_validation"] == strangers.metrics["trained_validation"] == 0.75


def _salt_of_categories(data: LabelledPictures, folder: Path) -> str:
    return next(
        str(number)
        for number in range(50)
        if all(len(rows) for rows in _session(folder, data, split_by="category", salt=str(number))[0].splits.values())
    )


def test_where_validation_knows_no_right_answer_there_is_no_gain(tmp_path: Path) -> None:
    session, _ = _session(tmp_path)
    alone = [None if row in session.splits["val"] else name for row, name in enumerate(DATA.products)]
    unknown = [None if row in session.splits["val"] else name for row, name in enumerate(DATA.categories)]
    data = replace(DATA, products=alone, categories=unknown)
    session, config = _session(tmp_path, data)
    session.__dict__["splits"] = _session(tmp_path)[0].splits
    head = _random_head(0)
    outcome = write_ranking_outcome(
        session, config, FITTED, "cosine",
        vectors_of=lambda rows: apply_head(*head, data.vectors.take(rows)), head=head,
    )  # fmt: skip
    assert (outcome.metrics["kept"], outcome.metrics["own_validation"]) == ("trained", 0.75)
    by_category = replace(config, split_by="category")
    outcome = write_ranking_outcome(
        session, by_category, FITTED, "cosine",
        vectors_of=lambda rows: apply_head(*head, data.vectors.take(rows)), head=head,
    )  # fmt: skip
    assert (outcome.metrics["kept"], outcome.metrics["own_validation"]) == ("own vectors", 0.75)


@pytest.mark.parametrize("judged_by", ["product", "category"])
def test_queries_of_what_is_judged_are_drawn_together(judged_by: str, tmp_path: Path) -> None:
    """Pictures of which it is not known stand alone."""
    products: list[str | None] = [None if row % 5 == 2 else name for row, name in enumerate(DATA.products)]
    data = replace(
        DATA, products=products, categories=[None if row % 7 == 1 else c for row, c in enumerate(DATA.categories)]
    )
    if judged_by != "product":
        data = replace(data, products=[f"one of a kind {row}" for row in range(len(data))])
    session, _ = _session(tmp_path, DATA)
    session = Session("triplet", data, session.config, tmp_path)
    session.__dict__["splits"] = _session(tmp_path)[0].splits
    rows = session.splits["val"]
    head = _random_head(1)

    def vectors_of(part: Ids) -> Floats:
        return apply_head(*head, data.vectors.take(part))

    way = Way("", hide_products=judged_by != "product")
    found = _compare_on_validation(session, way, vectors_of, "cosine")
    question = question_of(data, rows, way)
    trained = judge_queries(question, vectors_of(rows), "cosine")["map_at_r"]
    own = judge_queries(question, data.vectors.take(rows), "cosine")["map_at_r"]
    labels = data.products if judged_by == "product" else data.categories
    cluster: dict[str, int] = {}
    clusters = [cluster.setdefault(labels[row] or f"alone {row}", len(cluster)) for row in rows.tolist()]
    expected = paired_difference(trained, own, clusters=np.array(clusters))
    assert found.value == pytest.approx(expected.value)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.015)


def test_with_two_domains_there_is_a_table_each_way_and_the_first_makes_the_headline(tmp_path: Path) -> None:
    data, head = _shifted(), _first_numbers()
    outcome = _end(tmp_path, head, data, by="domains")
    metrics = outcome.metrics
    assert metrics["way"] == "street to shop"
    assert [name for name in metrics if name.startswith("table")] == ["table", "table shop to street"]
    test = _session(tmp_path, data)[0].splits["test"]
    vectors = apply_head(*head, data.vectors.take(test))
    for name, way in (("table", Way("", "street", "shop")), ("table shop to street", Way("", "shop", "street"))):
        [line] = [line for line in metrics[name]["lines"] if line["name"] == "trained:cosine"]
        expected = judge_vectors(question_of(data, test, way), vectors, "cosine")["map_at_r"]
        assert line["scores"]["map_at_r"]["value"] == pytest.approx(expected)
    first = [line for line in metrics["table"]["lines"] if line["name"] == "trained:cosine"]
    assert metrics["headline"]["scores"] == first[0]["scores"]
