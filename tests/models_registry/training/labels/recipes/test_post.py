"""`post`: centred, whitened, at length 1, as numpy and scikit-learn would do it, and which pictures it looks at."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from models_registry.encoders.checkpoint import SPEC, apply_head, read_checkpoint, read_head
from models_registry.training.common.recipe_base import EpochReport, configure_recipe, recipe_named
from models_registry.training.common.training_errors import TrainingError, UnusableLabels
from models_registry.training.labels.label_configs import PostConfig
from models_registry.training.labels.recipes.post import RECIPE, _draw_rows, learnt_head
from models_registry.training.labels.run_context import Session
from models_registry.training.labels.validation import judge_vectors, question_of
from tests.models_registry.training.clouds import clouds

Floats = NDArray[np.float32]


def _rows(count: int, width: int, size: float = 1.0) -> Floats:
    rng = np.random.default_rng(count * 100 + width)
    return ((rng.standard_normal((count, width)) * np.linspace(1, 4, width) + 2) * size).astype(np.float32)


def _peer_directions(rows: Floats, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """scikit-learn's directions, their largest entries above 0, and the spread along each over n."""
    peer = PCA(count, svd_solver="full").fit(rows.astype(np.float64))
    signs = [np.sign(direction[np.abs(direction).argmax()]) for direction in peer.components_]
    return peer.components_ * np.array(signs)[:, None], np.sqrt(peer.explained_variance_ * (len(rows) - 1) / len(rows))


@pytest.mark.parametrize(("count", "width"), [(50, 6), (7, 7), (8, 7), (7, 8), (6, 40)])
@pytest.mark.parametrize("size", [1.0, 1e-3])
def test_directions_are_those_of_scikit_learn_with_the_largest_entry_above_nothing(
    count: int, width: int, size: float
) -> None:
    rows = _rows(count, width, size)
    directions, spread = _peer_directions(rows, 4)
    _, plain = learnt_head(rows, ("pca=4",))
    _, whitened = learnt_head(rows, ("whiten=4",))
    assert plain["0.weight"] == pytest.approx(directions, abs=2e-4)
    assert whitened["0.weight"] == pytest.approx(directions / spread[:, None], rel=2e-3, abs=2e-4 / size)
    assert whitened["0.bias"].tolist() == plain["0.bias"].tolist() == [0.0] * 4


@pytest.mark.parametrize(("count", "width", "most"), [(5, 12, 4), (13, 12, 12), (12, 12, 11)])
def test_as_many_directions_as_rows_can_vary_in_are_given_and_no_more(count: int, width: int, most: int) -> None:
    rows = _rows(count, width)
    head, tensors = learnt_head(rows, (f"pca={most}",))
    assert head.taps[0].dim == most
    centred = rows - rows.mean(axis=0)
    assert np.linalg.norm(centred @ tensors["0.weight"].T) == pytest.approx(float(np.linalg.norm(centred)), rel=1e-4)
    with pytest.raises(UnusableLabels, match=f"vary in {most} directions at most, and {most + 1} are asked for"):
        learnt_head(rows, (f"pca={most + 1}",))


def test_a_direction_in_which_nothing_varies_is_stretched_a_million_times_at_most() -> None:
    rows = np.zeros((20, 5), dtype=np.float32)
    rows[:, 0], rows[:, 3] = np.tile([3.0, -3.0], 10), np.repeat([2.0, -2.0], 10)
    _, tensors = learnt_head(rows, ("whiten=4",))
    lengths = np.linalg.norm(tensors["0.weight"], axis=1)
    assert lengths == pytest.approx([1 / 3, 1 / 2, 1e6 / 3, 1e6 / 3], rel=1e-4)


def test_pictures_that_are_all_the_same_become_nothing_and_not_an_error() -> None:
    head, tensors = learnt_head(np.full((10, 3), 2.0, dtype=np.float32), ("centre", "whiten=2", "l2"))
    assert apply_head(head, tensors, np.full((2, 3), 2.0, dtype=np.float32)).tolist() == [[0.0, 0.0]] * 2


def test_each_step_is_learnt_from_what_the_steps_before_it_give() -> None:
    rows = _rows(40, 8)
    steps = ("centre", "pca=6", "l2", "centre", "whiten=3")
    head, tensors = learnt_head(rows, steps)
    assert head.layers == ("centre", "linear", "normalise", "centre", "linear")
    assert (head.taps[0].name, head.taps[0].dim, head.taps[0].after) == ("embedding", 3, 5)
    assert sorted(tensors) == ["0.mean", "1.bias", "1.weight", "3.mean", "4.bias", "4.weight"]
    found = apply_head(head, tensors, rows)
    before = apply_head(*learnt_head(rows, steps[:3]), rows)
    directions, spread = _peer_directions(before, 3)
    assert found == pytest.approx((before - before.mean(axis=0)) @ (directions / spread[:, None]).T, abs=2e-3)


def _session(rows: int, width: int, seed: int = 0) -> Any:
    vectors = SimpleNamespace(dim=width)
    return SimpleNamespace(
        splits={"train": np.arange(rows) * 3}, data=SimpleNamespace(vectors=vectors), config=SimpleNamespace(seed=seed)
    )


@pytest.mark.parametrize(
    ("rows", "width", "looked_at"),
    [(20_000, 8, 20_000), (20_001, 8, 20_000), (5_000, 4_096, 5_000), (4_096, 4_097, 4_096), (4_097, 4_097, 4_096)],
)
def test_of_more_pictures_than_can_be_looked_at_a_draw_is(rows: int, width: int, looked_at: int) -> None:
    drawn = _draw_rows(_session(rows, width))
    assert len(drawn) == looked_at
    assert np.all(np.diff(drawn) > 0)
    assert set(drawn.tolist()) <= set(range(0, rows * 3, 3))
    np.testing.assert_array_equal(drawn, _draw_rows(_session(rows, width)))
    is_whole = rows == looked_at
    assert np.array_equal(drawn, _draw_rows(_session(rows, width, seed=1))) == is_whole


def test_ten_pictures_are_enough_and_nine_are_not() -> None:
    RECIPE.check(clouds(products=5, pictures=2), PostConfig())
    with pytest.raises(UnusableLabels, match="has 9 pictures with a vector; 10 are needed"):
        RECIPE.check(clouds(products=3, pictures=3), PostConfig())


def test_the_run_is_one_epoch_and_tells_how_well_validation_pictures_are_found(tmp_path: Path) -> None:
    data = clouds(products=20)
    config = configure_recipe(PostConfig, {"post": "centre,whiten=8,l2", "validation_share": "0.2"})
    assert isinstance(config, PostConfig)
    told: list[EpochReport] = []
    outcome = RECIPE.run(data, config, tmp_path, on_progress=told.append, resume=False)
    splits = Session("post", data, config, tmp_path).splits
    head, tensors = learnt_head(data.vectors.take(splits["train"]), config.post)
    validated = apply_head(head, tensors, data.vectors.take(splits["val"]))
    [report] = told
    assert (report.part, report.epoch, report.epochs) == ("", 1, 1)
    assert report.values == judge_vectors(question_of(data, splits["val"]), validated, "cosine")
    assert (outcome.metrics["epochs"], outcome.metrics["best_epoch"]) == (1, 1)
    names = [line["name"] for line in outcome.metrics["table"]["lines"]]
    assert {"trained:cosine", "trained:l2", "trained:hamming"} <= set(names)
    [line] = [line for line in outcome.metrics["table"]["lines"] if line["name"] == "trained:cosine"]
    tested = apply_head(head, tensors, data.vectors.take(splits["test"]))
    found = judge_vectors(question_of(data, splits["test"]), tested, "cosine")
    assert line["scores"]["map_at_r"]["value"] == pytest.approx(found["map_at_r"])


ROWS = (np.random.default_rng(0).standard_normal((80, 12)) * np.linspace(1, 5, 12) + 3).astype(np.float32)


def test_whitening_is_that_of_scikit_learn() -> None:
    head, tensors = learnt_head(ROWS, ("centre", "whiten=4"))
    found = apply_head(head, tensors, ROWS)
    expected = PCA(4, whiten=True, svd_solver="full").fit_transform(ROWS.astype(np.float64))
    expected *= np.sqrt(len(ROWS) / (len(ROWS) - 1))  # theirs divides by n - 1
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(found.T @ found / len(found), np.eye(4), atol=1e-4)


def test_wide_vectors_of_few_pictures_have_the_same_directions() -> None:
    wide = np.random.default_rng(1).standard_normal((20, 60)).astype(np.float32)
    head, tensors = learnt_head(wide, ("centre", "pca=5"))
    found = apply_head(head, tensors, wide)
    expected = PCA(5, svd_solver="full").fit_transform(wide.astype(np.float64))
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=1e-3, atol=1e-4)


def test_steps_are_done_in_the_order_that_was_given() -> None:
    head, tensors = learnt_head(ROWS, ("l2", "centre", "l2"))
    assert head.layers == ("normalise", "centre", "normalise")
    unit = ROWS / np.linalg.norm(ROWS, axis=1, keepdims=True)
    centred = unit - unit.mean(0)
    expected = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_allclose(apply_head(head, tensors, ROWS), expected, atol=1e-5)


def test_the_run_writes_an_encoder_and_its_table(tmp_path: Path) -> None:
    data = clouds()
    told: list[EpochReport] = []
    config = configure_recipe(PostConfig, {"post": "centre,whiten=8,l2", "validation_share": "0.2"})
    outcome = RECIPE.run(data, config, tmp_path, on_progress=told.append, resume=False)  # type: ignore[arg-type]
    spec = read_checkpoint(outcome.encoder_dir / SPEC)
    assert spec.head.layers == ("centre", "linear", "normalise")
    assert spec.head.taps[0].dim == 8
    vectors = apply_head(
        spec.head, read_head(outcome.encoder_dir / SPEC, spec), data.vectors.take(np.arange(len(data)))
    )
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert outcome.card["settings"]["post"] == ("centre", "whiten=8", "l2")
    assert {"trained:cosine", "raw features:cosine"} <= {line["name"] for line in outcome.metrics["table"]["lines"]}
    assert "map_at_r" in told[0].values


def test_only_training_pictures_are_learnt_from(tmp_path: Path) -> None:
    data = clouds()
    config = configure_recipe(PostConfig, {"post": "centre", "validation_share": "0.2"})
    outcome = RECIPE.run(data, config, tmp_path, on_progress=lambda _report: None, resume=False)  # type: ignore[arg-type]
    spec = read_checkpoint(outcome.encoder_dir / SPEC)
    seen = set((outcome.encoder_dir / "trained-on.txt").read_text().split())
    rows = [row for row, sha256 in enumerate(data.sha256s) if sha256 in seen]
    assert 0 < len(rows) < len(data)
    expected = data.vectors.take(np.array(rows)).mean(0)
    np.testing.assert_allclose(read_head(outcome.encoder_dir / SPEC, spec)["0.mean"], expected, atol=1e-5)


@pytest.mark.parametrize("step", ["whiten", "whiten=0", "centre=3", "l1", "pca=-2"])
def test_a_step_that_is_none_is_refused(step: str) -> None:
    with pytest.raises(TrainingError, match="centre, pca=N, whiten=N and l2"):
        configure_recipe(PostConfig, {"post": step})


def test_more_directions_than_there_are_is_refused_in_words() -> None:
    with pytest.raises(UnusableLabels, match="vary in 12 directions at most, and 64 are asked for"):
        learnt_head(ROWS, ("whiten=64",))


def test_the_list_knows_it() -> None:
    assert recipe_named("post").config_type() is PostConfig


def test_what_was_centred_is_brought_to_length_one_and_not_what_was_moved_away() -> None:
    rows = (np.random.default_rng(1).standard_normal((40, 6)) + 3).astype(np.float32)
    head, tensors = learnt_head(rows, ("centre", "l2", "pca=3"))
    centred = rows - rows.mean(axis=0)
    units = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    peer = PCA(3, svd_solver="full").fit(units)
    found = apply_head(head, tensors, rows)
    assert np.abs(found) == pytest.approx(np.abs(units @ peer.components_.T), abs=1e-4)
