"""Guesses of a label (product, category) from the labels and distances of neighbours. Pure functions.

A guess is the label with most weight among the neighbours, near ones weighing more. How sure it is depends on its share
of the weight, on the margin to the second label and on how far away the nearest is; a logistic regression on questions
with known answers, some of which have none in the catalogue, makes a probability of it (Platt, 1999).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

if TYPE_CHECKING:
    from numpy.typing import NDArray

NONE_OF_THESE = -1
_LEAST_SHRINKAGE = 1e-6
_BINS = 10


@dataclass(frozen=True, slots=True)
class Guess:
    """A label's number and the probability that it is right; `label` is -1, none of these, where that is too low, and
    `likeliest` the number all the same."""

    label: int
    likeliest: int
    confidence: float
    share: float
    margin: float


@dataclass(frozen=True, slots=True)
class GuessCalibration:
    """Scales of `guess_features`, six weights (of each feature below its mean and above it), the regression's offset,
    and the confidence below which none is said."""

    means: tuple[float, ...]
    spreads: tuple[float, ...]
    weights: tuple[float, ...]
    offset: float
    least_confidence: float = 0.5

    def guess_confidences(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability [Q] that the guess of each question is right, from `guess_features` [Q, 3]."""
        scaled = (features - np.array(self.means)) / np.array(self.spreads)
        confidences: NDArray[np.float64] = expit(_bend_features(scaled) @ np.array(self.weights) + self.offset)
        return confidences


def guess_features(
    labels: NDArray[np.int64], distances: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The guessed label [Q] and what its confidence depends on [Q, 3]: share, margin, distance of the nearest.

    `labels` and `distances` [Q, k] are those of neighbours, nearest first; label -1 is not known, distance NaN none. A
    neighbour weighs exp(-3 (d - d1) / (dk - d1 / 2)): the nearest 1, the last little. Where no neighbour has a label
    the guess is -1, of share and margin 0.
    """
    guessed = np.full(len(labels), NONE_OF_THESE, dtype=np.int64)
    features = np.zeros((len(labels), 3))
    for row, (own_labels, row_distances) in enumerate(zip(labels, distances, strict=True)):
        is_neighbour = ~np.isnan(row_distances)
        if not is_neighbour.any():
            continue
        near, far = float(row_distances[is_neighbour].min()), float(row_distances[is_neighbour].max())
        features[row, 2] = near
        weights = np.exp(-3 * (row_distances[is_neighbour] - near) / max(far - near / 2, 1e-12))
        has_label = own_labels[is_neighbour] >= 0
        if has_label.any():
            kinds, which = np.unique(own_labels[is_neighbour][has_label], return_inverse=True)
            sums = np.bincount(which, weights[has_label]) / weights.sum()
            ranked = np.argsort(-sums, kind="stable")
            second = float(sums[ranked[1]]) if len(ranked) > 1 else 0.0
            guessed[row] = kinds[ranked[0]]
            features[row, :2] = sums[ranked[0]], sums[ranked[0]] - second
    return guessed, features


def calibrate_guesses(
    features: NDArray[np.float64],
    right: NDArray[np.bool_],
    *,
    least_confidence: float = 0.5,
    shrinkage: float = _LEAST_SHRINKAGE,
    weights: NDArray[np.float64] | None = None,
) -> GuessCalibration:
    """Fit the confidence on questions [Q] of which it is known whether the guess was right.

    Questions about things that the catalogue lacks belong among them, as guesses that were wrong. The more
    `shrinkage`, per question, the less a confidence strays from how often guesses are right at all. `weights` [Q] say
    how often each question comes. Raises ValueError where there are not both right and wrong ones.
    """
    if not (right.any() and not right.all()):
        raise ValueError("Calibration needs guesses that were right and guesses that were wrong.")
    often = np.ones(len(features)) if weights is None else weights
    means = np.average(features, axis=0, weights=often)
    spreads = np.maximum(np.sqrt(np.average((features - means) ** 2, axis=0, weights=often)), 1e-9)
    scaled = np.column_stack([_bend_features((features - means) / spreads), np.ones(len(features))])
    signs = np.where(right, 1.0, -1.0)
    # The offset is free: how often guesses are right at all is known best.
    ridge = np.append(np.full(scaled.shape[1] - 1, shrinkage * often.sum()), 0.0)

    def loss_and_gradient(slopes: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margins = signs * (scaled @ slopes)
        down = scaled.T @ (-signs * often * expit(-margins)) + ridge * slopes
        return float(often @ np.logaddexp(0, -margins) + (ridge * slopes) @ slopes / 2), down

    # No weight below 0: whatever is learnt, a photo that is further away is never surer.
    bounds = [(0.0, None)] * (scaled.shape[1] - 1) + [(None, None)]
    slopes_found = minimize(loss_and_gradient, np.zeros(scaled.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds).x
    plain = [tuple(float(value) for value in row) for row in (means, spreads, slopes_found[:-1])]
    return GuessCalibration(plain[0], plain[1], plain[2], float(slopes_found[-1]), least_confidence)


def _bend_features(scaled: NDArray[np.float64]) -> NDArray[np.float64]:
    """What speaks for a guess [Q, 6]: each feature below its mean and above it, the distance turned round."""
    towards = scaled * np.array([1.0, 1.0, -1.0])
    return np.concatenate([np.minimum(towards, 0), np.maximum(towards, 0)], axis=1)


def guess_labels(
    labels: NDArray[np.int64], distances: NDArray[np.float64], calibration: GuessCalibration
) -> list[Guess]:
    """A guess for each question, none of these where it is not likely enough; shapes as in `guess_features`."""
    guessed, features = guess_features(labels, distances)
    confidences = np.where(guessed >= 0, calibration.guess_confidences(features), 0.0)
    sure = np.where(confidences >= calibration.least_confidence, guessed, NONE_OF_THESE)
    return [
        Guess(label, likeliest, confidence, share, margin)
        for label, likeliest, confidence, (share, margin, _) in zip(
            sure.tolist(), guessed.tolist(), confidences.tolist(), features.tolist(), strict=True
        )
    ]


def expected_calibration_error(
    confidences: NDArray[np.float64],
    right: NDArray[np.bool_],
    bins: int = _BINS,
    *,
    weights: NDArray[np.float64] | None = None,
) -> float:
    """How far confidences [Q] are from what comes true, on average over bins of equal width (Guo et al., 2017)."""
    if not len(confidences):
        return 0.0
    often = np.ones(len(confidences)) if weights is None else weights
    bin_of = np.minimum((confidences * bins).astype(np.int64), bins - 1)
    promised, came_true = np.bincount(bin_of, often * confidences, bins), np.bincount(bin_of, often * right, bins)
    return float(np.abs(promised - came_true).sum() / often.sum())
