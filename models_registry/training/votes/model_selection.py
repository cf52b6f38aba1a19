"""Which map, and how strongly it is held: by cross-validation inside what may be learnt from.

Folds hold items, not votes: a pair is judged by a map that has seen neither of its ends. Judged by votes held out, an
overfitted map looks good and is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.training.votes.map_fitting import Fitted, Shape, fit_map
from models_registry.training.votes.vote_data import join_pairs
from models_registry.training.votes.vote_metrics import log_loss, weighted_auc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_registry.training.votes.vote_data import Pairs

    Floats32 = NDArray[np.float32]

SCALE_PULL = 1e-4
_FEWEST_JUDGED = 10


@dataclass(frozen=True, slots=True)
class Choice:
    """A map that may be learnt: its shape and how strongly its numbers are pulled to where they start."""

    shape: Shape
    strength: float


CHOICES: dict[Shape, tuple[Choice, ...]] = {
    "scale": (Choice("scale", SCALE_PULL),),
    "diagonal": tuple(Choice("diagonal", strength) for strength in (3e-2, 1e-2, 3e-3, 1e-3)),
    "full": tuple(Choice("full", strength) for strength in (3e-1, 1e-1, 3e-2)),
}


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A choice with its log-odds [P] of `pairs` whose items its map had not seen, and its mean log loss on them.

    `deployed` [P] are the log-odds by what the encoder will give, to which the catalogue's labels are known.
    """

    choice: Choice
    pairs: Pairs
    logits: NDArray[np.float64]
    deployed: NDArray[np.float64]

    @property
    def mean_loss(self) -> float:
        """Mean log loss in nats."""
        return log_loss(self.logits, self.pairs)

    def worse_than(self, other: Judged) -> tuple[float, float]:
        """By how much the loss is greater, pair by pair, and the standard error of that."""
        weight = self.pairs.weight
        gap = _pair_losses(self) - _pair_losses(other)
        mean = float(np.average(gap, weights=weight))
        return mean, float(np.sqrt(np.average((gap - mean) ** 2, weights=weight) / len(gap)))

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        area = weighted_auc(self.logits, self.pairs.likes, self.pairs.nopes)
        return {"shape": self.choice.shape, "strength": self.choice.strength, "log_loss": self.mean_loss, "auc": area}


def judge_choices(
    rows: Floats32,
    deployed: Floats32,
    block_of: NDArray[np.int64],
    pairs: Pairs,
    fold_of: NDArray[np.int64],
    choices: Sequence[Choice],
    *,
    on_step: Callable[[int, int], None] = lambda _done, _all: None,
) -> list[Judged]:
    """Every choice judged over the folds of `fold_of` [n items]; empty where the folds leave too few pairs to judge.

    Maps are learnt on `rows` [n, k] and judged by them; `deployed` [n, k] are what the encoder gives.
    """
    folds = int(fold_of.max()) + 1
    judged: list[Pairs] = []
    logits: dict[Choice, list[tuple[NDArray[np.float64], NDArray[np.float64]]]] = {choice: [] for choice in choices}
    for fold in range(folds):
        inside = (fold_of[pairs.query] == fold).astype(int) + (fold_of[pairs.candidate] == fold)
        judged_pairs, learnt_pairs = pairs.where(inside == 2), pairs.where(inside == 0)
        if len(judged_pairs) and 0 < learnt_pairs.likes.sum() < learnt_pairs.weight.sum():
            judged.append(judged_pairs)
            for choice, fitted in fit_each(rows, block_of, learnt_pairs, choices):
                fold_logits = (
                    fitted.pair_logits(fitted.map_to_units(rows), judged_pairs),
                    fitted.pair_logits(fitted.map_to_units(deployed), judged_pairs),
                )
                logits[choice].append(fold_logits)
        on_step(fold + 1, folds)
    if sum(len(judged_pairs) for judged_pairs in judged) < _FEWEST_JUDGED:
        return []
    all_judged = join_pairs(judged)
    return [
        Judged(
            choice,
            all_judged,
            np.concatenate([by_rows for by_rows, _ in fold_logits]),
            np.concatenate([by_deployed for _, by_deployed in fold_logits]),
        )
        for choice, fold_logits in logits.items()
    ]


def fit_each(
    rows: Floats32, block_of: NDArray[np.int64], pairs: Pairs, choices: Sequence[Choice]
) -> list[tuple[Choice, Fitted]]:
    """Each choice's map on these pairs; the richer shapes start from the blocks' scales."""
    scaled = fit_map(rows, block_of, pairs, "scale", SCALE_PULL)
    return [
        (
            choice,
            scaled
            if choice == CHOICES["scale"][0]
            else fit_map(rows, block_of, pairs, choice.shape, choice.strength, start=scaled),
        )
        for choice in choices
    ]


def best_of(judged: Sequence[Judged]) -> Choice:
    """The smallest log loss; of those that are not clearly worse (one standard error of the difference, pair by pair)
    the first, which says least.

    Choices come from the plainest to the richest. Without anything judged the plainest is taken.
    """
    if not judged:
        return CHOICES["scale"][0]
    best = min(judged, key=lambda candidate: candidate.mean_loss)
    return next(candidate.choice for candidate in judged if _is_as_good(candidate, best))


def _is_as_good(candidate: Judged, best: Judged) -> bool:
    gap, error = candidate.worse_than(best)
    return gap <= error


def _pair_losses(judged: Judged) -> NDArray[np.float64]:
    return np.asarray(np.logaddexp(0, judged.logits) - judged.pairs.share * judged.logits, dtype=np.float64)
