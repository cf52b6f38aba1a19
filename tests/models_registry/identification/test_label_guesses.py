"""Guesses of labels: right where neighbours agree, and as sure as they come true."""

from __future__ import annotations

import numpy as np
import pytest

from models_registry.identification import (
    calibrate_guesses,
    expected_calibration_error,
    guess_features,
    guess_labels,
)
from tests.models_registry.index.gallery import index_of


def questions(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels and distances of ten neighbours of 1,500 photographs, and the true product of each.

    Products 0 … 59 are in the catalogue, five pictures each; 60 … 79 are not. Another seed is other products.
    """
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((80, 16))
    shop = np.repeat(np.arange(60), 5)
    index = index_of((centres[shop] + 0.6 * rng.standard_normal((300, 16))).astype(np.float32), metrics=["cosine"])
    true = rng.integers(0, 80, 1_500)
    asked = (centres[true] + 0.9 * rng.standard_normal((1_500, 16))).astype(np.float32)
    found = index.search(asked, metric="cosine", k=10)
    return shop[found.ids], found.distances, true


def test_the_confidence_comes_true_on_products_that_calibration_never_saw() -> None:
    labels, distances, true = questions(0)
    guessed, features = guess_features(labels, distances)
    calibration = calibrate_guesses(features, guessed == true)
    labels, distances, true = questions(1)
    guessed, features = guess_features(labels, distances)
    right = guessed == true
    assert 0.3 < right.mean() < 0.95
    assert expected_calibration_error(calibration.guess_confidences(features), right) <= 0.05


def test_what_the_catalogue_lacks_is_none_of_these_more_often_than_what_it_has() -> None:
    labels, distances, true = questions(0)
    guessed, features = guess_features(labels, distances)
    guesses = guess_labels(labels, distances, calibrate_guesses(features, guessed == true))
    none = np.array([guess.label == -1 for guess in guesses])
    assert none[true >= 60].mean() > 0.5 > none[true < 60].mean()


def test_near_neighbours_weigh_more_and_unknown_ones_take_their_share() -> None:
    apart = np.array([[0.1, 0.5, 0.5], [0.1, 0.1, 0.5], [0.1, 0.2, 0.3], [np.nan] * 3])
    labels = np.array([[1, 2, 2], [-1, 3, 3], [-1, -1, -1], [-1, -1, -1]])
    guessed, features = guess_features(labels, apart)
    assert guessed.tolist() == [1, 3, -1, -1]
    assert features[1, 0] < 0.6
    assert features[2].tolist() == [0, 0, 0.1]
    assert features[3].tolist() == [0, 0, 0]
    _, alone = guess_features(np.array([[4, 4, 4]]), apart[:1])
    assert alone[0, :2].tolist() == [1, 1]


def test_without_a_known_label_there_is_no_guess() -> None:
    labels, distances, true = questions(0)
    guessed, features = guess_features(labels, distances)
    calibration = calibrate_guesses(features, guessed == true)
    (guess,) = guess_labels(np.array([[-1, -1]]), np.array([[0.1, 0.2]]), calibration)
    assert (guess.label, guess.confidence) == (-1, 0)


def test_the_calibration_error_is_the_gap_between_promise_and_truth() -> None:
    assert expected_calibration_error(np.array([0.95, 0.95]), np.array([True, False])) == pytest.approx(0.45)
    assert expected_calibration_error(np.full(4, 0.75), np.array([True, True, True, False])) == 0
    assert expected_calibration_error(np.empty(0), np.empty(0, bool)) == 0


def test_calibration_needs_both_kinds_of_guesses() -> None:
    with pytest.raises(ValueError, match="right and guesses that were wrong"):
        calibrate_guesses(np.ones((3, 3)), np.ones(3, bool))


def test_a_question_that_comes_three_times_counts_three_times() -> None:
    labels, distances, truth = questions(0)
    guessed, features = guess_features(labels, distances)
    right = guessed == truth
    weights = np.where(np.arange(len(right)) % 2, 3.0, 1.0)
    repeated = np.repeat(np.arange(len(right)), weights.astype(int))
    weighed = calibrate_guesses(features, right, weights=weights)
    counted = calibrate_guesses(features[repeated], right[repeated])
    np.testing.assert_allclose(weighed.guess_confidences(features), counted.guess_confidences(features), atol=1e-3)
    confidences = weighed.guess_confidences(features)
    assert expected_calibration_error(confidences, right, weights=weights) == pytest.approx(
        expected_calibration_error(confidences[repeated], right[repeated])
    )


def test_what_is_held_back_says_what_is_true_of_all() -> None:
    labels, distances, truth = questions(0)
    guessed, features = guess_features(labels, distances)
    right = guessed == truth
    held = calibrate_guesses(features, right, shrinkage=1e4).guess_confidences(features)
    np.testing.assert_allclose(held, right.mean(), atol=1e-2)
    free = calibrate_guesses(features, right).guess_confidences(features)
    assert np.ptp(free) > 0.3
