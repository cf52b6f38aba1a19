"""Listings that may be the same: by their bytes, as the same picture, or as the same thing. Proposed, never decided.

    calibration = calibrate_duplicates(copies, strangers, items=len(catalogue))
    for pair in propose_duplicates(index, marks, metric="cosine", calibration=calibration, thing_within=0.2): ...

`copies` and `strangers` are features of pairs (`pair_features`): of pictures with their own treated copies
(`treated_copies`), and of items with their nearest neighbours of other products.
"""

from models_registry.duplicates.duplicate_pairs import DuplicateLevel, DuplicatePair, PictureMarks, propose_duplicates
from models_registry.duplicates.picture_hash import HASH_BITS, picture_hash, treated_copies
from models_registry.duplicates.same_picture import (
    PictureCalibration,
    calibrate_duplicates,
    likely_strangers,
    pair_features,
)

__all__ = [
    "HASH_BITS",
    "DuplicateLevel",
    "DuplicatePair",
    "PictureCalibration",
    "PictureMarks",
    "calibrate_duplicates",
    "likely_strangers",
    "pair_features",
    "picture_hash",
    "propose_duplicates",
    "treated_copies",
]
