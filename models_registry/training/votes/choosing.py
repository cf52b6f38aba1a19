"""Which map, and how strongly it is held: by cross-validation inside what may be learnt from.

Folds hold items, not votes: a pair is judged by a map that has seen neither of its ends. Judged by votes held out, an
overfitted map looks good and is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.training.votes.fitting import Fitted, Shape, fit
from models_registry.training.votes.measures import log_loss, weighted_auc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_registry.training.votes.data import Pairs

    Floats32 = NDArray[np.float32]

SCALE_PULL = 1e-3
_FEWEST_JUDGED = 10


@dataclass(frozen=True, slots=True)
class Choice:
    """A map that may be learnt: its shape and how strongly its numbers are pulled to where they start."""

    shape: Shape
    strength: float


CHOICES: dict[Shape, tuple[Choice, ...]] = {
    "scale": (Choice("scale", SCALE_PULL),),
    "diagonal": tuple(Choice("diagonal", strength) for strength in (3e-2, 1e-2, 3e-3)),
    "full": tuple(Choice("full", strength) for strength in (3e-1, 1e-1, 3e-2)),
}


@dataclass(frozen=True, slots=True)
class Judged:
    """A choice with its log loss and AUC on pairs of which neither item was seen; None where too few were."""

    choice: Choice
    loss: float
    error: float
    auc: float | None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"shape": self.choice.shape, "strength": self.choice.strength, "log_loss": self.loss, "auc": self.auc}


def judge(
    rows: Floats32,
    block_of: NDArray[np.int64],
    pairs: Pairs,
    fold_of: NDArray[np.int64],
    choices: Sequence[Choice],
    *,
    on_step: Callable[[int, int], None] = lambda _done, _all: None,
) -> list[Judged]:
    """Every choice judged over the folds of `fold_of` [n items]; empty where the folds leave too few pairs to judge."""
    folds = int(fold_of.max()) + 1
    losses: dict[Choice, list[tuple[float, float]]] = {choice: [] for choice in choices}
    scores: dict[Choice, list[NDArray[np.float64]]] = {choice: [] for choice in choices}
    judged: list[Pairs] = []
    for fold in range(folds):
        inside = (fold_of[pairs.query] == fold).astype(int) + (fold_of[pairs.candidate] == fold)
        held, rest = pairs.where(inside == 2), pairs.where(inside == 0)
        if len(held) and len(rest) and 0 < rest.likes.sum() < rest.weight.sum():
            judged.append(held)
            for choice, fitted in fit_each(rows, block_of, rest, choices):
                logits = fitted.logits(fitted.apply(rows), held)
                losses[choice].append((log_loss(logits, held), float(held.weight.sum())))
                scores[choice].append(logits)
        on_step(fold + 1, folds)
    if sum(len(held) for held in judged) < _FEWEST_JUDGED:
        return []
    likes = np.concatenate([held.likes for held in judged])
    nopes = np.concatenate([held.nopes for held in judged])
    return [_judged(choice, losses[choice], np.concatenate(scores[choice]), likes, nopes) for choice in choices]


def fit_each(
    rows: Floats32, block_of: NDArray[np.int64], pairs: Pairs, choices: Sequence[Choice]
) -> list[tuple[Choice, Fitted]]:
    """Each choice's map on these pairs; the richer shapes start from the blocks' scales."""
    scaled = fit(rows, block_of, pairs, "scale", SCALE_PULL)
    return [
        (
            choice,
            scaled
            if choice == CHOICES["scale"][0]
            else fit(rows, block_of, pairs, choice.shape, choice.strength, start=scaled),
        )
        for choice in choices
    ]


def best_of(judged: Sequence[Judged]) -> Choice:
    """The smallest log loss; of those that are not clearly worse (half a standard error) the first, which says least.

    Choices come from the plainest to the richest. Without anything judged the plainest is taken.
    """
    if not judged:
        return CHOICES["scale"][0]
    best = min(judged, key=lambda one: one.loss)
    return next(one.choice for one in judged if one.loss <= best.loss + 0.5 * best.error)


def _judged(
    choice: Choice,
    losses: Sequence[tuple[float, float]],
    logits: NDArray[np.float64],
    likes: NDArray[np.float64],
    nopes: NDArray[np.float64],
) -> Judged:
    votes = likes + nopes
    mean = sum(loss * weight for loss, weight in losses) / sum(weight for _, weight in losses)
    per_pair = (votes * np.logaddexp(0, logits) - likes * logits) / votes
    error = float(np.sqrt(np.average((per_pair - mean) ** 2, weights=votes) / len(per_pair)))
    return Judged(choice, float(mean), error, weighted_auc(logits, likes, nopes))
