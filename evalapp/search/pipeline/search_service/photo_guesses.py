"""What a photo shows, as its neighbours say, with the confidence that was fitted when the generation was built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_registry.identification import Level, LevelCalibration, guess_features, identify_by
from models_registry.identification.gallery_calibration import LEVELS, NEIGHBOURS, label_codes, label_word
from models_registry.index import Answers, VectorIndex
from models_registry.metrics import Metric

_LEAST_SHARE = 0.6
"""Of the neighbours' weight, where nothing better is known."""

Levels = dict[Level, LevelCalibration]


def levels_by_metric(stored: Mapping[str, Any]) -> dict[str, Levels]:
    """What a generation's row holds, understood; a row of an older build holds nothing."""
    return {
        metric: {level: LevelCalibration.from_json(levels[level]) for level in LEVELS if level in levels}
        for metric, levels in stored.items()
    }


def guess_of(
    snapshot: VectorIndex, metric: Metric, vector: NDArray[np.float32], levels: Levels, answers: Answers | None = None
) -> dict[str, dict[str, Any] | None]:
    """By level: the label or None for none of these, the likeliest one, and how sure that is; None where no neighbour
    has such a label.

    All items of the index are looked at, whatever was filtered: a photo shows the same thing with every filter.
    `answers` are the index's to this vector, where it was asked for enough of them and nothing was left out.
    """
    if answers is None or answers.slots.shape[1] < NEIGHBOURS:
        answers = snapshot.search(vector, metric=metric, k=NEIGHBOURS)
    nearest = answers.first_answers(NEIGHBOURS)
    guesses: dict[str, dict[str, Any] | None] = dict.fromkeys(LEVELS)
    for level, guess in identify_by(snapshot, nearest, levels).items():
        if guess.likeliest is not None:
            guesses[level] = {name: _rounded_value(value) for name, value in asdict(guess).items()}
    for level in LEVELS:
        if level not in levels:
            guesses[level] = _by_share(snapshot, level, nearest.slots, nearest.distances)
    return guesses


def _by_share(
    snapshot: VectorIndex, level: Level, slots: NDArray[np.int64], distances: NDArray[np.float64]
) -> dict[str, Any] | None:
    """A guess by the neighbours' weight alone; how often such a one is right is not known."""
    codes = label_codes(snapshot, level, slots)
    guessed, features = guess_features(codes, distances)
    word = label_word(snapshot, level, slots[0], codes[0], int(guessed[0]))
    if word is None:
        return None
    share, margin = features[0, :2].tolist()
    return {
        "value": word if share >= _LEAST_SHARE else None,
        "likeliest": word,
        "confidence": None,
        "share": _rounded_value(share),
        "margin": _rounded_value(margin),
    }


def _rounded_value(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value
