"""What each recipe learns of a crowd whose taste is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from models_registry.encoders.checkpoint import apply_head, read_checkpoint, read_head
from models_registry.store import Vectors
from models_registry.training.common.recipe_base import Outcome, configure_recipe, list_recipes, recipe_named
from models_registry.training.common.training_errors import TrainingError
from models_registry.training.votes.map_fitting import Fitted
from models_registry.training.votes.recipes.calibrate import Platt, fit_platt
from models_registry.training.votes.recipes.taste import (
    HOLDS,
    _chosen_hold,
    block_contributions,
    offsets_of,
    personal_scores,
)
from models_registry.training.votes.recipes.vote_triplets import replay_triplets, triplets_of
from models_registry.training.votes.vote_configs import TasteConfig
from models_registry.training.votes.vote_data import Ballots, Pairs, Rival, VoteData
from models_registry.training.votes.vote_splits import split_votes
from tests.models_registry.training.votes.crowd import votes_of, world

WORLD = world()
DATA = votes_of(WORLD)
HELD_OUT = split_votes(DATA, DATA.base_matrix()).held_out
ENCODERS = [entry.name for entry in list_recipes("votes") if entry.makes_encoder and entry.name != "fine-tune"]


def _run(recipe: str, folder: Path, data: VoteData = DATA, **settings: Any) -> Outcome:
    entry = recipe_named(recipe, "votes")
    config = configure_recipe(entry.config_type(), settings)
    entry.load_recipe().check(data, config)
    return entry.load_recipe().run(data, config, folder, on_progress=lambda _: None, resume=False)


def _vectors(outcome: Outcome, data: VoteData = DATA) -> np.ndarray:
    path = outcome.encoder_dir / "spec.json"
    checkpoint = read_checkpoint(path)
    return apply_head(checkpoint.head, read_head(path, checkpoint), data.base_matrix())


@pytest.mark.parametrize("recipe", ENCODERS)
def test_it_comes_to_answer_as_people_like_it(recipe: str, tmp_path: Path) -> None:
    outcome = _run(recipe, tmp_path, labels="no")
    found = WORLD.approval(_vectors(outcome), HELD_OUT)
    assert found > WORLD.approval(WORLD.shapes, HELD_OUT) + 0.2
    assert found > WORLD.approval(DATA.base_matrix(), HELD_OUT) + 0.05
    child, parent = outcome.metrics["lines"]
    assert child["vote_auc"]["value"] > parent["vote_auc"]["value"] + 0.1
    assert outcome.metrics["top1_changed"]["value"] > 0.3
    assert outcome.metrics["collapse"]["warnings"] == []
    json.dumps(outcome.metrics, allow_nan=False)
    json.dumps(outcome.card, allow_nan=False)


def test_where_people_go_by_the_category_it_is_learnt_and_told_twice(tmp_path: Path) -> None:
    """Labels that shapes show faintly: where one is known the encoder keeps it, elsewhere it has to guess."""
    rng = np.random.default_rng(6)
    kinds = rng.integers(4, size=240)
    shapes = (rng.normal(size=(4, 24))[kinds] + 2 * rng.normal(size=(240, 24))).astype("f4")
    likes = np.where(kinds[:, None] == kinds[None], 0.9, 0.1)
    place = replace(WORLD, shapes=shapes, likes=likes, categories=[f"kind-{kind}" for kind in kinds.tolist()])
    data = votes_of(place, votes=3000)
    with_labels, without = _run("adapter", tmp_path / "a", data), _run("adapter", tmp_path / "b", data, labels="no")
    held = split_votes(data, data.base_matrix()).held_out
    known, blind = _vectors(with_labels, data), _vectors(without, data)
    assert place.approval(known, ~held) > place.approval(blind, ~held) + 0.08
    both = with_labels.metrics["both"]
    assert both["fresh"]["vote_auc"]["value"] > both["unseen"]["vote_auc"]["value"] + 0.1
    assert with_labels.card["measured"] == both


def test_nothing_is_learnt_of_labels_that_belong_to_the_test_part(tmp_path: Path) -> None:
    others = ["another" if held else label for held, label in zip(HELD_OUT.tolist(), DATA.categories, strict=True)]
    one, two = (
        _run("adapter", tmp_path / name, data) for name, data in (("a", DATA), ("b", replace(DATA, categories=others)))
    )
    np.testing.assert_array_equal(_vectors(one), _vectors(two))


@pytest.mark.parametrize("shape", ["scale", "diagonal", "full"])
def test_every_shape_of_the_adapter_learns(shape: str, tmp_path: Path) -> None:
    outcome = _run("adapter", tmp_path, shape=shape)
    assert outcome.metrics["chosen"]["shape"] == shape
    assert WORLD.approval(_vectors(outcome), HELD_OUT) > WORLD.approval(DATA.base_matrix(), HELD_OUT)


def test_an_adapter_of_bits_is_compared_by_its_signs(tmp_path: Path) -> None:
    outcome = _run("adapter", tmp_path, target="hamming", bits=128, shape="scale")
    signs = np.where(_vectors(outcome) > 0, 1.0, -1.0).astype(np.float32)
    assert outcome.metrics["compare_by"] == "hamming"
    assert signs.shape[1] == 128
    assert WORLD.approval(signs, HELD_OUT) > WORLD.approval(WORLD.shapes, HELD_OUT) + 0.2


def test_coins_teach_it_nothing(tmp_path: Path) -> None:
    place = world(taste="coin")
    outcome = _run("adapter", tmp_path, votes_of(place))
    assert outcome.metrics["lines"][0]["vote_auc"]["low"] < 0.5 < outcome.metrics["lines"][0]["vote_auc"]["high"]
    assert max(abs(np.log(scale)) for scale in outcome.metrics["blocks"].values()) < 0.3


def test_the_same_votes_give_the_same_encoder(tmp_path: Path) -> None:
    one, two = (_run("adapter", tmp_path / name, shape="diagonal") for name in ("one", "two"))
    assert read_checkpoint(one.encoder_dir / "spec.json") == read_checkpoint(two.encoder_dir / "spec.json")


def test_what_a_voter_says_who_is_not_believed_changes_nothing(tmp_path: Path) -> None:
    liars = DATA.ballots
    noise = Ballots(
        np.concatenate([liars.query, liars.query]),
        np.concatenate([liars.candidate, liars.candidate]),
        np.concatenate([liars.voter, liars.voter]),
        np.concatenate([liars.like, ~liars.like]),
        np.concatenate([liars.weight, np.zeros(len(liars))]),
    )
    one, two = (
        _run("adapter", tmp_path / name, data, shape="scale")
        for name, data in (("one", DATA), ("two", replace(DATA, ballots=noise)))
    )
    np.testing.assert_allclose(_vectors(one), _vectors(two), atol=1e-5)


@pytest.mark.parametrize("recipe", [entry.name for entry in list_recipes("votes")])
def test_too_few_votes_are_refused_in_one_line(recipe: str) -> None:
    entry = recipe_named(recipe, "votes")
    few = replace(DATA, ballots=DATA.ballots.where(np.arange(len(DATA.ballots)) < 9))
    with pytest.raises(TrainingError, match="9 votes that can be learnt from, and 100 are needed"):
        entry.load_recipe().check(few, entry.config_type()())


def test_calibration_ranks_what_never_competed_on_the_same_votes(tmp_path: Path) -> None:
    strangers = [Rival("colours:cosine", "cosine", Vectors.from_array(WORLD.colours), False)]
    outcome = _run("calibrate", tmp_path, replace(DATA, rivals=[*DATA.rivals, *strangers]))
    best, worst = outcome.metrics["calibrated"]
    assert (best["name"], best["competed"]) == ("colours:cosine", False)
    assert (worst["name"], worst["competed"]) == ("shapes:cosine", True)
    assert best["log_loss"] < worst["log_loss"]
    assert best["brier"] < worst["brier"]
    # Colours whose cosine is above 0.75 are liked: where an answer is worth showing ends not far beyond it.
    assert 0.2 < best["show_up_to_distance"] < 0.5


def test_platt_finds_the_line_that_votes_were_drawn_from() -> None:
    rng = np.random.default_rng(4)
    distances = rng.uniform(0, 2, 4000)
    chance = 1 / (1 + np.exp(-(1.5 - 2.5 * distances)))
    likes = rng.binomial(5, chance).astype(float)
    found = fit_platt(distances, Pairs(np.arange(4000), np.arange(4000), likes, 5 - likes))
    assert found.shift == pytest.approx(1.5, abs=0.1)
    assert found.slope == pytest.approx(2.5, abs=0.1)
    assert found.farthest_distance(0.5) == pytest.approx(0.6, abs=0.03)
    assert Platt(1.0, -0.5).farthest_distance(0.5) is None


@pytest.mark.parametrize("seen", [0, 1])
def test_a_voter_whose_votes_were_all_left_out_is_not_judged(seen: int) -> None:
    parts, ballots = _personal_ballots(voters=12, votes=60)
    hidden = np.random.default_rng(3).random(len(ballots)) < 0.25
    voter = ballots.voter.copy()
    voter[np.flatnonzero(hidden)[:15]] = 12
    voter[np.flatnonzero(~hidden)[:seen]] = 12
    hold, gain = _chosen_hold(parts, replace(ballots, voter=voter), FITTED, TasteConfig(personal_from=15, seed=3))
    assert hold in HOLDS
    assert gain is not None


@pytest.mark.parametrize("seed", [158, 205, 218, 237])
def test_a_threshold_among_few_near_and_many_far_answers_is_found(seed: int) -> None:
    """Distances with a long tail and a sharp edge: whole steps of Newton's method leave the minimum for billions."""
    rng = np.random.default_rng(seed)
    count = int(rng.choice([5, 30, 400]))
    distances = rng.lognormal(0, rng.choice([0.1, 1, 2.5]), count)
    steepness = rng.choice([0.5, 3, 20])
    edge = np.quantile(distances, rng.choice([0.05, 0.5, 0.95]))
    likes = (rng.random(count) < 1 / (1 + np.exp(np.clip(steepness * (distances - edge), -50, 50)))).astype(float)
    found = fit_platt(distances, Pairs(np.arange(count), np.arange(count), likes, 1 - likes))
    mean, spread = distances.mean(), distances.std()

    def loss(numbers: np.ndarray) -> float:
        logit = numbers[0] - numbers[1] * (distances - mean) / spread
        return float(np.sum(np.logaddexp(0, logit) - likes * logit) + 1e-4 * count * numbers[1] ** 2 / 2)

    best = minimize(loss, np.zeros(2), tol=1e-10).fun
    assert loss(np.array([found.shift - found.slope * mean, found.slope * spread])) == pytest.approx(best, abs=1e-4)


def test_triplets_are_of_one_query_and_leave_ties_out() -> None:
    pairs = Pairs(
        np.array([0, 0, 0, 1, 1]), np.array([5, 6, 7, 5, 6]), np.array([3.0, 0, 1, 1, 2]), np.array([0.0, 2, 1, 1, 2])
    )
    found = triplets_of(pairs)
    assert sorted(zip(found.query.tolist(), found.liked.tolist(), found.noped.tolist(), strict=True)) == [
        (0, 5, 6),
        (0, 5, 7),
        (0, 7, 6),
    ]
    assert found.weight.tolist() == pytest.approx([2.0, 1.0, 1.0])


def test_replayed_labels_set_a_label_against_another() -> None:
    labels = ["a", "a", "b", None, "b", "c"]
    found = replay_triplets(labels, 50, np.random.default_rng(0))
    assert len(found) == 50
    for query, liked, noped in zip(found.query, found.liked, found.noped, strict=True):
        assert labels[query] == labels[liked] != labels[noped]
        assert query != liked
        assert labels[noped] is not None
    assert len(replay_triplets(["a", None], 5, np.random.default_rng(0))) == 0


def test_a_voter_of_another_mind_is_ranked_by_their_own_offset(tmp_path: Path) -> None:
    """Voter 0 goes by shapes, against everybody else."""
    data = votes_of(WORLD, votes=6000, voters=20)
    ballots = data.ballots
    units = WORLD.shapes / np.linalg.norm(WORLD.shapes, axis=1, keepdims=True)
    close = np.einsum("ij,ij->i", units[ballots.query], units[ballots.candidate]) > 0.6
    like = np.where(ballots.voter == 0, close, ballots.like)
    changed = Ballots(ballots.query, ballots.candidate, ballots.voter, like, ballots.weight)
    own = replace(data, ballots=changed, voters=["learnt-from-0", *data.voters[1:]])
    _run("taste", tmp_path, own, labels="no", personal_from=100)
    told = json.loads((tmp_path / "voters.json").read_text())
    shapes, colours = (told["blocks"].index(name) for name in ("shapes", "colours"))
    mine = told["voters"]["learnt-from-0"]["weights"]
    others = [voter["weights"] for name, voter in told["voters"].items() if name != "learnt-from-0"]
    assert mine[shapes] - mine[colours] > max(other[shapes] - other[colours] for other in others) + 0.5


def test_contributions_of_blocks_add_to_the_cosine_and_zero_offsets_rank_as_everybody() -> None:
    rng = np.random.default_rng(1)
    units = rng.normal(size=(9, 6)).astype(np.float32)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    blocks, query, candidate = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 3]), np.array([5, 8])
    parts = block_contributions(units, blocks, query, candidate)
    np.testing.assert_allclose(parts.sum(axis=1), np.einsum("ij,ij->i", units[query], units[candidate]), atol=1e-6)
    np.testing.assert_allclose(personal_scores(units, blocks, 0, np.zeros(3)), units @ units[0], atol=1e-6)


FITTED = Fitted("scale", 1.0, np.eye(2, dtype=np.float32), 3.0, -0.5, np.zeros(2), 0.0, 1)


def _offsets_loss(numbers: np.ndarray, parts: np.ndarray, like: np.ndarray, hold: float) -> float:
    logit = 3.0 * (parts * (1 + numbers[:-1])).sum(axis=1) - 0.5 + numbers[-1]
    held = hold / 2 * np.sum(numbers[:-1] ** 2) + hold / 20 * numbers[-1] ** 2
    return float(np.sum(np.logaddexp(0, logit) - like * logit) + held)


def _personal_ballots(voters: int, votes: int) -> tuple[np.ndarray, Ballots]:
    """Voters of whom every other one goes by the second block alone, and half are lenient."""
    rng = np.random.default_rng(4)
    count = voters * votes
    voter = np.repeat(np.arange(voters), votes)
    parts = rng.normal(size=(count, 2)) / 2
    logit = 3 * np.where(voter % 2, parts[:, 1] - parts[:, 0], parts.sum(axis=1)) + np.where(voter % 4 < 2, 1.5, -1.5)
    like = rng.random(count) < 1 / (1 + np.exp(-logit))
    rows = np.arange(count)
    return parts, Ballots(rows, rows + count, voter, like, np.ones(count))


@pytest.mark.parametrize("hold", [1.0, 30.0])
def test_an_offset_is_at_the_minimum_of_its_loss_and_leniency_is_held_a_tenth(hold: float) -> None:
    parts, ballots = _personal_ballots(voters=4, votes=60)
    found = offsets_of(parts, ballots, FITTED, fewest=60, hold=hold)
    assert sorted(found) == [0, 1, 2, 3]
    for voter, offset in found.items():
        own = ballots.voter == voter
        numbers = np.append(offset.weights, offset.leniency)
        best = minimize(_offsets_loss, np.zeros(3), (parts[own], ballots.like[own], hold), tol=1e-10).x
        assert numbers == pytest.approx(best, abs=1e-4)
        assert offset.votes == 60
    assert offsets_of(parts, ballots, FITTED, fewest=61, hold=hold) == {}


@pytest.mark.parametrize(("votes", "share"), [(30, 0.95), (400, 0.5), (1000, 0.05)])
def test_a_voter_who_contradicts_a_map_that_is_sure_has_an_offset_too(votes: int, share: float) -> None:
    """Whole steps of Newton's method leave the minimum for numbers in the thousands here."""
    rng = np.random.default_rng(2)
    parts = rng.uniform(0.3, 1, (votes, 1)) * rng.dirichlet([1, 1], votes)
    rows = np.arange(votes)
    like = rng.random(votes) < share
    ballots = Ballots(rows, rows + votes, np.zeros(votes, dtype=np.int64), like, np.ones(votes))
    fitted = replace(FITTED, scale=15.0, shift=-9.0)
    [offset] = offsets_of(parts, ballots, fitted, fewest=1, hold=10.0).values()

    def loss(numbers: np.ndarray) -> float:
        logit = 15.0 * (parts * (1 + numbers[:-1])).sum(axis=1) - 9.0 + numbers[-1]
        held = 5.0 * np.sum(numbers[:-1] ** 2) + 0.5 * numbers[-1] ** 2
        return float(np.sum(np.logaddexp(0, logit) - like * logit) + held)

    best = minimize(loss, np.zeros(3), tol=1e-10).x
    assert np.append(offset.weights, offset.leniency) == pytest.approx(best, abs=1e-3)


def test_the_hold_is_the_one_that_tells_votes_best_which_it_did_not_see() -> None:
    parts, ballots = _personal_ballots(voters=12, votes=60)
    config = TasteConfig(personal_from=60, seed=3)
    hidden = np.random.default_rng(3).random(len(ballots)) < 0.25
    losses = []
    for hold in HOLDS:
        offsets = offsets_of(parts[~hidden], ballots.where(~hidden), FITTED, fewest=1, hold=hold)
        chances = []
        for row in np.flatnonzero(hidden):
            offset = offsets[int(ballots.voter[row])]
            logit = 3.0 * float(parts[row] @ (1 + offset.weights)) - 0.5 + offset.leniency
            chance = 1 / (1 + np.exp(-logit))
            chances.append(chance if ballots.like[row] else 1 - chance)
        losses.append(-np.mean(np.log(chances)))
    hold, gain = _chosen_hold(parts, ballots, FITTED, config)
    assert hold == HOLDS[int(np.argmin(losses))] != HOLDS[-1]
    assert gain == pytest.approx(losses[-1] - min(losses))
    assert _chosen_hold(parts, ballots, FITTED, TasteConfig(personal_from=61, seed=3)) == (HOLDS[-1], None)
