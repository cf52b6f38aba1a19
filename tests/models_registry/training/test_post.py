"""`post`: centred, whitened, at length 1, as numpy and scikit-learn would do it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA

from models_registry.encoders.checkpoint import SPEC, apply_head, read_checkpoint, read_head
from models_registry.training.common.recipe_base import EpochReport, configure_recipe, recipe_named
from models_registry.training.common.training_errors import TrainingError, UnusableLabels
from models_registry.training.labels.label_configs import PostConfig
from models_registry.training.labels.recipes.post import RECIPE, learnt_head
from tests.models_registry.training.clouds import clouds

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
