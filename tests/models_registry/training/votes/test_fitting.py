"""The loss, its gradient and its minimum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from models_registry.training.votes.basis import basis_of
from models_registry.training.votes.data import Pairs, Span
from models_registry.training.votes.fitting import Shape, _Here, fit

RNG = np.random.default_rng(5)
ROWS = RNG.normal(size=(12, 5)).astype(np.float32)
BLOCKS = np.array([0, 0, 1, 1, 1])
PAIRS = Pairs(
    np.array([0, 1, 2, 3, 0]), np.array([4, 5, 6, 7, 8]), np.array([2.0, 0, 1, 3, 1]), np.array([1.0, 2, 1, 0, 0])
)


@pytest.mark.parametrize("shape", ["scale", "diagonal", "full"])
def test_the_gradient_is_that_of_small_steps(shape: Shape) -> None:
    here = _Here.of(ROWS, BLOCKS, PAIRS, shape, None)
    loss = here.loss(0.1)
    theta = np.concatenate([[0.3, -0.2], RNG.normal(0, 0.1, here.size)])
    slow = approx_fprime(theta, lambda x: loss(x)[0], 1e-3)
    np.testing.assert_allclose(loss(theta)[1], slow, atol=2e-3)


def test_the_loss_is_the_mean_cross_entropy_of_the_votes() -> None:
    here = _Here.of(ROWS, BLOCKS, PAIRS, "scale", None)
    total = weight = 0.0
    for query, candidate, likes, nopes in zip(PAIRS.query, PAIRS.candidate, PAIRS.likes, PAIRS.nopes, strict=True):
        one, two = ROWS[query].astype(float), ROWS[candidate].astype(float)
        logit = 2.0 * (one @ two) / (np.linalg.norm(one) * np.linalg.norm(two)) - 0.5
        total += likes * np.log1p(np.exp(-logit)) + nopes * np.log1p(np.exp(logit))
        weight += likes + nopes
    assert here.loss(0.0)(np.array([np.log(2.0), -0.5, 0, 0]))[0] == pytest.approx(total / weight, rel=1e-5)


@pytest.mark.parametrize("shape", ["diagonal", "full"])
def test_an_endless_pull_leaves_the_map_where_it_starts(shape: Shape) -> None:
    start = fit(ROWS, BLOCKS, PAIRS, "scale", 1e-3)
    held = fit(ROWS, BLOCKS, PAIRS, shape, 1e6, start=start)
    np.testing.assert_allclose(held.weights, start.weights, atol=1e-4)


def test_the_same_votes_give_the_same_map() -> None:
    one, two = (fit(ROWS, BLOCKS, PAIRS, "full", 0.05) for _ in range(2))
    np.testing.assert_array_equal(one.weights, two.weights)


def test_blocks_have_one_scale_and_principal_directions() -> None:
    vectors = np.concatenate([RNG.normal(size=(60, 6)) * 9, RNG.normal(size=(60, 3)) * 0.01], axis=1).astype("f4")
    basis = basis_of(vectors, [Span("wide", 0, 6), Span("fine", 6, 9)], directions=4, labels=None)
    rows = basis.apply(vectors)
    assert rows.shape == (60, 7)
    for block in (0, 1):
        assert np.mean(np.sum(rows[:, basis.block_of == block] ** 2, axis=1)) == pytest.approx(1, rel=1e-3)
    together = rows.T @ rows
    within = together[:4, :4] - np.diag(np.diag(together[:4, :4]))
    assert np.abs(within).max() < 1e-2


def test_directions_of_labels_tell_them_apart() -> None:
    labels = ["a", "b", "c"] * 30
    hidden = np.eye(3)[[ord(label) - ord("a") for label in labels]]
    turn = np.linalg.qr(RNG.normal(size=(11, 11)))[0]
    vectors = (np.concatenate([RNG.normal(size=(90, 8)), 2 * hidden], axis=1) @ turn).astype("f4")
    basis = basis_of(vectors, [Span("all", 0, 11)], directions=11, labels=labels)
    assert basis.names == ("all", "labels")
    rows = basis.apply(vectors)[:, basis.block_of == 1]
    means = np.array([rows[[other == label for other in labels]].mean(axis=0) for label in "abc"])
    nearest = np.argmin(np.linalg.norm(rows[:, None] - means[None], axis=2), axis=1)
    assert np.mean([labels[0:3][place] == label for place, label in zip(nearest, labels, strict=True)]) > 0.95


def test_labels_that_are_not_there_make_no_block() -> None:
    assert basis_of(ROWS, [Span("all", 0, 5)], directions=5, labels=["a"] * 12).names == ("all",)
