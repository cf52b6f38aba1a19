"""The loss, its gradient and its minimum."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from models_registry.training.votes.binary_codes import binary_code_map
from models_registry.training.votes.block_pca import basis_of
from models_registry.training.votes.map_fitting import Fitted, Shape, _MapProblem, fit_map
from models_registry.training.votes.model_selection import CHOICES, Choice, Judged, best_of, judge_choices
from models_registry.training.votes.vote_data import Pairs, Span

RNG = np.random.default_rng(5)
ROWS = RNG.normal(size=(12, 5)).astype(np.float32)
BLOCKS = np.array([0, 0, 1, 1, 1])
PAIRS = Pairs(
    np.array([0, 1, 2, 3, 0]), np.array([4, 5, 6, 7, 8]), np.array([2.0, 0, 1, 3, 1]), np.array([1.0, 2, 1, 0, 0])
)


@pytest.mark.parametrize("shape", ["scale", "diagonal", "full"])
def test_the_gradient_is_that_of_small_steps(shape: Shape) -> None:
    problem = _MapProblem.from_pairs(ROWS, BLOCKS, PAIRS, shape, None)
    loss = problem.loss_of_numbers(0.1)
    theta = np.concatenate([[0.3, -0.2], RNG.normal(0, 0.1, problem.free_numbers)])
    slow = approx_fprime(theta, lambda x: loss(x)[0], 1e-3)
    np.testing.assert_allclose(loss(theta)[1], slow, atol=2e-3)


def test_the_loss_is_the_mean_cross_entropy_of_the_votes() -> None:
    problem = _MapProblem.from_pairs(ROWS, BLOCKS, PAIRS, "scale", None)
    total = weight = 0.0
    for query, candidate, likes, nopes in zip(PAIRS.query, PAIRS.candidate, PAIRS.likes, PAIRS.nopes, strict=True):
        one, two = ROWS[query].astype(float), ROWS[candidate].astype(float)
        logit = 2.0 * (one @ two) / (np.linalg.norm(one) * np.linalg.norm(two)) - 0.5
        total += likes * np.log1p(np.exp(-logit)) + nopes * np.log1p(np.exp(logit))
        weight += likes + nopes
    assert problem.loss_of_numbers(0.0)(np.array([np.log(2.0), -0.5, 0, 0]))[0] == pytest.approx(
        total / weight, rel=1e-5
    )


@pytest.mark.parametrize("shape", ["diagonal", "full"])
def test_an_endless_pull_leaves_the_map_where_it_starts(shape: Shape) -> None:
    start = fit_map(ROWS, BLOCKS, PAIRS, "scale", 1e-3)
    held = fit_map(ROWS, BLOCKS, PAIRS, shape, 1e6, start=start)
    np.testing.assert_allclose(held.weights, start.weights, atol=1e-4)


def test_the_same_votes_give_the_same_map() -> None:
    one, two = (fit_map(ROWS, BLOCKS, PAIRS, "full", 0.05) for _ in range(2))
    np.testing.assert_array_equal(one.weights, two.weights)


def test_blocks_have_one_scale_and_principal_directions() -> None:
    vectors = np.concatenate([RNG.normal(size=(60, 6)) * 9, RNG.normal(size=(60, 3)) * 0.01], axis=1).astype("f4")
    basis = basis_of(vectors, [Span("wide", 0, 6), Span("fine", 6, 9)], directions=4)
    rows = basis.rows_of_vectors(vectors)
    assert rows.shape == (60, 7)
    for block in (0, 1):
        assert np.mean(np.sum(rows[:, basis.block_of == block] ** 2, axis=1)) == pytest.approx(1, rel=1e-3)
    together = rows.T @ rows
    within = together[:4, :4] - np.diag(np.diag(together[:4, :4]))
    assert np.abs(within).max() < 1e-2


def test_the_longer_the_rows_are_made_the_more_distance_counts() -> None:
    """Near in angle and far away, or near and at an angle: cosine takes the first, distance the second."""
    basis = basis_of(ROWS, [Span("all", 0, 5)], directions=5).with_length()
    assert basis.names == ("all", "length")
    query, far, near = np.array([1.0, 0.0]), np.array([9.0, 0.5]), np.array([1.0, 0.8])
    rows = basis.block_rows(np.stack([query, far, near]).astype("f4"), None)
    for length, first in ((0.0, 1), (20.0, 2)):
        units = rows * np.array([1, 1, length], dtype="f4")
        units /= np.linalg.norm(units, axis=1, keepdims=True)
        assert 1 + int(np.argmax(units[1:] @ units[0])) == first


def _judged(choice: Choice, logits: np.ndarray, pairs: Pairs) -> Judged:
    return Judged(choice, pairs, logits, logits)


def test_a_richer_map_is_taken_where_it_is_better_pair_by_pair() -> None:
    """A gain that is the same for every pair is sure, however much the losses of pairs differ among themselves."""
    ids = np.arange(40)
    likes = np.where(ids % 2 == 0, 1.0, 0.0)
    pairs = Pairs(ids, ids + 40, likes, 1 - likes)
    plain, rich = CHOICES["scale"][0], CHOICES["diagonal"][0]
    sides = np.where(likes > 0, 1.0, -1.0)
    unsure = sides * np.linspace(-1, 1, 40)
    better = [_judged(plain, unsure, pairs), _judged(rich, unsure + 0.05 * sides, pairs)]
    assert best_of(better) == rich
    lucky = (np.where(ids == 3, 2.0, 0.0) - np.where(ids == 8, 0.5, 0.0)) * sides
    assert best_of([_judged(plain, unsure, pairs), _judged(rich, unsure + lucky, pairs)]) == plain
    assert best_of([]) == plain


def test_codes_are_learnt_from_the_cross_entropy_of_their_soft_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss written out, its slope by small steps, at every sharpness and away from the start."""
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(12, 3)).astype("f4")
    pairs = Pairs(np.array([0, 1, 2, 5]), np.array([3, 4, 5, 9]), np.array([2.0, 0, 1, 3]), np.array([1.0, 2, 0, 1]))
    fitted = Fitted("scale", 1.0, np.eye(3, dtype=np.float32), 2.5, -0.3, np.zeros(1), 0.0, 1)
    planes = rng.normal(size=(3, 2)).astype("f4")
    monkeypatch.setattr(np.random, "default_rng", lambda _seed: SimpleNamespace(normal=lambda **_: planes))
    start = planes / np.sqrt(np.mean((rows @ planes) ** 2, axis=0))
    asked: list[Any] = []
    begins: list[np.ndarray] = []

    def no_search(loss: Any, theta: np.ndarray, **_: Any) -> Any:
        asked.append(loss)
        begins.append(theta)
        return SimpleNamespace(x=theta)

    monkeypatch.setattr("scipy.optimize.minimize", no_search)
    found = binary_code_map(rows, fitted, pairs, bits=2, seed=0)
    assert found == pytest.approx(start, abs=1e-5)
    assert len(asked) == 3
    for sharpness, loss, begin in zip((1.0, 2.0, 4.0), asked, begins, strict=True):
        assert begin == pytest.approx([np.log(2.5), -0.3, *[0.0] * 6])
        numbers = begin + np.linspace(-0.4, 0.5, 8)

        def by_hand(theta: np.ndarray, sharpness: float = sharpness) -> float:
            signs = np.tanh(sharpness * rows.astype(float) @ (start + theta[2:].reshape(3, 2)))
            logit = np.exp(theta[0]) * (signs[pairs.query] * signs[pairs.candidate]).mean(axis=1) + theta[1]
            entropy = np.sum(pairs.likes * np.log1p(np.exp(-logit)) + pairs.nopes * np.log1p(np.exp(logit)))
            return float(entropy / (pairs.likes + pairs.nopes).sum() + 1e-3 / 2 * np.sum(theta[2:] ** 2))

        value, slope = loss(numbers)
        assert value == pytest.approx(by_hand(numbers), rel=1e-5)
        assert slope == pytest.approx(approx_fprime(numbers, by_hand, 1e-7), abs=1e-5)


def test_folds_are_told_as_they_are_judged() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(24, 4)).astype("f4")
    query, candidate = (part.ravel() for part in np.meshgrid(np.arange(24), np.arange(24)))
    likes = (rng.random(576) < 0.5).astype(float)
    pairs = Pairs(query, candidate, likes, 1 - likes).where(query != candidate)
    folds = np.arange(24) % 3
    told: list[tuple[int, int]] = []
    [judged] = judge_choices(
        rows,
        rows,
        np.zeros(4, dtype=np.int64),
        pairs,
        folds,
        CHOICES["scale"],
        on_step=lambda done, every: told.append((done, every)),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]
    # Each pair whose two ends lie in one fold, once.
    assert len(judged.pairs) == 3 * 8 * 7
    assert (folds[judged.pairs.query] == folds[judged.pairs.candidate]).all()
    assert len(set(zip(judged.pairs.query.tolist(), judged.pairs.candidate.tolist(), strict=True))) == 168
    for count, is_enough in ((9, False), (10, True)):
        inside = np.flatnonzero(folds[pairs.query] == folds[pairs.candidate])
        kept = (folds[pairs.query] != folds[pairs.candidate]) | np.isin(np.arange(len(pairs)), inside[:count])
        found = judge_choices(rows, rows, np.zeros(4, dtype=np.int64), pairs.where(kept), folds, CHOICES["scale"])
        assert bool(found) == is_enough
