"""`vote-triplets`: which triplets votes and labels make, and the map of the best epoch by a slow twin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models_registry.encoders.checkpoint import apply_head, read_checkpoint, read_head
from models_registry.training.common.recipe_base import EpochReport, Outcome
from models_registry.training.common.training_errors import TrainingError
from models_registry.training.votes.map_fitting import fit_map
from models_registry.training.votes.recipes.vote_triplets import (
    RECIPE,
    Triplets,
    _train_map,
    replay_triplets,
    triplets_of,
)
from models_registry.training.votes.vote_configs import VoteTripletsConfig
from models_registry.training.votes.vote_data import Ballots, Pairs, VoteData
from models_registry.training.votes.vote_run import prepare_votes
from models_registry.training.votes.vote_splits import folds_of, split_votes
from tests.models_registry.training.votes.crowd import votes_of, world

Line = tuple[int, int, int, float]


def _some_colours_data() -> VoteData:
    """People go by a few of the colours' directions, which no scale of whole blocks can tell apart."""
    place = world(120)
    seen = place.colours[:, :3] / np.linalg.norm(place.colours[:, :3], axis=1, keepdims=True)
    return votes_of(replace(place, likes=np.where(seen @ seen.T > 0.5, 0.9, 0.1)), votes=1600, voters=20)


DATA = _some_colours_data()
SPLIT = split_votes(DATA, DATA.base_matrix())


def _lines_of(triplets: Triplets) -> list[Line]:
    columns = (triplets.query, triplets.liked, triplets.noped, triplets.weight)
    return [(int(q), int(p), int(n), float(w)) for q, p, n, w in zip(*columns, strict=True)]


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 3), st.integers(0, 3)),
        unique_by=lambda line: line[:2],
    )
)
@settings(max_examples=60, deadline=None)
def test_each_clearer_like_of_a_query_is_set_against_each_less_liked_candidate(
    votes: list[tuple[int, int, int, int]],
) -> None:
    votes = [line for line in votes if line[2] + line[3]]
    columns = np.array(votes, dtype=np.int64).reshape(-1, 4).T
    found = triplets_of(Pairs(columns[0], columns[1], columns[2].astype(float), columns[3].astype(float)))
    expected = []
    for query, liked, likes, nopes in votes:
        for other_query, noped, other_likes, other_nopes in votes:
            gap = likes / (likes + nopes) - other_likes / (other_likes + other_nopes)
            if query == other_query and gap > 0:
                fewer = min(likes + nopes, other_likes + other_nopes)
                expected.append((query, liked, noped, gap * fewer))
    assert sorted(line[:3] for line in _lines_of(found)) == sorted(line[:3] for line in expected)
    assert [line[3] for line in sorted(_lines_of(found))] == pytest.approx([line[3] for line in sorted(expected)])


def test_replayed_triplets_use_every_label_of_two_items_or_more() -> None:
    labels = ["b", None, "a", "a", "b", "c"]
    found = _lines_of(replay_triplets(labels, 300, np.random.default_rng(0)))
    of_labels = {(labels[query], labels[noped]) for query, _, noped, _ in found}
    assert of_labels == {("a", "b"), ("a", "c"), ("b", "a"), ("b", "c")}
    assert {(query, liked) for query, liked, _, _ in found} == {(0, 4), (4, 0), (2, 3), (3, 2)}
    assert {weight for *_, weight in found} == {1.0}


@pytest.mark.parametrize(
    ("labels", "number", "expected"),
    [
        (["a", "a", "b"], 3, 3),
        (["a", "a", "b"], 0, 0),
        (["a", "a", None], 3, 0),
        (["a", "b", "c"], 3, 0),
        ([], 3, 0),
    ],
)
def test_labels_that_allow_no_triplet_give_none(labels: list[str | None], number: int, expected: int) -> None:
    found = replay_triplets(labels, number, np.random.default_rng(0))
    assert [len(column) for column in (found.query, found.liked, found.noped, found.weight)] == [expected] * 4


def _random_triplets(rng: np.random.Generator, items: int, number: int) -> Triplets:
    ids = np.array([rng.choice(items, 3, replace=False) for _ in range(number)])
    return Triplets(ids[:, 0], ids[:, 1], ids[:, 2], rng.uniform(0.2, 2, number).astype(np.float32))


def _gaps(items: torch.Tensor, change: torch.Tensor, lines: list[Line]) -> list[torch.Tensor]:
    """cos(q, liked) - cos(q, noped) of each triplet."""
    moved = items @ (torch.eye(items.shape[1], dtype=torch.float64) + change)
    units = [vector / vector.norm() for vector in moved]
    return [units[query] @ units[liked] - units[query] @ units[noped] for query, liked, noped, _ in lines]


def _hinge(items: torch.Tensor, change: torch.Tensor, lines: list[Line], margin: float) -> torch.Tensor:
    gaps, weights = _gaps(items, change, lines), [weight for *_, weight in lines]
    missing = [weight * max(margin - gap, torch.zeros(())) for gap, weight in zip(gaps, weights, strict=True)]
    return torch.stack(missing).sum() / sum(weights)


def _accuracy(items: torch.Tensor, change: torch.Tensor, lines: list[Line]) -> float:
    gaps, weights = _gaps(items, change, lines), [weight for *_, weight in lines]
    return sum(weight for gap, weight in zip(gaps, weights, strict=True) if gap > 0) / sum(weights)


@pytest.mark.parametrize(
    ("seed", "config"),
    [
        (0, VoteTripletsConfig(epochs=8, patience=3, learning_rate=0.1, replay=0.0, margin=0.3)),
        (1, VoteTripletsConfig(epochs=8, patience=3, learning_rate=0.1, replay=1.5, margin=0.3, strength=0.02)),
        (2, VoteTripletsConfig(epochs=7, patience=9, learning_rate=0.05, replay=0.5, strength=0.3, seed=5)),
        (3, VoteTripletsConfig(epochs=6, patience=1, learning_rate=0.2, replay=0.0, strength=0.0)),
        (4, VoteTripletsConfig(epochs=6, patience=2, learning_rate=0.02, replay=0.5)),
    ],
)
def test_the_map_is_that_of_the_best_epoch_of_slow_gradient_descent(seed: int, config: VoteTripletsConfig) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(14, 3)).astype(np.float32)
    triplets, is_held_out = _random_triplets(rng, 14, 24), np.arange(14) % 3 == 0
    labels = [None if row % 5 == 0 else "abc"[row % 3] for row in range(14)]
    reports: list[EpochReport] = []
    found, best = _train_map(rows, triplets, is_held_out, labels, config, reports.append)

    lines = _lines_of(triplets)
    judged = [line for line in lines if sum(is_held_out[row] for row in line[:3]) >= 2]
    learnt = [line for line in lines if line not in judged]
    items, draws = torch.from_numpy(rows.astype(np.float64)), np.random.default_rng(config.seed)
    change = torch.zeros(3, 3, dtype=torch.float64, requires_grad=True)
    steps = torch.optim.Adam([change], lr=config.learning_rate)
    accuracies, changes, losses = [_accuracy(items, change.detach(), judged)], [np.zeros((3, 3))], []
    while len(losses) < config.epochs and len(accuracies) - 1 - int(np.argmax(accuracies)) < config.patience:
        replayed = _lines_of(replay_triplets(labels, int(config.replay * len(learnt)), draws))
        loss = _hinge(items, change, learnt, config.margin) + config.strength * torch.sum(change * change)
        if replayed:
            loss = loss + config.replay * _hinge(items, change, replayed, config.margin)
        steps.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        steps.step()
        losses.append(loss.item())
        changes.append(change.detach().numpy().copy())
        accuracies.append(_accuracy(items, change.detach(), judged))
    assert best == pytest.approx(max(accuracies))
    assert found == pytest.approx(np.eye(3) + changes[int(np.argmax(accuracies))], abs=1e-4)
    assert [(report.part, report.epoch, report.epochs) for report in reports] == [
        ("", epoch, config.epochs) for epoch in range(1, len(losses) + 1)
    ]
    assert [report.values["loss"] for report in reports] == pytest.approx(losses, abs=1e-4)
    assert [report.values["validation_accuracy"] for report in reports] == pytest.approx(accuracies[1:], abs=1e-6)


def test_with_nothing_held_out_to_judge_by_the_last_epoch_is_kept() -> None:
    rng = np.random.default_rng(0)
    rows, triplets = rng.normal(size=(10, 3)).astype(np.float32), _random_triplets(rng, 10, 30)
    config = VoteTripletsConfig(epochs=5, patience=1, replay=0.0, margin=0.5, learning_rate=0.01)
    reports: list[EpochReport] = []
    is_held_out = np.zeros(10, dtype=bool)
    found, best = _train_map(rows, triplets, is_held_out, [None] * 10, config, reports.append)
    shorter, _ = _train_map(rows, triplets, is_held_out, [None] * 10, replace(config, epochs=4), reports.append)
    assert best is None
    assert [report.values["validation_accuracy"] for report in reports] == [0.0] * 9
    assert np.abs(found - shorter).max() > 1e-3


def test_a_liked_and_a_noped_item_that_look_the_same_are_told_wrong() -> None:
    rows = np.array([[1, 0], [0, 1], [0, 1]], dtype=np.float32)
    triplets = Triplets(np.zeros(2, np.int64), np.full(2, 1), np.full(2, 2), np.ones(2, dtype=np.float32))
    is_held_out = np.array([True, True, False])
    _, best = _train_map(rows, triplets, is_held_out, [None] * 3, VoteTripletsConfig(epochs=1), lambda _report: None)
    assert best == 0.0


def _run(data: VoteData, folder: Path, config: VoteTripletsConfig) -> Outcome:
    RECIPE.check(data, config)
    return RECIPE.run(data, config, folder, on_progress=lambda _report: None, resume=False)


def _units(outcome: Outcome, data: VoteData = DATA) -> NDArray[np.float32]:
    path = outcome.encoder_dir / "spec.json"
    checkpoint = read_checkpoint(path)
    return apply_head(checkpoint.head, read_head(path, checkpoint), data.base_matrix())


def test_the_accuracy_told_is_that_of_the_encoder_on_triplets_mostly_of_a_left_out_fifth(tmp_path: Path) -> None:
    outcome = _run(DATA, tmp_path, VoteTripletsConfig(labels=False, epochs=8, learning_rate=0.02))
    units = _units(outcome)
    lines = _lines_of(triplets_of(DATA.ballots.where(SPLIT.learn).summed_pairs()))
    held = folds_of(DATA, 5, 0) == 0
    judged = [line for line in lines if sum(held[row] for row in line[:3]) >= 2]
    right = sum(w for q, p, n, w in judged if units[q] @ units[p] > units[q] @ units[n])
    assert outcome.metrics["triplets"] == len(lines)
    assert outcome.metrics["validation_accuracy"] == pytest.approx(right / sum(w for *_, w in judged))


def test_it_starts_from_how_much_people_go_by_each_encoder(tmp_path: Path) -> None:
    prepared = prepare_votes(DATA, fewest=100, directions=128, labels=False, seed=0)
    scaled = fit_map(prepared.rows, prepared.basis.block_of, prepared.ballots.summed_pairs(), "scale", 1e-4)
    outcome = _run(DATA, tmp_path, VoteTripletsConfig(labels=False, epochs=1, learning_rate=1e-9))
    assert _units(outcome) == pytest.approx(scaled.map_to_units(prepared.deployed), abs=1e-5)


def test_labels_of_the_test_part_are_not_replayed_and_others_are(tmp_path: Path) -> None:
    held = SPLIT.held_out.tolist()
    with_other_test_labels = ["kind-0" if out else label for out, label in zip(held, DATA.categories, strict=True)]
    with_other_labels = [label if out else "kind-0" for out, label in zip(held, DATA.categories, strict=True)]
    [before], [same], [other] = (
        _losses(replace(DATA, categories=categories), tmp_path / name)
        for name, categories in (("a", DATA.categories), ("b", with_other_test_labels), ("c", with_other_labels))
    )
    assert before == same
    assert abs(before - other) > 1e-4


def _losses(data: VoteData, folder: Path) -> list[float]:
    told: list[EpochReport] = []
    RECIPE.run(data, VoteTripletsConfig(labels=False, epochs=1), folder, on_progress=told.append, resume=False)
    return [report.values["loss"] for report in told]


@pytest.mark.parametrize(("liked", "noped"), [(5, 4), (1, 19)])
def test_twenty_triplets_are_enough_and_nineteen_are_not(liked: int, noped: int, tmp_path: Path) -> None:
    learnt = DATA.ballots.where(SPLIT.learn)
    items = np.unique(np.concatenate([learnt.query, learnt.candidate]))[: 1 + liked + noped]
    like = np.arange(liked + noped) < liked
    voter, ones = np.full(len(like), learnt.voter[0]), np.ones(len(like))
    data = replace(DATA, ballots=Ballots(np.full(len(like), items[0]), items[1:], voter, like, ones))
    config = VoteTripletsConfig(fewest=2, labels=False, epochs=1)
    if liked * noped == 20:
        assert _run(data, tmp_path, config).metrics["triplets"] == 20
    else:
        with pytest.raises(TrainingError, match="19 pairs of a liked and a noped candidate of one query, and 20 are"):
            _run(data, tmp_path, config)
