"""What is held out stays held out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_registry.store import Vectors
from models_registry.training.common.training_errors import TrainingError
from models_registry.training.votes import vote_data
from models_registry.training.votes.vote_data import Ballots
from models_registry.training.votes.vote_splits import folds_of, split_votes
from tests.models_registry.training.votes.crowd import votes_of, with_ballots, world

WORLD = world()
DATA = votes_of(WORLD)
SPLIT = split_votes(DATA, DATA.base_matrix())


def test_no_item_is_both_learnt_from_and_measured_on() -> None:
    learnt, test = DATA.ballots.where(SPLIT.learn), DATA.ballots.where(SPLIT.test)
    items = set(learnt.query.tolist()) | set(learnt.candidate.tolist())
    assert not items & (set(test.query.tolist()) | set(test.candidate.tolist()))
    assert not SPLIT.held_out[sorted(items)].any()


def test_every_vote_is_accounted_for() -> None:
    counts = dict(SPLIT.counts)
    assert counts.pop("votes") == len(DATA.ballots) == sum(counts.values())
    assert counts["dropped: across the splits"] > 0


def test_test_voters_are_never_learnt_from() -> None:
    everybody = set(DATA.ballots.voter.tolist())
    learnt = set(DATA.ballots.voter[SPLIT.learn].tolist())
    assert 0 < len(everybody - learnt) < len(everybody)
    assert not (~SPLIT.learn & ~SPLIT.test)[np.isin(DATA.ballots.voter, sorted(learnt))].all()


@settings(max_examples=20, deadline=None)
@given(extra=st.integers(1, 300), seed=st.integers(0, 9))
def test_more_votes_of_a_later_generation_move_nothing_across(extra: int, seed: int) -> None:
    later = votes_of(WORLD, votes=extra, seed=seed + 10)
    both = Ballots(
        *(
            np.concatenate([getattr(DATA.ballots, name), getattr(later.ballots, name)])
            for name in ("query", "candidate", "voter", "like", "weight")
        )
    )
    grown = split_votes(with_ballots(DATA, both), DATA.base_matrix())
    before = len(DATA.ballots)
    np.testing.assert_array_equal(grown.learn[:before], SPLIT.learn)
    np.testing.assert_array_equal(grown.held_out, SPLIT.held_out)


def test_pictures_of_one_product_share_split_and_fold() -> None:
    paired = replace(DATA, products=[f"product-{row // 2}" for row in range(len(DATA.keys))])
    held = split_votes(paired, paired.base_matrix()).held_out
    np.testing.assert_array_equal(held[::2], held[1::2])
    fold = folds_of(paired, 4, seed=3)
    np.testing.assert_array_equal(fold[::2], fold[1::2])


def test_what_looks_nearly_like_a_test_picture_is_not_learnt_from() -> None:
    vectors = DATA.base_matrix()
    test_item = int(np.flatnonzero(SPLIT.held_out)[0])
    twin = int(DATA.ballots.query[SPLIT.learn][0])
    vectors[twin] = vectors[test_item] * 1.01
    doubled = split_votes(replace(DATA, vectors=Vectors.from_array(vectors)), vectors)
    involved = (DATA.ballots.query == twin) | (DATA.ballots.candidate == twin)
    assert SPLIT.learn[involved].any()
    assert not doubled.learn[involved].any()
    assert doubled.counts["dropped: nearly a test picture"] > 0


def test_vectors_that_all_point_the_same_way_are_no_near_duplicates() -> None:
    """Behind a ReLU every two pictures have a high cosine; what is around the mean tells them apart."""
    shifted = DATA.base_matrix() + np.float32(20)

    assert split_votes(DATA, shifted).counts["dropped: nearly a test picture"] == 0


def test_more_vectors_than_the_machine_has_memory_for_are_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    data = votes_of(world(), 200)
    monkeypatch.setattr(vote_data, "free_memory", lambda: 1000)
    with pytest.raises(TrainingError, match=r"takes 0\.0 GiB of memory, and this machine has 0\.0 free\. Take a base"):
        data.base_matrix()
    monkeypatch.setattr(vote_data, "free_memory", lambda: None)
    assert len(data.base_matrix()) == len(data.keys)
