"""Guesses of the category: right where labels can be told, honest about an item's own label, none without labels."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.linear_model import LogisticRegression

from models_registry.training.votes.class_guesses import (
    MOST_CLASSES,
    ClassGuesses,
    _fit_softmax,
    learn_guesses,
    least_held,
)

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
    assert len(found[0].names) == MOST_CLASSES == 200
    assert "c000" in found[0].names
    # Of those that are equally common the first by name; the others teach nothing.
    assert found[0].names == tuple(f"c{number:03d}" for number in range(200))
    np.testing.assert_array_equal(found[1][600:660], found[0].class_chances(rows[600:660]))


def test_of_strengths_that_cannot_be_told_apart_the_least_is_taken() -> None:
    best = RNG.random(50)
    alike, worse = best + RNG.normal(0, 0.1, 50), best + 0.3 + RNG.normal(0, 0.1, 50)
    alike += best.mean() - alike.mean() + 0.001
    assert least_held([worse, best, alike, worse]) == 2
    assert least_held([best, worse]) == 0
    assert least_held([best, best.copy()]) == 1
    assert least_held([worse, best, best + 0.001]) == 1


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


def _peer_chances(
    rows: np.ndarray, codes: np.ndarray, asked: np.ndarray, strength: float
) -> tuple[np.ndarray, LogisticRegression]:
    peer = LogisticRegression(C=1 / strength, tol=1e-8, max_iter=5000).fit(rows, codes)
    return peer.predict_proba(asked), peer


@pytest.mark.parametrize(("noise", "seed", "strength"), [(1.6, 0, 3.0), (1.2, 1, 1.0), (0.8, 5, 0.3), (0.3, 0, 0.1)])
def test_guesses_are_those_of_a_peer_fold_by_fold_at_the_least_strength_that_is_as_good(
    noise: float, seed: int, strength: float
) -> None:
    """The nearer the classes lie to each other the more is held; some items have no label or a rare one."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(3, size=60)
    rows = (np.eye(3)[kinds] @ rng.normal(size=(3, 5)) + noise * rng.normal(size=(60, 5))).astype("f4")
    folds = rng.integers(3, size=60)
    extra = rng.normal(size=(4, 5)).astype("f4")
    labels = [f"kind-{kind}" for kind in kinds.tolist()] + [None, "rare", "rare", None]
    found = learn_guesses(np.concatenate([rows, extra]), labels, np.concatenate([folds, [0, 1, 2, 7]]))
    assert found is not None
    guesses, crossed = found

    by_strength = []
    for held in (3.0, 1.0, 0.3, 0.1):
        chances = np.zeros((60, 3))
        for fold in range(3):
            own = folds == fold
            chances[own] = _peer_chances(rows[~own], kinds[~own], rows[own], held)[0]
        by_strength.append(chances)
    losses = [-np.log(chances[np.arange(60), kinds]) for chances in by_strength]
    best = min(range(4), key=lambda number: float(losses[number].mean()))
    gaps = [loss - losses[best] for loss in losses]
    taken = max(number for number, gap in enumerate(gaps) if gap.mean() <= gap.std() / np.sqrt(60))
    assert (3.0, 1.0, 0.3, 0.1)[taken] == strength

    assert crossed[:60] == pytest.approx(by_strength[taken], abs=5e-3)
    whole, peer = _peer_chances(rows, kinds, np.concatenate([rows, extra]), strength)
    assert guesses.class_chances(np.concatenate([rows, extra])) == pytest.approx(whole, abs=5e-3)
    assert crossed[60:] == pytest.approx(whole[60:], abs=5e-3)
    assert guesses.weight - guesses.weight.mean(axis=0) == pytest.approx(peer.coef_, rel=0.02, abs=0.02)
    assert guesses.mean == pytest.approx(crossed.mean(axis=0), abs=1e-6)
    assert guesses.spread == pytest.approx(np.sqrt(crossed.var(axis=0).sum()), rel=1e-4)


def test_items_that_are_all_judged_together_have_even_chances() -> None:
    """Without another fold there is nothing to learn them from but themselves."""
    found = learn_guesses(CLEAR, LABELS, np.zeros(150, dtype=np.int64))
    assert found is not None
    assert found[1] == pytest.approx(np.full((150, 3), 1 / 3))


def test_items_that_cannot_be_told_apart_make_a_block_of_finite_numbers() -> None:
    labels = ["one", "other"] * 12
    found = learn_guesses(np.zeros((24, 2), dtype=np.float32), labels, np.repeat(np.arange(3), 8))
    assert found is not None
    guesses, crossed = found
    assert guesses.spread == pytest.approx(1e-6, rel=1e-3)
    assert np.isfinite(guesses.chance_block(crossed)).all()


def test_scores_of_any_size_are_turned_into_chances() -> None:
    weight = np.array([[800.0], [0.0], [-800.0]], dtype=np.float32)
    guesses = ClassGuesses(("a", "b", "c"), weight, np.zeros(3, dtype=np.float32), np.zeros(3, dtype=np.float32), 1.0)
    found = guesses.class_chances(np.array([[1.0], [-1.0], [0.0], [1 / 800]], dtype=np.float32))
    expected = np.exp([1.0, 0.0, -1.0]) / np.exp([1.0, 0.0, -1.0]).sum()
    assert found == pytest.approx(np.array([[1, 0, 0], [0, 0, 1], [1 / 3] * 3, expected]))


def test_of_more_than_20_000_labelled_items_a_draw_is_learnt_from() -> None:
    """Of one too many, the one left out is guessed by the regression on all others; which one the seed decides."""
    kinds = np.arange(20_001) % 2
    rows = (np.random.default_rng(1).normal(size=(20_001, 1)) + kinds[:, None]).astype("f4")
    labels = [f"kind-{kind}" for kind in kinds.tolist()]
    left_out = []
    for seeds in ({}, {"seed": 0}, {"seed": 1}):
        found = learn_guesses(rows, labels, (np.arange(20_001) // 2) % 2, **seeds)
        assert found is not None
        guesses, crossed = found
        own = np.flatnonzero((crossed == guesses.class_chances(rows)).all(axis=1))
        assert len(own) == 1
        left_out.append(int(own[0]))
    assert left_out[0] == left_out[1] != left_out[2]
