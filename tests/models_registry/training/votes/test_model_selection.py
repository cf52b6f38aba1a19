"""Maps judged by pairs that they have not seen: fold by fold by hand, and which of them is taken."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from models_registry.training.votes.map_fitting import fit_map
from models_registry.training.votes.model_selection import (
    CHOICES,
    Choice,
    Judged,
    best_of,
    fit_each,
    judge_choices,
)
from models_registry.training.votes.vote_data import Pairs

Floats = NDArray[np.float64]

RNG = np.random.default_rng(31)
ITEMS = 18
ROWS = RNG.normal(size=(ITEMS, 4)).astype(np.float32)
DEPLOYED = (ROWS + 0.3 * RNG.normal(size=ROWS.shape)).astype(np.float32)
BLOCKS = np.array([0, 0, 1, 1])
FOLDS = np.arange(ITEMS) % 3
PLAIN, DIAGONAL, FULL = CHOICES["scale"][0], CHOICES["diagonal"][1], CHOICES["full"][2]


def _pairs(likes: float = 0.5) -> Pairs:
    query, candidate = np.array([(one, other) for one in range(ITEMS) for other in range(ITEMS) if one != other]).T
    rng = np.random.default_rng(5)
    liked = rng.binomial(2, likes, size=len(query)) * 0.75
    return Pairs(query, candidate, liked, 1.5 - liked)


def _judged(logits: Floats, pairs: Pairs, choice: Choice = PLAIN) -> Judged:
    return Judged(choice, pairs, logits, logits)


def test_choices_go_from_the_plainest_and_most_strongly_held_on() -> None:
    assert [(choice.shape, choice.strength) for choices in CHOICES.values() for choice in choices] == [
        ("scale", 1e-4),
        *(("diagonal", strength) for strength in (0.03, 0.01, 0.003, 0.001)),
        *(("full", strength) for strength in (0.3, 0.1, 0.03)),
    ]


def test_richer_maps_start_from_the_scales_and_the_scales_are_learnt_once() -> None:
    pairs = _pairs()
    held = Choice("scale", 0.5)
    fitted = fit_each(ROWS, BLOCKS, pairs, [FULL, PLAIN, held, DIAGONAL])
    assert [choice for choice, _ in fitted] == [FULL, PLAIN, held, DIAGONAL]
    scaled = fit_map(ROWS, BLOCKS, pairs, "scale", 1e-4)
    for choice, found in fitted:
        start = None if choice == PLAIN else scaled
        expected = fit_map(ROWS, BLOCKS, pairs, choice.shape, choice.strength, start=start)
        np.testing.assert_array_equal(found.weights, expected.weights)
        assert (found.shape, found.strength) == (choice.shape, choice.strength)


def test_every_fold_is_judged_by_maps_of_the_pairs_that_touch_none_of_it() -> None:
    pairs = _pairs()
    choices = [PLAIN, DIAGONAL]
    found = judge_choices(ROWS, DEPLOYED, BLOCKS, pairs, FOLDS, choices)
    assert [judged.choice for judged in found] == choices
    of_fold = [[FOLDS[row] for row in ends] for ends in (pairs.query, pairs.candidate)]
    for number, choice in enumerate(choices):
        query: list[int] = []
        logits: list[float] = []
        deployed: list[float] = []
        for fold in range(3):
            both = np.array([one == other == fold for one, other in zip(*of_fold, strict=True)])
            neither = np.array([fold not in ends for ends in zip(*of_fold, strict=True)])
            fitted = dict(fit_each(ROWS, BLOCKS, pairs.where(neither), [choice]))[choice]
            query += pairs.query[both].tolist()
            logits += fitted.pair_logits(fitted.map_to_units(ROWS), pairs.where(both)).tolist()
            deployed += fitted.pair_logits(fitted.map_to_units(DEPLOYED), pairs.where(both)).tolist()
        assert found[number].pairs.query.tolist() == query
        assert found[number].logits == pytest.approx(np.array(logits))
        assert found[number].deployed == pytest.approx(np.array(deployed))
        assert found[number].deployed != pytest.approx(np.array(logits), abs=1e-3)


@pytest.mark.parametrize("verdict", [0.0, 1.0])
def test_a_fold_whose_other_pairs_all_say_the_same_is_not_judged(verdict: float) -> None:
    """Whoever is left out with fold 0 takes the only other verdicts along."""
    pairs = _pairs()
    touches = (FOLDS[pairs.query] == 0) | (FOLDS[pairs.candidate] == 0)
    likes = np.where(touches, pairs.likes, verdict * 1.5)
    [judged] = judge_choices(
        ROWS, ROWS, BLOCKS, Pairs(pairs.query, pairs.candidate, likes, 1.5 - likes), FOLDS, [PLAIN]
    )
    assert set(FOLDS[judged.pairs.query].tolist()) == {1, 2}


def test_a_single_like_of_little_weight_is_enough_to_learn_from() -> None:
    pairs = _pairs()
    likes = np.zeros(len(pairs))
    for one, other in ((1, 2), (0, 2), (0, 1)):
        likes[(pairs.query == one) & (pairs.candidate == other)] = 0.25
    [judged] = judge_choices(
        ROWS, ROWS, BLOCKS, Pairs(pairs.query, pairs.candidate, likes, 1.5 - likes), FOLDS, [PLAIN]
    )
    assert set(FOLDS[judged.pairs.query].tolist()) == {0, 1, 2}


def test_a_fold_without_a_pair_of_its_own_is_passed_over() -> None:
    pairs = _pairs()
    kept = pairs.where((FOLDS[pairs.query] != 1) | (FOLDS[pairs.candidate] != 1))
    [judged] = judge_choices(ROWS, ROWS, BLOCKS, kept, FOLDS, [PLAIN])
    assert set(FOLDS[judged.pairs.query].tolist()) == {0, 2}
    assert len(judged.logits) == len(judged.pairs)


def test_without_pairs_inside_folds_nothing_is_judged_and_the_plainest_is_taken() -> None:
    pairs = _pairs()
    across = pairs.where(FOLDS[pairs.query] != FOLDS[pairs.candidate])
    found = judge_choices(ROWS, ROWS, BLOCKS, across, FOLDS, [PLAIN, DIAGONAL])
    assert found == []
    assert best_of(found) == PLAIN


def test_how_much_worse_a_choice_is_counts_votes_and_knows_its_own_error() -> None:
    rng = np.random.default_rng(7)
    pairs = Pairs(np.arange(6), np.arange(6), np.array([2.0, 0, 1, 3, 0, 1]), np.array([0.0, 1, 1, 2, 4, 0]))
    one, other = rng.normal(size=(2, 6))
    gaps: list[float] = []
    for row in range(6):
        losses = [
            (pairs.likes[row] * np.log1p(np.exp(-logit)) + pairs.nopes[row] * np.log1p(np.exp(logit)))
            / (pairs.likes[row] + pairs.nopes[row])
            for logit in (one[row], other[row])
        ]
        gaps.append(float(losses[0] - losses[1]))
    weight = (pairs.likes + pairs.nopes).tolist()
    mean = sum(gap * votes for gap, votes in zip(gaps, weight, strict=True)) / sum(weight)
    spread = sum((gap - mean) ** 2 * votes for gap, votes in zip(gaps, weight, strict=True)) / sum(weight)
    judged = _judged(one, pairs)
    assert judged.worse_than(_judged(other, pairs)) == pytest.approx((mean, np.sqrt(spread / 6)))
    truth = np.repeat([1, 0], 6)
    area = roc_auc_score(truth, np.tile(one, 2), sample_weight=np.concatenate([pairs.likes, pairs.nopes]))
    assert judged.as_json() == {
        "shape": "scale",
        "strength": 1e-4,
        "log_loss": judged.mean_loss,
        "auc": pytest.approx(area),
    }
    assert judged.mean_loss - _judged(other, pairs).mean_loss == pytest.approx(mean)


def test_of_choices_that_are_all_as_good_the_first_is_taken() -> None:
    pairs = _pairs().where(np.arange(ITEMS * (ITEMS - 1)) < 40)
    logits = np.linspace(-1, 1, 40)
    same = [_judged(logits, pairs, choice) for choice in (DIAGONAL, PLAIN, FULL)]
    assert best_of(same) == DIAGONAL
    sides = np.where(pairs.likes > pairs.nopes, 3.0, np.where(pairs.likes < pairs.nopes, -3.0, 0.0))
    assert (
        best_of([_judged(-sides, pairs, PLAIN), _judged(sides, pairs, FULL), _judged(0 * sides, pairs, DIAGONAL)])
        == FULL
    )
