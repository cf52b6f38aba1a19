"""`calibrate`: the line at the minimum of its loss, and what a line of the table says, vote by vote."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from models_registry.store import Vectors
from models_registry.training.common.recipe_base import EpochReport, Outcome
from models_registry.training.common.training_errors import TrainingError
from models_registry.training.votes.recipes.calibrate import RECIPE, Platt, fit_platt
from models_registry.training.votes.vote_configs import CalibrateConfig
from models_registry.training.votes.vote_data import Ballots, Pairs, Rival, VoteData
from models_registry.training.votes.vote_splits import split_votes
from tests.models_registry.training.votes.crowd import votes_of, world

Floats = NDArray[np.float64]

WORLD = world(160)
DATA = replace(
    votes_of(WORLD, votes=1600, voters=20),
    rivals=[
        Rival("shapes:l2", "l2", Vectors.from_array(WORLD.shapes), True),
        Rival("colours:cosine", "cosine", Vectors.from_array(WORLD.colours), False),
        Rival("noise:l1", "l1", Vectors.from_array(np.random.default_rng(0).normal(size=(160, 5)).astype("f4")), True),
    ],
)
SPLIT = split_votes(DATA, DATA.base_matrix())


def _pairs(likes: Floats, nopes: Floats) -> Pairs:
    rows = np.arange(len(likes))
    return Pairs(rows, rows, likes, nopes)


@pytest.mark.parametrize("seed", range(24))
def test_at_the_fitted_line_votes_pull_as_hard_as_the_hold_of_the_slope(seed: int) -> None:
    """By the shift they do not pull at all; by the slope, in deviations of the distances, a ten-thousandth of all."""
    rng = np.random.default_rng(seed)
    count = int(rng.choice([4, 40, 400]))
    distances = rng.lognormal(rng.normal(0, 3), rng.choice([0.1, 1, 2.5]), count)
    steepness, edge = rng.choice([0, 1, 30]), np.quantile(distances, rng.choice([0.05, 0.5, 0.9]))
    chance = 1 / (1 + np.exp(np.clip(steepness * (distances - edge) / distances.std(), -40, 40)))
    votes = rng.integers(1, 6, count)
    likes = rng.binomial(votes, chance).astype(float)
    likes[0], likes[1], votes[:2] = 0.0, 1.0, 1
    nopes = votes - likes
    found = fit_platt(distances, _pairs(likes, nopes))
    weight = likes + nopes
    mean = float(weight @ distances / weight.sum())
    deviation = float(np.sqrt(weight @ (distances - mean) ** 2 / weight.sum()))
    by_shift = by_slope = 0.0
    for distance, liked, noped in zip(distances.tolist(), likes.tolist(), nopes.tolist(), strict=True):
        odds = np.exp(-(found.shift - found.slope * distance))
        surplus = (liked + noped) / (1 + odds) - liked
        by_shift += surplus
        by_slope -= surplus * (distance - mean) / deviation
    assert by_shift == pytest.approx(0, abs=1e-6 * weight.sum())
    assert by_slope == pytest.approx(-1e-4 * weight.sum() * found.slope * deviation, abs=1e-6 * weight.sum())


def test_it_is_the_logistic_regression_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    distances = rng.uniform(3, 5, 500)
    likes = (rng.random(500) < 1 / (1 + np.exp(2 * (distances - 3.7)))).astype(float)
    found = fit_platt(distances, _pairs(likes, 1 - likes))
    peer = LogisticRegression(C=1e6, tol=1e-10).fit(distances[:, None], likes)
    assert (found.shift, -found.slope) == pytest.approx((peer.intercept_[0], peer.coef_[0, 0]), rel=0.01)


def test_distances_that_are_all_the_same_tell_the_share_of_likes() -> None:
    found = fit_platt(np.full(4, 0.3), _pairs(np.array([1.0, 1, 1, 0]), np.array([0.0, 0, 0, 1])))
    assert found.slope == pytest.approx(0)
    assert found.like_logits(np.array([0.3]))[0] == pytest.approx(np.log(3))


@pytest.mark.parametrize("wanted", [0.2, 0.5, 0.9])
def test_at_the_farthest_distance_a_like_is_as_probable_as_wanted(wanted: float) -> None:
    line = Platt(4.0, 0.5)
    farthest = line.farthest_distance(wanted)
    assert farthest is not None
    assert 1 / (1 + np.exp(-line.like_logits(np.array([farthest]))[0])) == pytest.approx(wanted)
    assert line.like_logits(np.array([farthest + 1]))[0] < line.like_logits(np.array([farthest]))[0]


def test_no_distance_is_worth_showing_and_any_where_the_line_does_not_fall() -> None:
    assert Platt(0.0, 1.0).farthest_distance(0.5) == 0.0
    assert Platt(-0.01, 1.0).farthest_distance(0.5) is None
    assert Platt(1.0, 0.0).farthest_distance(0.5) is None
    assert Platt(1.0, -1.0).farthest_distance(0.5) is None


def _run(data: VoteData, folder: Path, told: list[EpochReport] | None = None, **settings: Any) -> Outcome:
    config = CalibrateConfig(**settings)
    RECIPE.check(data, config)
    on_progress = (told if told is not None else []).append
    return RECIPE.run(data, config, folder, on_progress=on_progress, resume=False)


def _distances(name: str, ballots: Ballots, data: VoteData) -> Floats:
    [rival] = [rival for rival in data.rivals if rival.name == name]
    vectors = rival.vectors.rows(0, 160).astype(np.float64)
    distances = []
    for query, candidate in zip(vectors[ballots.query], vectors[ballots.candidate], strict=True):
        if rival.metric == "cosine":
            distances.append(1 - query @ candidate / np.linalg.norm(query) / np.linalg.norm(candidate))
        else:
            distances.append(np.linalg.norm(query - candidate, 1 if rival.metric == "l1" else 2))
    return np.round(np.array(distances), 9)  # a pair asked both ways is a tie


def _mean_loss(line: dict[str, Any], distances: Floats, like: NDArray[np.bool_]) -> float:
    chance = 1 / (1 + np.exp(-(line["shift"] - line["slope"] * distances)))
    return float(-np.mean(np.log(np.where(like, chance, 1 - chance))))


def test_each_line_tells_what_its_distances_say_of_every_vote(tmp_path: Path) -> None:
    told: list[EpochReport] = []
    outcome = _run(DATA, tmp_path, told, wanted=0.7)
    learnt, test = DATA.ballots.where(SPLIT.learn), DATA.ballots.where(SPLIT.test)
    lines = {line["name"]: line for line in outcome.metrics["calibrated"]}
    assert list(lines) == sorted(lines, key=lambda name: -lines[name]["vote_auc"]["value"])
    assert next(iter(lines)) == "colours:cosine"
    for name, line in lines.items():
        of_learnt, of_test = _distances(name, learnt, DATA), _distances(name, test, DATA)
        assert line["vote_auc"]["value"] == pytest.approx(roc_auc_score(test.like, -of_test))
        assert line["auc_learnt"]["value"] == pytest.approx(roc_auc_score(learnt.like, -of_learnt))
        assert line["log_loss_learnt"] == pytest.approx(_mean_loss(line, of_learnt, learnt.like))
        assert line["log_loss"] == pytest.approx(_mean_loss(line, of_test, test.like))
        chance = 1 / (1 + np.exp(-(line["shift"] - line["slope"] * of_test)))
        assert line["brier"] == pytest.approx(float(np.mean((chance - test.like) ** 2)))
        right = compared = 0.0
        for query in np.unique(learnt.query):
            asked = learnt.query == query
            for liked in np.flatnonzero(asked & learnt.like):
                for noped in np.flatnonzero(asked & ~learnt.like & (learnt.candidate != learnt.candidate[liked])):
                    compared += 1
                    right += 0.5 + 0.5 * np.sign(of_learnt[noped] - of_learnt[liked])
        assert line["within_query"]["value"] == pytest.approx(right / compared)
    colours = lines["colours:cosine"]
    assert colours["shift"] - colours["slope"] * colours["show_up_to_distance"] == pytest.approx(np.log(0.7 / 0.3))
    assert [(report.part, report.epoch, report.epochs) for report in told] == [("embeddings", n, 3) for n in (1, 2, 3)]
    assert [report.values["log_loss"] for report in told] == [
        lines[rival.name]["log_loss_learnt"] for rival in DATA.rivals
    ]


def test_without_test_votes_embeddings_are_ordered_by_the_votes_that_they_learnt_from(tmp_path: Path) -> None:
    lines = _run(replace(DATA, ballots=DATA.ballots.where(SPLIT.learn)), tmp_path).metrics["calibrated"]
    assert [line["log_loss"] for line in lines] == [line["brier"] for line in lines] == [None] * 3
    areas = [line["auc_learnt"]["value"] for line in lines]
    assert areas == sorted(areas, reverse=True)
    assert lines[0]["name"] == "colours:cosine"


def test_votes_that_the_test_part_takes_away_do_not_count(tmp_path: Path) -> None:
    learnt = int(SPLIT.learn.sum())
    assert _run(DATA, tmp_path, fewest=learnt).metrics["splits"]["learnt from"] == learnt
    with pytest.raises(TrainingError, match=rf"world \(test part apart\) has {learnt} votes"):
        _run(DATA, tmp_path, fewest=learnt + 1)


def test_votes_that_are_too_few_and_a_catalogue_without_embeddings_are_refused() -> None:
    with pytest.raises(TrainingError, match="and 5000 are needed"):
        RECIPE.check(DATA, CalibrateConfig(fewest=5000))
    with pytest.raises(TrainingError, match="No embedding has a vector for every item of world"):
        RECIPE.check(replace(DATA, rivals=[]), CalibrateConfig())
