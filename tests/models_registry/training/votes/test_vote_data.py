"""Ballots, pairs and the items they are about: sums by hand, who may ask and answer, and what names a snapshot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_registry.embed import Picture
from models_registry.training.common.training_errors import TrainingError
from models_registry.training.votes import vote_data
from models_registry.training.votes.vote_data import Ballots, Pairs, VoteData, join_pairs, require_memory, require_votes
from tests.models_registry.training.votes.crowd import votes_of, with_ballots, world

DATA = replace(
    votes_of(world(12), votes=20, voters=3),
    pictures=[Picture(f"item-{row:04d}", b"", (0, 0, row + 1, 9)) for row in range(12)],
)
VERDICTS = st.tuples(st.integers(0, 6), st.integers(0, 3), st.booleans(), st.sampled_from([0.0, 0.25, 1.0]))


def _ballots(rows: list[tuple[int, int, bool, float]]) -> Ballots:
    columns = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    ids = columns.astype(np.int64)
    return Ballots(ids[0], ids[1], np.arange(len(rows)), columns[2] > 0, columns[3])


@settings(max_examples=60, deadline=None)
@given(st.lists(VERDICTS, max_size=25), st.booleans())
def test_verdicts_on_a_pair_are_summed_and_those_without_weight_are_none(
    rows: list[tuple[int, int, bool, float]], turned: bool
) -> None:
    if turned:
        rows = [(candidate, query, like, weight) for query, candidate, like, weight in rows]
    likes: dict[tuple[int, int], float] = defaultdict(float)
    nopes: dict[tuple[int, int], float] = defaultdict(float)
    for query, candidate, like, weight in rows:
        likes[query, candidate] += weight if like else 0.0
        nopes[query, candidate] += 0.0 if like else weight
    expected = [(*pair, likes[pair], nopes[pair]) for pair in sorted(likes) if likes[pair] + nopes[pair]]
    pairs = _ballots(rows).summed_pairs()
    assert list(zip(pairs.query, pairs.candidate, pairs.likes, pairs.nopes, strict=True)) == expected
    assert len(pairs) == len(expected)
    assert pairs.weight.tolist() == [liked + noped for *_, liked, noped in expected]
    assert pairs.share.tolist() == [liked / (liked + noped) for *_, liked, noped in expected]


def test_some_ballots_and_pairs_are_taken_row_by_row() -> None:
    kept = np.array([True, False, True])
    some = Ballots(
        np.array([1, 2, 3]),
        np.array([4, 5, 6]),
        np.array([7, 8, 9]),
        np.array([True, True, False]),
        np.array([0.1, 0.2, 0.3]),
    ).where(kept)
    assert (some.query.tolist(), some.candidate.tolist(), some.voter.tolist()) == ([1, 3], [4, 6], [7, 9])
    assert (some.like.tolist(), some.weight.tolist()) == ([True, False], [0.1, 0.3])
    pairs = Pairs(np.array([1, 2, 3]), np.array([4, 5, 6]), np.array([1.0, 2, 3]), np.array([0.5, 0, 1])).where(kept)
    assert (pairs.query.tolist(), pairs.candidate.tolist()) == ([1, 3], [4, 6])
    assert (pairs.likes.tolist(), pairs.nopes.tolist()) == ([1.0, 3.0], [0.5, 1.0])


def test_joined_pairs_are_one_part_after_the_other() -> None:
    one = Pairs(np.array([1]), np.array([2]), np.array([3.0]), np.array([4.0]))
    two = Pairs(np.array([5, 6]), np.array([7, 8]), np.array([9.0, 10]), np.array([11.0, 12]))
    joined = join_pairs([two, one])
    assert (joined.query.tolist(), joined.candidate.tolist()) == ([5, 6, 1], [7, 8, 2])
    assert (joined.likes.tolist(), joined.nopes.tolist()) == ([9.0, 10.0, 3.0], [11.0, 12.0, 4.0])


def test_all_items_ask_and_answer_unless_some_are_answers_alone() -> None:
    assert DATA.gallery_rows().tolist() == DATA.asking_rows().tolist() == list(range(12))
    apart = replace(DATA, answers=[False, True, True, *[False] * 9])
    assert apart.gallery_rows().tolist() == [1, 2]
    assert apart.asking_rows().tolist() == [0, *range(3, 12)]
    everything = replace(DATA, answers=[True] * 12)
    assert everything.gallery_rows().tolist() == everything.asking_rows().tolist() == list(range(12))


def test_base_vectors_are_a_matrix_of_ones_own() -> None:
    matrix = DATA.base_matrix()
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, DATA.vectors.rows(0, 12))
    matrix[:] = 0
    assert DATA.base_matrix().any()


def _with_changed(**changes: Callable[[Ballots], np.ndarray]) -> VoteData:
    ballots = DATA.ballots
    return with_ballots(DATA, replace(ballots, **{name: change(ballots) for name, change in changes.items()}))


@pytest.mark.parametrize(
    "other",
    [
        replace(DATA, salt="another"),
        replace(DATA, keys=["another", *DATA.keys[1:]]),
        replace(DATA, sha256s=["f" * 64, *DATA.sha256s[1:]]),
        replace(DATA, pictures=[Picture("item-0000", b"", (0, 0, 2, 9)), *DATA.pictures[1:]]),
        replace(DATA, voters=["another", *DATA.voters[1:]]),
        _with_changed(query=lambda ballots: (ballots.query + 1) % 12),
        _with_changed(candidate=lambda ballots: (ballots.candidate + 1) % 12),
        _with_changed(voter=lambda ballots: ballots.voter[::-1]),
        _with_changed(like=lambda ballots: ~ballots.like),
        _with_changed(weight=lambda ballots: ballots.weight / 2),
        with_ballots(DATA, DATA.ballots.where(np.arange(len(DATA.ballots)) > 0)),
    ],
)
def test_a_snapshot_is_named_by_everything_that_is_learnt_from(other: VoteData) -> None:
    assert len(DATA.snapshot) == 64
    assert other.snapshot != DATA.snapshot


def test_a_snapshot_does_not_depend_on_the_base_or_on_how_voters_are_numbered() -> None:
    ballots = DATA.ballots
    voters = list(DATA.voters)
    turned = replace(
        DATA,
        voters=voters[::-1],
        ballots=replace(ballots, voter=len(voters) - 1 - ballots.voter),
        name="another",
        base_tap="another",
    )
    assert turned.snapshot == replace(DATA).snapshot


@pytest.mark.parametrize(("lacking", "is_refused"), [(0, False), (1, True)])
def test_three_copies_of_the_base_vectors_must_fit_into_memory(
    lacking: int, is_refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = 3 * 12 * DATA.vectors.dim * 4
    monkeypatch.setattr(vote_data, "free_memory", lambda: needed - lacking)
    if not is_refused:
        require_memory(DATA)
        return
    with pytest.raises(TrainingError, match=r"has 12 items of 32 numbers: learning from votes takes 0\.0 GiB"):
        require_memory(DATA)


def test_as_many_votes_as_are_needed_are_enough_and_both_verdicts_must_be_among_them() -> None:
    count = len(DATA.ballots)
    one = np.arange(count) == 3
    for like in (one, ~one):
        require_votes(_with_changed(like=lambda _, like=like: like), count)  # type: ignore[misc]
    with pytest.raises(TrainingError, match=rf"world has {count} votes .* and {count + 1} are needed"):
        require_votes(DATA, count + 1)
    for everybody in (np.zeros(count, dtype=np.bool_), np.ones(count, dtype=np.bool_)):
        with pytest.raises(TrainingError, match="All votes of world say the same"):
            require_votes(with_ballots(DATA, replace(DATA.ballots, like=everybody)), count)
