"""What recipes of votes share: what is prepared, what is written of it, and that it answers the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models_registry.encoders.checkpoint import TRAINED_ON, apply_head, read_checkpoint, read_head
from models_registry.store import Vectors
from models_registry.training.common.training_errors import TrainingError
from models_registry.training.votes.block_pca import LABELS, LENGTH, basis_of
from models_registry.training.votes.class_guesses import learn_guesses
from models_registry.training.votes.vote_data import Ballots, Rival
from models_registry.training.votes.vote_run import (
    Prepared,
    card_of,
    map_rows,
    parents_of,
    prepare_votes,
    require_votes_to_learn,
    write_head,
)
from models_registry.training.votes.vote_splits import folds_of, split_votes
from tests.models_registry.training.votes.crowd import votes_of, with_ballots, world

DATA = votes_of(world(120), votes=900)
SPLIT = split_votes(DATA, DATA.base_matrix())


def _prepared(*, labels: bool = True, lifted: bool = False, seed: int = 0) -> Prepared:
    return prepare_votes(DATA, fewest=10, directions=5, labels=labels, seed=seed, lifted=lifted)


def test_blocks_are_those_of_the_base_and_votes_those_that_may_be_learnt_from() -> None:
    prepared = prepare_votes(DATA, fewest=10, directions=5, labels=False, seed=0)
    basis = basis_of(DATA.base_matrix(), DATA.spans, directions=5)
    np.testing.assert_array_equal(prepared.vectors, DATA.base_matrix())
    np.testing.assert_array_equal(prepared.rows, basis.rows_of_vectors(DATA.base_matrix()))
    np.testing.assert_array_equal(prepared.deployed, prepared.rows)
    assert prepared.basis.names == ("shapes", "colours")
    np.testing.assert_array_equal(prepared.split.learn, SPLIT.learn)
    np.testing.assert_array_equal(prepared.ballots.query, DATA.ballots.query[SPLIT.learn])
    np.testing.assert_array_equal(prepared.ballots.like, DATA.ballots.like[SPLIT.learn])


@pytest.mark.parametrize("lifted", [False, True])
@pytest.mark.parametrize("seed", [0, 5])
def test_maps_learn_on_guesses_that_did_not_see_the_label_and_the_encoder_gives_its_own(
    lifted: bool, seed: int
) -> None:
    """Labels of the test part are hidden; the others are guessed by four folds."""
    prepared = _prepared(lifted=lifted, seed=seed)
    linear = basis_of(DATA.base_matrix(), DATA.spans, directions=5).linear_blocks(DATA.base_matrix())
    seen = [None if held else label for held, label in zip(SPLIT.held_out, DATA.categories, strict=True)]
    found = learn_guesses(linear, seen, folds_of(DATA, 4, seed), seed=seed)
    assert found is not None
    guesses, crossed = found
    ones = [np.ones((120, 1))] if lifted else []
    by_folds = np.concatenate([linear, guesses.chance_block(crossed), *ones], axis=1)
    as_given = np.concatenate([linear, guesses.chance_block(guesses.class_chances(linear)), *ones], axis=1)
    np.testing.assert_allclose(prepared.rows, by_folds, atol=1e-6)
    np.testing.assert_allclose(prepared.deployed, as_given, atol=1e-6)
    assert np.abs(prepared.rows - prepared.deployed).max() > 0.01
    assert prepared.basis.names == ("shapes", "colours", LABELS, *([LENGTH] if lifted else []))


def test_without_labels_that_can_be_learnt_there_is_no_block_of_them() -> None:
    prepared = prepare_votes(
        replace(DATA, categories=[None] * 120), fewest=10, directions=5, labels=True, seed=0, lifted=True
    )
    assert prepared.basis.names == ("shapes", "colours", LENGTH)
    np.testing.assert_array_equal(prepared.rows, prepared.deployed)


def test_too_few_votes_outside_the_test_part_are_refused_and_just_enough_are_not() -> None:
    enough = int(SPLIT.learn.sum())
    require_votes_to_learn(DATA, SPLIT, enough)
    prepare_votes(DATA, fewest=enough, directions=2, labels=False, seed=0)
    with pytest.raises(
        TrainingError, match=rf"world \(test part apart\) has {enough} votes .* {enough + 1} are needed"
    ):
        prepare_votes(DATA, fewest=enough + 1, directions=2, labels=False, seed=0)
    # Only the test part has likes.
    alike = with_ballots(DATA, replace(DATA.ballots, like=~SPLIT.learn))
    with pytest.raises(TrainingError, match="All votes of world"):
        prepare_votes(alike, fewest=2, directions=2, labels=False, seed=0)


def test_parents_are_the_contenders_of_the_study_alone() -> None:
    vectors = np.random.default_rng(1).normal(size=(130, 3)).astype(np.float32)
    rivals = [
        Rival(name, "l2", Vectors.from_array(vectors * factor), competed)
        for name, factor, competed in (("first", 1, True), ("stranger", 2, False), ("second", 3, True))
    ]
    parents = parents_of(replace(DATA, rivals=rivals))
    assert [(parent.name, parent.metric) for parent in parents] == [("first", "l2"), ("second", "l2")]
    np.testing.assert_allclose(parents[1].vectors, 3 * vectors[:120], rtol=1e-6)


def test_mapped_rows_have_length_one_and_a_row_of_nothing_stays_nothing() -> None:
    rng = np.random.default_rng(2)
    rows, head = rng.normal(size=(6, 4)).astype(np.float32), rng.normal(size=(4, 3)).astype(np.float32)
    rows[2] = 0
    found = map_rows(rows, head)
    assert found.dtype == np.float32
    expected = rows.astype(float) @ head
    for row in (0, 1, 3, 4, 5):
        assert found[row] == pytest.approx(expected[row] / np.linalg.norm(expected[row]), abs=1e-6)
    assert found[2].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("lifted", [False, True])
def test_a_written_head_answers_as_the_map_of_the_rows_does(labels: bool, lifted: bool, tmp_path: Path) -> None:
    prepared = _prepared(labels=labels, lifted=lifted)
    head = np.random.default_rng(3).normal(size=(prepared.rows.shape[1], 7)).astype(np.float32)
    write_head(tmp_path, DATA, prepared, head, {"recipe": "adapter"})
    path = tmp_path / "spec.json"
    checkpoint = read_checkpoint(path)
    answered = apply_head(checkpoint.head, read_head(path, checkpoint), DATA.base_matrix())
    assert answered == pytest.approx(map_rows(prepared.deployed, head), abs=1e-5)
    [tap] = checkpoint.head.taps
    assert (tap.name, tap.dim, tap.after) == ("embedding", 7, len(checkpoint.head.layers))
    assert (checkpoint.base.fingerprint, checkpoint.base_tap) == (DATA.base.fingerprint, "embedding")
    learnt = prepared.ballots
    items = {DATA.sha256s[row] for row in {*learnt.query.tolist(), *learnt.candidate.tolist()}}
    assert (tmp_path / TRAINED_ON).read_text().split() == sorted(items)


def test_a_card_says_where_an_encoder_comes_from_and_how_far_it_is_trusted() -> None:
    data = replace(DATA, sources={"study": "Autumn"})
    metrics = {"compare_by": "hamming", "guard_holds": False, "both": {"fresh": None}}
    card = card_of(data, SPLIT, "adapter", metrics)
    assert card.pop("limits")
    assert card == {
        "recipe": "adapter",
        "learnt_from": "world",
        "data_sha256": DATA.snapshot,
        "salt": "salt",
        "studies": {"study": "Autumn"},
        "votes": SPLIT.counts,
        "base": ["shapes", "colours"],
        "compare_by": "hamming",
        "guard_holds": False,
        "measured": {"fresh": None},
    }
    plain = card_of(data, SPLIT, "taste", {})
    assert (plain["compare_by"], plain["guard_holds"], plain["measured"]) == ("cosine", None, None)


def test_ballots_of_later_items_are_written_by_the_pictures_they_are_about(tmp_path: Path) -> None:
    prepared = _prepared(labels=False)
    one = np.array([3])
    few = replace(prepared, ballots=Ballots(one, np.array([9]), one, np.array([True]), np.ones(1)))
    head = np.ones((few.rows.shape[1], 1), dtype=np.float32)
    write_head(tmp_path, DATA, few, head, {})
    assert (tmp_path / TRAINED_ON).read_text().split() == [DATA.sha256s[3], DATA.sha256s[9]]
