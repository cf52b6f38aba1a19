"""What may be learnt from and what is only ever measured on: by item and by voter, never by vote.

Items go by product, else by picture, voters by pseudonym; both by a hash with the lineage's salt, so that what was
held out once is held out from every later generation too. A pair with one end in the test part and one outside it is
in neither. Items that look nearly the same as one of the test part are kept out of learning as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from models_registry.evaluate.leak_free_splits import split_of, split_units

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from models_registry.training.votes.vote_data import VoteData

    Floats32 = NDArray[np.float32]
    Mask = NDArray[np.bool_]
    Split = Literal["train", "val", "test"]

TEST_VOTERS: Mapping[Split, float] = {"train": 0.9, "val": 0.0, "test": 0.1}
"""A tenth of the voters is never learnt from."""
NEARLY_SAME = 0.98
"""From this cosine of base vectors around their mean on, an item is taken for a near duplicate."""
_ROWS = 2048


@dataclass(frozen=True, slots=True, eq=False)
class VoteSplit:
    """`learn` and `test` [T] mark ballots, `held_out` [n] items; `counts` tells where every ballot went."""

    learn: Mask
    test: Mask
    held_out: Mask
    counts: dict[str, int]


def split_votes(data: VoteData, vectors: Floats32) -> VoteSplit:
    """The split of the ballots; base `vectors` [n, d] tell near duplicates.

    Ballots to learn from have neither end in the test part and come from voters to learn from: train and validation
    together, since strength is chosen by folds inside. Test ballots have both ends in the test part.
    """
    unit_of = split_units(data.products, data.sha256s)
    part_of = {unit: split_of(unit, salt=data.salt) for unit in set(unit_of)}
    test_item = np.array([part_of[unit] == "test" for unit in unit_of], dtype=np.bool_)
    near_test_item = _near_duplicates(vectors, test_item)
    voter_part = [split_of(f"voter/{voter}", salt=data.salt, shares=TEST_VOTERS) for voter in data.voters]
    held_voter = np.array([part == "test" for part in voter_part], dtype=np.bool_)
    ballots = data.ballots
    ends_in_test = test_item[ballots.query].astype(int) + test_item[ballots.candidate]
    near_test = near_test_item[ballots.query] | near_test_item[ballots.candidate]
    by_test_voter = held_voter[ballots.voter]
    outside = ends_in_test == 0
    learn = outside & ~near_test & ~by_test_voter
    counts = {
        "votes": len(ballots),
        "learnt from": int(learn.sum()),
        "test": int((ends_in_test == 2).sum()),
        "dropped: across the splits": int((ends_in_test == 1).sum()),
        "dropped: nearly a test picture": int((outside & near_test).sum()),
        "dropped: of a test voter": int((outside & ~near_test & by_test_voter).sum()),
    }
    return VoteSplit(learn, ends_in_test == 2, test_item, counts)


def folds_of(data: VoteData, folds: int, seed: int) -> NDArray[np.int64]:
    """A fold per item [n]; items of one product or picture share theirs."""
    unit_of = split_units(data.products, data.sha256s)
    numbers = {unit: number for number, unit in enumerate(dict.fromkeys(unit_of))}
    fold_of_unit = np.random.default_rng(seed).permutation(len(numbers)) % folds
    return np.array([fold_of_unit[numbers[unit]] for unit in unit_of], dtype=np.int64)


def _near_duplicates(vectors: Floats32, is_test: Mask) -> Mask:
    """Which rows are near duplicates of one of `is_test`, themselves among them, a block at a time.

    Around their mean: behind a ReLU all vectors point the same way, and a twentieth of a catalogue would look alike.
    """
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    inside = _unit_directions(vectors[is_test], mean).T
    near = np.zeros(len(vectors), dtype=np.bool_)
    if inside.size:
        for start in range(0, len(vectors), _ROWS):
            block = _unit_directions(vectors[start : start + _ROWS], mean)
            near[start : start + _ROWS] = (block @ inside).max(axis=1) > NEARLY_SAME
    return near


def _unit_directions(rows: Floats32, mean: Floats32) -> Floats32:
    centred = rows - mean
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12), dtype=np.float32)
