"""What is held out stays held out: every ballot's place by the rules in words, one after the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_registry.evaluate.leak_free_splits import split_of
from models_registry.store import Vectors
from models_registry.training.common.training_errors import TrainingError
from models_registry.training.votes import vote_data
from models_registry.training.votes.vote_data import Ballots, VoteData
from models_registry.training.votes.vote_splits import VoteSplit, folds_of, split_votes
from tests.models_registry.training.votes.crowd import votes_of, with_ballots, world

ITEMS = 120


def _crowd(seed: int = 0, items: int = ITEMS) -> tuple[VoteData, np.ndarray]:
    """Items of which some are photographs of one product, and a few look nearly like another."""
    data = votes_of(world(items, seed=seed), votes=900, seed=seed + 1)
    products = [f"product-{row // 3}" if row % 2 else None for row in range(items)]
    vectors = data.base_matrix()
    rng = np.random.default_rng(seed)
    copies, originals = rng.permutation(items)[:40].reshape(2, 20)
    vectors[copies] = vectors[originals] + 0.02 * rng.normal(size=(20, vectors.shape[1]))
    return replace(data, products=products, salt=f"salt-{seed}"), (vectors + 1).astype(np.float32)


def _place_by_hand(data: VoteData, vectors: np.ndarray) -> tuple[list[str], list[bool]]:
    held = []
    for product, sha256 in zip(data.products, data.sha256s, strict=True):
        unit = f"product/{product}" if product else f"item/{sha256}"
        held.append(split_of(unit, salt=data.salt) == "test")
    centred = vectors.astype(float) - vectors.astype(float).mean(axis=0)
    units = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    near = [
        any(units[row] @ units[other] > 0.98 for other in range(len(units)) if held[other]) for row in range(len(units))
    ]
    places = []
    for query, candidate, voter in zip(data.ballots.query, data.ballots.candidate, data.ballots.voter, strict=True):
        name = f"voter/{data.voters[voter]}"
        if held[query] and held[candidate]:
            places.append("test")
        elif held[query] or held[candidate]:
            places.append("dropped: across the splits")
        elif near[query] or near[candidate]:
            places.append("dropped: nearly a test picture")
        elif split_of(name, salt=data.salt, shares={"train": 0.9, "val": 0.0, "test": 0.1}) == "test":
            places.append("dropped: of a test voter")
        else:
            places.append("learnt from")
    return places, held


def _is_as_by_hand(split: VoteSplit, places: list[str], held: list[bool]) -> None:
    assert split.learn.tolist() == [place == "learnt from" for place in places]
    assert split.test.tolist() == [place == "test" for place in places]
    assert split.held_out.tolist() == held
    names = ["test", "learnt from", *(name for name in split.counts if name.startswith("dropped"))]
    assert split.counts == {"votes": len(places), **{name: places.count(name) for name in names}}


@pytest.mark.parametrize("seed", range(3))
def test_every_ballot_goes_where_the_rules_say(seed: int) -> None:
    data, vectors = _crowd(seed)
    places, held = _place_by_hand(data, vectors)
    assert len(set(places)) == 5
    _is_as_by_hand(split_votes(data, vectors), places, held)


def _ballots_between(query: list[int], candidate: list[int]) -> Ballots:
    count = len(query)
    return Ballots(
        np.array(query, dtype=np.int64),
        np.array(candidate, dtype=np.int64),
        np.zeros(count, dtype=np.int64),
        np.ones(count, dtype=np.bool_),
        np.ones(count),
    )


@pytest.mark.parametrize(("cosine", "is_near"), [(0.979, False), (0.981, True)])
def test_from_a_cosine_of_98_hundredths_on_an_item_is_nearly_a_test_picture(cosine: float, is_near: bool) -> None:
    """The mean is at nothing: every item has another that points the other way, far from both."""
    data = votes_of(world(8), votes=9)
    held = split_votes(data, data.base_matrix()).held_out
    test_item, learnt, other = (
        int(np.flatnonzero(held == is_test)[number]) for is_test, number in ((1, 0), (0, 0), (0, 1))
    )
    vectors = np.zeros((8, 8), dtype=np.float32)
    vectors[test_item, 0] = 1
    vectors[learnt, :2] = cosine, np.sqrt(1 - cosine**2)
    vectors[other, :2] = -(vectors[test_item, :2] + vectors[learnt, :2])
    data = replace(data, ballots=_ballots_between([learnt], [other]), voters=["voter-0"])
    counts = split_votes(data, vectors).counts
    assert counts["dropped: nearly a test picture"] == int(is_near)


def test_near_duplicates_are_found_anywhere_in_a_large_catalogue() -> None:
    """The first item, the last, and those about the edges of 2,048."""
    items = 4_100
    rng = np.random.default_rng(2)
    data = votes_of(world(60), votes=9)
    data = replace(
        data,
        keys=[f"item-{row}" for row in range(items)],
        sha256s=[f"{row:064x}" for row in range(items)],
        salt="salt-2",
        products=[None] * items,
    )
    held = split_votes(replace(data, ballots=_ballots_between([], [])), np.zeros((items, 1), dtype=np.float32)).held_out
    learnt = np.flatnonzero(~held)
    places = [
        0,
        *(int(learnt[learnt < edge][-1]) for edge in (2_048, 4_096)),
        *(int(learnt[learnt >= edge][0]) for edge in (2_048, 4_096)),
        int(learnt[-1]),
    ]
    assert not held[0]
    vectors = rng.normal(size=(items, 16)).astype(np.float32)
    for place in places:
        vectors[place] = vectors[np.flatnonzero(held)[5]]
    data = replace(data, ballots=_ballots_between(places, places))
    assert split_votes(data, vectors).counts["dropped: nearly a test picture"] == len(places)


def test_without_a_test_item_nothing_is_near_one() -> None:
    data = votes_of(world(ITEMS), votes=400)
    data = replace(data, products=["one"] * ITEMS)
    assert split_of("product/one", salt=data.salt) != "test"
    split = split_votes(data, data.base_matrix())
    assert not split.held_out.any()
    assert split.counts["dropped: nearly a test picture"] == 0
    assert split.counts["learnt from"] + split.counts["dropped: of a test voter"] == len(data.ballots)


@pytest.mark.parametrize("folds", [2, 5])
def test_folds_have_nearly_as_many_units_each_and_another_seed_deals_anew(folds: int) -> None:
    data, _ = _crowd()
    found = folds_of(data, folds, seed=3)
    unit_of = [product or sha256 for product, sha256 in zip(data.products, data.sha256s, strict=True)]
    fold_of_unit = dict(zip(unit_of, found.tolist(), strict=True))
    assert [fold_of_unit[unit] for unit in unit_of] == found.tolist()
    counts = np.bincount(list(fold_of_unit.values()))
    assert len(counts) == folds
    assert counts.max() - counts.min() <= 1
    np.testing.assert_array_equal(folds_of(data, folds, seed=3), found)
    assert (folds_of(data, folds, seed=4) != found).any()


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
