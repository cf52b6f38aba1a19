"""Guesses of the category: right where labels can be told, honest about an item's own label, none without labels."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.linear_model import LogisticRegression

from models_registry.training.votes.class_guesses import MOST_CLASSES, _fit_softmax, learn_guesses, least_held

RNG = np.random.default_rng(8)
KINDS = RNG.integers(3, size=150)
LABELS = [f"kind-{kind}" for kind in KINDS.tolist()]
FOLDS = np.arange(150) % 4
CLEAR = (np.eye(3)[KINDS] @ RNG.normal(size=(3, 9)) + 0.3 * RNG.normal(size=(150, 9))).astype("f4")
BLIND = RNG.normal(size=(150, 60)).astype("f4")


def _right(chances: np.ndarray) -> float:
    return float((chances.argmax(axis=1) == KINDS).mean())


def test_they_are_chances_that_tell_the_labels() -> None:
    found = learn_guesses(CLEAR, LABELS, FOLDS)
    assert found is not None
    guesses, crossed = found
    assert guesses.names == ("kind-0", "kind-1", "kind-2")
    for chances in (guesses.class_chances(CLEAR), crossed):
        assert chances.sum(axis=1) == pytest.approx(np.ones(150), abs=1e-5)
        assert _right(chances) > 0.95


def test_what_is_learnt_on_did_not_see_its_own_label() -> None:
    found = learn_guesses(BLIND, LABELS, FOLDS)
    assert found is not None
    guesses, crossed = found
    # Vectors that know nothing: an item's own label can be learnt by heart, another's cannot be told.
    assert _right(guesses.class_chances(BLIND)) > 0.6
    assert _right(crossed) < 0.5


def test_items_without_a_label_are_guessed_and_teach_nothing() -> None:
    hidden = [None if row < 30 else label for row, label in enumerate(LABELS)]
    found = learn_guesses(CLEAR, hidden, FOLDS)
    assert found is not None
    guesses, crossed = found
    np.testing.assert_allclose(crossed[:30], guesses.class_chances(CLEAR)[:30], atol=1e-6)
    assert _right(crossed) > 0.95
    other = learn_guesses(CLEAR, [label if row >= 30 else None for row, label in enumerate(reversed(LABELS))], FOLDS)
    assert other is not None
    assert not np.allclose(other[1], crossed, atol=0.1)


def test_the_block_has_mean_square_length_one() -> None:
    found = learn_guesses(CLEAR, LABELS, FOLDS)
    assert found is not None
    block = found[0].chance_block(found[1])
    assert np.abs(block.mean(axis=0)).max() < 1e-5
    assert float(np.mean(np.sum(block**2, axis=1))) == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("labels", [["a"] * 150, [None] * 150, ["a"] * 148 + ["b"] * 2])
def test_labels_that_are_not_there_make_no_block(labels: list[str | None]) -> None:
    assert learn_guesses(CLEAR, labels, FOLDS) is None


def test_of_many_categories_the_commonest_are_guessed() -> None:
    names = [f"c{number:03d}" for number in range(MOST_CLASSES + 20) for _ in range(3)] + ["c000"]
    rows = RNG.normal(size=(len(names), 2)).astype("f4")
    found = learn_guesses(rows, names, np.arange(len(names)) % 3)
    assert found is not None
    assert len(found[0].names) == MOST_CLASSES
    assert "c000" in found[0].names


def test_of_strengths_that_cannot_be_told_apart_the_least_is_taken() -> None:
    best = RNG.random(50)
    alike, worse = best + RNG.normal(0, 0.1, 50), best + 0.3 + RNG.normal(0, 0.1, 50)
    alike += best.mean() - alike.mean() + 0.001
    assert least_held([worse, best, alike, worse]) == 2
    assert least_held([best, worse]) == 0


@pytest.mark.parametrize("strength", [3.0, 0.3])
def test_the_regression_is_that_of_scikit_learn(strength: float) -> None:
    peer = LogisticRegression(C=1 / strength, tol=1e-8, max_iter=2000).fit(CLEAR, KINDS)
    weight, bias = _fit_softmax(CLEAR, KINDS, 3, strength)
    chances = CLEAR @ weight.T + bias
    chances = np.exp(chances - chances.max(axis=1, keepdims=True))
    assert chances / chances.sum(axis=1, keepdims=True) == pytest.approx(peer.predict_proba(CLEAR), abs=2e-3)


@pytest.mark.parametrize("strength", [3.0, 0.3])
def test_the_regressions_loss_has_the_slope_that_it_says(strength: float, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def no_search(loss: Any, start: np.ndarray, **_: Any) -> Any:
        asked.append(loss)
        return SimpleNamespace(x=start)

    monkeypatch.setattr("scipy.optimize.minimize", no_search)
    _fit_softmax(CLEAR, KINDS, 3, strength)
    numbers = np.random.default_rng(2).normal(size=30)

    def by_hand(theta: np.ndarray) -> float:
        table = theta.reshape(3, 10)
        scores = CLEAR.astype(float) @ table[:, :9].T + table[:, 9]
        entropy = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(150), KINDS]
        return float(entropy.sum() + strength / 2 * np.sum(table[:, :9] ** 2)) / 150

    value, slope = asked[0](numbers)
    assert value == pytest.approx(by_hand(numbers), rel=1e-5)
    assert slope == pytest.approx(approx_fprime(numbers, by_hand, 1e-7), abs=1e-4)


@pytest.mark.parametrize(("count", "is_guessed"), [(2, False), (3, True)])
def test_three_items_make_a_category(count: int, is_guessed: bool) -> None:
    labels = ["rare"] * count + ["common"] * (147 - count) + [None] * 3
    found = learn_guesses(CLEAR, labels, FOLDS)
    assert (found is not None) == is_guessed
