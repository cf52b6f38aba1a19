"""`taste`: offsets at the minimum of their loss, held as tightly as unseen votes ask, and told with pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models_registry.encoders.checkpoint import apply_head, read_checkpoint, read_head
from models_registry.training.common.recipe_base import EpochReport, Outcome
from models_registry.training.votes.map_fitting import Fitted
from models_registry.training.votes.recipes.taste import (
    RECIPE,
    _chosen_hold,
    block_contributions,
    matches_for,
    offsets_of,
    personal_scores,
)
from models_registry.training.votes.vote_configs import TasteConfig
from models_registry.training.votes.vote_data import Ballots, VoteData
from models_registry.training.votes.vote_splits import folds_of, split_votes
from tests.models_registry.training.votes.crowd import votes_of, world

Floats = NDArray[np.float64]

HELD_FROM_LOOSE_TO_TIGHT = (10.0, 30.0, 100.0, 300.0, 1e6)


def _map_of(scale: float, shift: float) -> Fitted:
    return Fitted("scale", 1.0, np.eye(2, dtype=np.float32), scale, shift, np.zeros(2), 0.0, 1)


def _ballots(voter: NDArray[np.int64], like: NDArray[np.bool_]) -> Ballots:
    rows = np.arange(len(voter))
    return Ballots(rows, rows + len(rows), voter, like, np.ones(len(rows)))


def _crowd(mind: float, votes: int, seed: int, voters: int = 16) -> tuple[Floats, Ballots]:
    """Voters whose weights of two blocks differ from everybody's by about `mind`."""
    rng = np.random.default_rng(seed)
    voter = np.repeat(np.arange(voters), votes)
    parts = rng.normal(size=(len(voter), 2))
    own = 1 + mind * rng.normal(size=(voters, 2))
    logit = 3 * (parts * own[voter]).sum(axis=1) - 0.5
    return parts, _ballots(voter, rng.random(len(voter)) < 1 / (1 + np.exp(-logit)))


@pytest.mark.parametrize("seed", range(24))
def test_at_its_offset_a_voters_votes_pull_as_hard_as_the_hold(seed: int) -> None:
    """The derivative of the cross-entropy by each number is minus that of hold / 2 times its square, vote by vote."""
    rng = np.random.default_rng(seed)
    votes, blocks = int(rng.choice([1, 12, 150])), int(rng.choice([1, 2, 4]))
    scale, shift, hold = (
        float(rng.choice([1, 6, 40])),
        float(rng.choice([-20, -1, 4])),
        float(rng.choice([0.3, 10, 90])),
    )
    parts = rng.normal(size=(votes, blocks)) / rng.choice([1, 4])
    like = rng.random(votes) < rng.choice([0.05, 0.5, 0.95])
    ballots = _ballots(np.zeros(votes, dtype=np.int64), like)
    [offset] = offsets_of(parts, ballots, _map_of(scale, shift), fewest=1, hold=hold).values()
    pull_on_weights, pull_on_leniency = np.zeros(blocks), 0.0
    for contributions, liked in zip(parts, like.tolist(), strict=True):
        logit = sum(scale * part * (1 + own) for part, own in zip(contributions, offset.weights, strict=True))
        logit += shift + offset.leniency
        surprise = 1 / (1 + np.exp(-logit)) - liked
        pull_on_weights += scale * contributions * surprise
        pull_on_leniency += surprise
    assert pull_on_weights == pytest.approx(-hold * offset.weights, abs=1e-5)
    assert pull_on_leniency == pytest.approx(-hold / 10 * offset.leniency, abs=1e-5)


def test_offsets_are_of_voters_with_enough_votes_and_of_their_own_votes_alone() -> None:
    parts, ballots = _crowd(0.5, 20, seed=1, voters=3)
    some = np.ones(len(ballots), dtype=bool)
    some[:2], some[20] = False, False  # 18, 19 and 20 votes
    parts, ballots = parts[some], ballots.where(some)
    found = offsets_of(parts, ballots, _map_of(3.0, -0.5), fewest=19, hold=10.0)
    assert {voter: offset.votes for voter, offset in found.items()} == {1: 19, 2: 20}
    alone = ballots.voter == 2
    [own] = offsets_of(parts[alone], ballots.where(alone), _map_of(3.0, -0.5), fewest=1, hold=10.0).values()
    assert own.weights == pytest.approx(found[2].weights)
    assert own.leniency == pytest.approx(found[2].leniency)


@pytest.mark.parametrize(
    ("mind", "votes", "seed", "expected"),
    [(0.5, 120, 0, 10.0), (0.3, 120, 0, 30.0), (0.2, 120, 1, 100.0), (0.1, 120, 0, 300.0), (0.0, 120, 0, 1e6)],
)
def test_the_more_minds_differ_the_looser_they_are_held(mind: float, votes: int, seed: int, expected: float) -> None:
    parts, ballots = _crowd(mind, votes, seed)
    fitted = _map_of(3.0, -0.5)
    unseen = np.random.default_rng(seed).random(len(ballots)) < 0.25
    losses = []
    for hold in HELD_FROM_LOOSE_TO_TIGHT:
        offsets = offsets_of(parts[~unseen], ballots.where(~unseen), fitted, fewest=1, hold=hold)
        surprises = []
        for row in np.flatnonzero(unseen).tolist():
            offset = offsets[int(ballots.voter[row])]
            logit = 3.0 * float(parts[row] @ (1 + offset.weights)) - 0.5 + offset.leniency
            surprises.append(np.log1p(np.exp(-logit if ballots.like[row] else logit)))
        losses.append(float(np.mean(surprises)))
    hold, gain = _chosen_hold(parts, ballots, fitted, TasteConfig(personal_from=votes, seed=seed))
    assert hold == expected == HELD_FROM_LOOSE_TO_TIGHT[int(np.argmin(losses))]
    assert gain == pytest.approx(losses[-1] - min(losses), abs=1e-9)


@pytest.mark.parametrize("personal_from", [40, 41])
def test_voters_with_too_few_votes_do_not_say_how_tightly_to_hold(personal_from: int) -> None:
    parts, ballots = _crowd(0.5, 40, seed=0)
    hold, gain = _chosen_hold(parts, ballots, _map_of(3.0, -0.5), TasteConfig(personal_from=personal_from))
    assert (hold, gain) == (1e6, None) if personal_from == 41 else hold == 10.0 and gain is not None


def test_a_block_brings_its_part_of_the_dot_product() -> None:
    units, block_of = np.arange(20, dtype=np.float32).reshape(4, 5), np.array([0, 2, 1, 2, 0])
    query, candidate = np.array([0, 3, 2]), np.array([1, 1, 0])
    found = block_contributions(units, block_of, query, candidate)
    expected = np.zeros((3, 3))
    for pair in range(3):
        for direction in range(5):
            expected[pair, block_of[direction]] += units[query[pair], direction] * units[candidate[pair], direction]
    assert found == pytest.approx(expected)


def test_a_voters_score_weighs_each_block_by_one_plus_its_offset() -> None:
    rng = np.random.default_rng(0)
    units, block_of, weights = rng.normal(size=(6, 4)).astype("f4"), np.array([0, 1, 1, 2]), np.array([0.5, -2.0, 0.0])
    query = 4
    parts = block_contributions(units, block_of, np.full(6, query), np.arange(6))
    assert personal_scores(units, block_of, query, weights) == pytest.approx(parts @ (1 + weights), abs=1e-5)


def _nearest_to_taste(units: NDArray[np.float32], query: int, sha256s: list[str], gallery: list[int]) -> list[int]:
    others = [row for row in gallery if row != query and sha256s[row] != sha256s[query]]
    return sorted(others, key=lambda row: (-float(units[row, 0] * units[query, 0]), row))[:4]


def test_matches_are_the_four_nearest_other_pictures_of_the_gallery_to_six_of_the_queries() -> None:
    rng = np.random.default_rng(3)
    units = rng.normal(size=(14, 2)).astype("f4")
    sha256s = [f"{row}" for row in range(14)]
    sha256s[5] = sha256s[1]
    gallery = [0, 1, 2, 4, 5, 7, 8, 10, 12, 13]
    asked = np.array([9, 1, 1, 3, 5, 0, 2, 9, 11, 4])
    deaf_to_the_second_block = np.array([0.0, -1.0])
    found = matches_for(units, np.array([0, 1]), asked, deaf_to_the_second_block, sha256s, np.array(gallery), seed=0)
    queries = [query for query, _ in found]
    assert len(queries) == len(set(queries)) == 6
    assert set(queries) <= set(asked.tolist())
    for query, rows in found:
        assert rows == _nearest_to_taste(units, query, sha256s, gallery)


def test_a_voter_of_few_queries_and_a_small_gallery_is_shown_what_there_is() -> None:
    units = np.array([[1.0], [0.5], [0.2]], dtype=np.float32)
    found = matches_for(
        units, np.array([0]), np.array([2, 0, 2]), np.zeros(1), ["a", "b", "c"], np.array([0, 1]), seed=1
    )
    assert dict(found) == {0: [1], 2: [0, 1]}


@cache
def _crowd_data() -> VoteData:
    return replace(votes_of(world(160), votes=1400, voters=20), answers=[row % 5 != 0 for row in range(160)])


def _run(data: VoteData, folder: Path, told: list[EpochReport] | None = None, **settings: Any) -> Outcome:
    return RECIPE.run(
        data, TasteConfig(**settings), folder, on_progress=(told if told is not None else []).append, resume=False
    )


def test_the_file_of_voters_tells_their_offsets_and_the_pictures_they_would_be_shown(tmp_path: Path) -> None:
    data = _crowd_data()
    told: list[EpochReport] = []
    outcome = _run(data, tmp_path, told, labels=False, hold=20.0, personal_from=45, seed=4)
    learnt = data.ballots.where(split_votes(data, data.base_matrix()).learn)
    counts = np.bincount(learnt.voter, minlength=20)
    record = json.loads((tmp_path / "voters.json").read_text(encoding="utf-8"))
    assert record["blocks"] == ["shapes", "colours"] == list(outcome.metrics["blocks"])
    enough = {f"voter-{voter}": votes for voter, votes in enumerate(counts.tolist()) if votes >= 45}
    assert 0 < len(enough) < 20
    assert {name: voter["votes"] for name, voter in record["voters"].items()} == enough
    assert outcome.metrics["personal"] == {"voters": len(enough), "hold": 20.0, "log_loss_gain": None}
    assert [(report.part, report.epoch, report.epochs, report.values["voters"]) for report in told] == [
        ("voters", 1, 1, len(enough))
    ]
    row_of = {key: row for row, key in enumerate(data.keys)}
    path = outcome.encoder_dir / "spec.json"
    checkpoint = read_checkpoint(path)
    units = apply_head(checkpoint.head, read_head(path, checkpoint), data.base_matrix())
    block_of = np.repeat([0, 1], [24, 8])
    for name, voter in record["voters"].items():
        asked = learnt.query[learnt.voter == int(name.removeprefix("voter-"))]
        assert len(voter["weights"]) == 2
        assert len(voter["matches"]) == 6
        for query, matches in voter["matches"]:
            assert row_of[query] in asked
            scores = block_contributions(units, block_of, np.full(160, row_of[query]), np.arange(160)) @ (
                1 + np.array(voter["weights"])
            )
            gallery = [row for row in range(160) if row % 5 and row != row_of[query]]
            nearest = sorted(gallery, key=lambda row: -scores[row])[:4]
            assert [row_of[match] for match in matches] == nearest


def test_it_is_told_how_well_items_of_a_left_out_quarter_are_ranked(tmp_path: Path) -> None:
    data = _crowd_data()
    outcome = _run(data, tmp_path, labels=False, personal_from=45, seed=4)
    pairs = data.ballots.where(split_votes(data, data.base_matrix()).learn).summed_pairs()
    fold = folds_of(data, 4, 4)
    is_inside_one = fold[pairs.query] == fold[pairs.candidate]
    fresh = outcome.metrics["both"]["fresh"]["vote_auc"]
    assert fresh["votes"] == pytest.approx(float(pairs.weight[is_inside_one].sum()))
    assert fresh["value"] > 0.7
    assert outcome.metrics["personal"]["hold"] in HELD_FROM_LOOSE_TO_TIGHT
    assert outcome.metrics["personal"]["log_loss_gain"] >= 0


def test_nothing_is_told_of_left_out_items_where_votes_are_too_few_for_folds(tmp_path: Path) -> None:
    data = _crowd_data()
    few = replace(data, ballots=data.ballots.where(np.arange(len(data.ballots)) < 50))
    outcome = _run(few, tmp_path, labels=False, fewest=10)
    assert outcome.metrics["both"]["fresh"] is None
    assert outcome.metrics["personal"] == {"voters": 0, "hold": 1e6, "log_loss_gain": None}
