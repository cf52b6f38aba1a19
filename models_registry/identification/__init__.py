"""What is on a photograph, judged by its neighbours: a label with a calibrated confidence, or none of them."""

from models_registry.identification.gallery_calibration import (
    KnownQuestions,
    LabelGuess,
    Level,
    LevelCalibration,
    calibrate_gallery,
    identify_by,
    identify_photo,
)
from models_registry.identification.label_guesses import (
    Guess,
    GuessCalibration,
    calibrate_guesses,
    expected_calibration_error,
    guess_features,
    guess_labels,
)

__all__ = [
    "Guess",
    "GuessCalibration",
    "KnownQuestions",
    "LabelGuess",
    "Level",
    "LevelCalibration",
    "calibrate_gallery",
    "calibrate_guesses",
    "expected_calibration_error",
    "guess_features",
    "guess_labels",
    "identify_by",
    "identify_photo",
]
