"""Whether two pictures are one: by their hashes and their vectors together, as learned on this catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models_registry.duplicates.picture_hash import HASH_BITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RIDGE = 1e-6
_AS_ALIKE = 0.02  # of copies, so many are less alike than what is taken for a double
_SERIES = 3
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class PictureCalibration:
    """Scores at `threshold` and above propose the same picture.

    `found` is the share of treated copies that reach it, `false_per_thousand` the pairs of strangers that do, for a
    thousand items.
    """

    weights: tuple[float, float]
    threshold: float
    found: float
    false_per_thousand: float

    def likeness_scores(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """One number [n] per pair of `pair_features` [n, 2]; higher is more alike."""
        scores: NDArray[np.float64] = features @ np.array(self.weights)
        return scores


def pair_features(
    distances: NDArray[np.float64], hashes: NDArray[np.uint8], others: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """What is known of pairs [n, 2]: the distance of their vectors [n], and the share of bits that differ.

    `hashes` and `others` [n, m, 32] are the `picture_hash` of the first and of the second pictures. Each as it is is
    compared with every one of the other; the nearest counts.
    """
    forth = np.bitwise_count(hashes[:, :1] ^ others).sum(axis=2, dtype=np.int64).min(axis=1)
    back = np.bitwise_count(others[:, :1] ^ hashes).sum(axis=2, dtype=np.int64).min(axis=1)
    return np.column_stack([distances, np.minimum(forth, back) / HASH_BITS])


def calibrate_duplicates(
    copies: NDArray[np.float64], strangers: NDArray[np.float64], *, items: int, false_per_thousand: float = 0.5
) -> PictureCalibration:
    """The weights that part copies from strangers best, and the threshold that lets so few strangers through.

    Both are features [n, 2]; `strangers` are the pairs that `items` items would be asked about. Fisher's linear
    discriminant. Raises ValueError where either is empty.
    """
    if not len(copies) or not len(strangers):
        raise ValueError("Calibration needs pairs of copies and pairs of strangers.")
    weights = _fisher_weights(copies, strangers)
    ranked = np.sort(strangers @ weights)[::-1]
    allowed = int(false_per_thousand * items / 1000)
    # The first stranger that must not pass lies just below the threshold.
    threshold = float(np.nextafter(ranked[allowed], np.inf)) if allowed < len(ranked) else float(ranked[-1])
    passed = int(np.count_nonzero(ranked >= threshold))
    return PictureCalibration(
        (float(weights[0]), float(weights[1])),
        threshold,
        float(np.mean(copies @ weights >= threshold)),
        1000 * passed / max(items, 1),
    )


def likely_strangers(
    copies: NDArray[np.float64],
    pairs: NDArray[np.float64],
    query_of_pair: NDArray[np.int64],
    surely_different: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Which of the pairs [n, 2] may teach what strangers look like: all but the doubles that the catalogue holds.

    `query_of_pair` [n] is the item whose neighbour each pair is, `surely_different` [n] whether labels say that both
    are different things. A pair as alike as copies are is a double, unless labels contradict or its item has several
    such neighbours: a series of look-alikes, which must not pass. Without this a catalogue full of doubles would teach
    that they are strangers.
    """
    within = pairs <= np.quantile(copies, 1 - _AS_ALIKE, axis=0)
    strangers = _may_be_strangers(np.asarray(within.all(axis=1)), query_of_pair, surely_different)
    for _ in range(_ROUNDS):
        if not strangers.any():
            break
        weights = _fisher_weights(copies, pairs[strangers])
        strangers = _may_be_strangers(
            pairs @ weights >= np.quantile(copies @ weights, _AS_ALIKE), query_of_pair, surely_different
        )
    return strangers


def _may_be_strangers(
    alike: NDArray[np.bool_], query_of_pair: NDArray[np.int64], surely_different: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    in_series = (
        np.bincount(query_of_pair[alike], minlength=int(query_of_pair.max(initial=0)) + 1)[query_of_pair] >= _SERIES
    )
    return np.asarray(~alike | surely_different | in_series)


def _fisher_weights(copies: NDArray[np.float64], strangers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fisher's weights [2]."""
    spread = np.cov(copies.T, bias=True) + np.cov(strangers.T, bias=True) + _RIDGE * np.eye(2)
    # Never a positive weight: a greater distance must not speak for the same picture.
    weights: NDArray[np.float64] = np.minimum(
        np.linalg.solve(spread, copies.mean(axis=0) - strangers.mean(axis=0)), 0.0
    )
    return weights
