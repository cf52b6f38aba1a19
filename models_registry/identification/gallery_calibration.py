"""Confidences fitted on a gallery's own items, and guesses with them.

Every question has a known answer: an item of the gallery that does not answer itself, or a picture from outside it of
something it may have. Of some questions everything that would be right is left out, as if the catalogue lacked it. What
a confidence is worth is measured on products that the fit had not seen.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from models_registry.identification.label_guesses import (
    NONE_OF_THESE,
    GuessCalibration,
    calibrate_guesses,
    expected_calibration_error,
    guess_features,
    guess_labels,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from models_registry.index import Answers, VectorIndex
    from models_registry.metrics import Metric

Level = Literal["product", "category"]
LEVELS: tuple[Level, ...] = ("product", "category")
NEIGHBOURS = 10
LACKING: Mapping[Level, int] = {"product": 3, "category": 10}
"""One question in so many is about something that the gallery lacks: confidences hold for photos of such a mix."""
LEAST_QUESTIONS = 100
_FOLDS = 5
_SPLITS = 5
"""Into folds, by other chances: of a few dozen products one split says little."""
_SEED = 0
_SHRINKAGES = (1e-6, 3e-3, 1e-2, 3e-2)
"""The least first: where two foretell equally well, it is taken."""


@dataclass(frozen=True, slots=True, eq=False)
class KnownQuestions:
    """Vectors [Q, d] whose products and categories are known; `ids` [Q] are items of the index, -1 for others."""

    vectors: NDArray[np.float32]
    ids: NDArray[np.int64]
    products: Sequence[str | None]
    categories: Sequence[str | None]

    def labels_of_level(self, level: Level) -> Sequence[str | None]:
        """The known answers [Q]."""
        return self.products if level == "product" else self.categories


@dataclass(frozen=True, slots=True)
class LevelCalibration:
    """How sure guesses of a label are. Of so many `questions` about what the gallery has, the share `right` was guessed
    right; `error` is the expected calibration error, each product's questions judged by a fit on the others."""

    calibration: GuessCalibration
    questions: int
    right: float
    error: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> LevelCalibration:
        """What `to_json` wrote."""
        fields = record["calibration"]
        parts = {name: tuple(fields[name]) for name in ("means", "spreads", "weights")}
        calibration = GuessCalibration(**{**fields, **parts})
        return cls(calibration, record["questions"], record["right"], record["error"])


@dataclass(frozen=True, slots=True)
class LabelGuess:
    """The label that a photo shows, None for none of these; `likeliest` is the best guess whatever its confidence."""

    value: str | None
    likeliest: str | None
    confidence: float
    share: float
    margin: float


def calibrate_gallery(index: VectorIndex, metric: Metric, questions: KnownQuestions) -> dict[Level, LevelCalibration]:
    """How sure guesses of each label are; levels with too few questions, or that are never or always right, are left
    out."""
    if len(questions.ids) < LEAST_QUESTIONS:
        return {}
    calibrations: dict[Level, LevelCalibration] = {}
    answers = index.search(questions.vectors, metric=metric, k=NEIGHBOURS, query_ids=questions.ids)
    for level in LEVELS:
        fitted = _calibrate_level(index, metric, questions, level, answers)
        if fitted is not None:
            calibrations[level] = fitted
    return calibrations


def identify_photo(
    index: VectorIndex, metric: Metric, vector: NDArray[np.float32], levels: Mapping[Level, LevelCalibration]
) -> dict[Level, LabelGuess]:
    """What a photo with this vector [d] shows, by each level that was calibrated."""
    return identify_by(index, index.search(vector, metric=metric, k=NEIGHBOURS), levels) if levels else {}


def identify_by(
    index: VectorIndex, nearest: Answers, levels: Mapping[Level, LevelCalibration]
) -> dict[Level, LabelGuess]:
    """The same by the answers [1, NEIGHBOURS] of the index, where they were looked for already."""
    slots, distances = nearest.slots, nearest.distances
    guesses: dict[Level, LabelGuess] = {}
    for level, fitted in levels.items():
        codes = label_codes(index, level, slots)
        (guess,) = guess_labels(codes, distances, fitted.calibration)
        word = label_word(index, level, slots[0], codes[0], guess.likeliest)
        value = None if guess.label == NONE_OF_THESE else word
        guesses[level] = LabelGuess(value, word, guess.confidence, guess.share, guess.margin)
    return guesses


def _calibrate_level(
    index: VectorIndex, metric: Metric, questions: KnownQuestions, level: Level, answers: Answers
) -> LevelCalibration | None:
    labels = questions.labels_of_level(level)
    rows = np.flatnonzero([label is not None for label in labels])
    if len(rows) < LEAST_QUESTIONS:
        return None
    known_labels = [str(labels[row]) for row in rows.tolist()]
    lacking = index.search(
        questions.vectors[rows],
        metric=metric,
        k=NEIGHBOURS,
        query_ids=questions.ids[rows],
        hide_same={level: known_labels},
    )
    codebook = index.columns.codebooks.get(level, {})
    codes = np.array([codebook.get(label, -2) for label in known_labels])
    judged_both_ways = [
        _judge_guesses(index, level, slots, distances, codes)
        for slots, distances in (
            (answers.slots[rows], answers.distances[rows]),
            (lacking.slots, lacking.distances),
        )
    ]
    # Everything is asked twice, once as if the gallery lacked it; each way counts as often as photos of its kind come.
    judged = _Judged(
        features=np.concatenate([one for one, _ in judged_both_ways]),
        right=np.concatenate([one for _, one in judged_both_ways]),
        groups=np.tile(_product_groups(questions, rows), 2),
        weights=np.repeat([float(LACKING[level] - 1), 1.0], len(rows)),
    )
    errors = [judged.calibration_error(split) for split in range(_SPLITS)]
    if np.isnan(errors).any():
        return None
    return LevelCalibration(
        judged.fit(judged.choose_shrinkage()), len(rows), float(judged_both_ways[0][1].mean()), float(np.mean(errors))
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """Questions with known answers: what their confidence depends on, whether the guess was right, their product, and
    how often such a question comes."""

    features: NDArray[np.float64]
    right: NDArray[np.bool_]
    groups: NDArray[np.int64]
    weights: NDArray[np.float64]

    def fit(self, shrinkage: float) -> GuessCalibration:
        return calibrate_guesses(self.features, self.right, shrinkage=shrinkage, weights=self.weights)

    def calibration_error(self, split: int) -> float:
        """The calibration error, each product's questions judged by a fit on others, which chooses its shrinkage on
        nothing but those; NaN where that cannot be fitted."""
        confidences = self._by_others(split)
        if confidences is None:
            return np.nan
        return expected_calibration_error(confidences, self.right, weights=self.weights)

    def choose_shrinkage(self) -> float:
        """How much a fit has to be held back to foretell products that it has not seen: what is true of a few dozen
        products may not be of the next one."""
        errors = []
        for shrinkage in _SHRINKAGES:
            confidences = self._by_others(0, shrinkage)
            off = np.inf if confidences is None else np.average((confidences - self.right) ** 2, weights=self.weights)
            errors.append(float(off))
        return _SHRINKAGES[int(np.argmin(errors))]

    def _by_others(self, split: int, shrinkage: float | None = None) -> NDArray[np.float64] | None:
        """The confidence of every question by a fit on the other folds' products; None where one cannot be fitted."""
        distinct, numbers = np.unique(self.groups, return_inverse=True)
        folds = (np.random.default_rng([_SEED, split]).permutation(len(distinct)) % _FOLDS)[numbers]
        confidences = np.zeros(len(self.right))
        for fold in np.unique(folds):
            is_in_fold = folds == fold
            others = _Judged(
                *(column[~is_in_fold] for column in (self.features, self.right, self.groups, self.weights))
            )
            if not others.right.any() or others.right.all():
                return None
            fitted = others.fit(others.choose_shrinkage() if shrinkage is None else shrinkage)
            confidences[is_in_fold] = fitted.guess_confidences(self.features[is_in_fold])
        return confidences


def _judge_guesses(
    index: VectorIndex,
    level: Level,
    slots: NDArray[np.int64],
    distances: NDArray[np.float64],
    codes: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The features [n, 3] of answers [n, k] and whether the guess is the known code [n]."""
    guessed, features = guess_features(label_codes(index, level, slots), distances)
    return features, guessed == codes


def _product_groups(questions: KnownQuestions, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """What must not stand on both sides of a split [rows]: the product; a question without one stands for itself."""
    numbers: dict[str, int] = {}
    groups = np.empty(len(rows), dtype=np.int64)
    for position, row in enumerate(rows.tolist()):
        name = questions.products[row] or f"\0{row}"
        groups[position] = numbers.setdefault(name, len(numbers))
    return groups


def label_codes(index: VectorIndex, level: Level, slots: NDArray[np.int64]) -> NDArray[np.int64]:
    """The codes of the rows at these slots [Q, k] in a level's column, -1 for none."""
    codes = index.columns.codes_of_column(level)[np.maximum(slots, 0)].astype(np.int64)
    return np.where(slots >= 0, codes, NONE_OF_THESE)


def label_word(
    index: VectorIndex, level: Level, slots: NDArray[np.int64], codes: NDArray[np.int64], code: int
) -> str | None:
    """The label that a code stands for, by one of the slots [k] that bear it."""
    if code == NONE_OF_THESE:
        return None
    slot = int(slots[int(np.argmax(codes == code))])
    return index.columns.value_at(level, slot)
