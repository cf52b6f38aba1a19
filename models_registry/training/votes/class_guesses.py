"""What category a picture looks like, as probabilities: a block by which people may go, and often do.

A softmax regression over the other blocks, from the labels that the catalogue has. Probabilities are bounded and
nearly one-hot, which discriminant scores are not: two pictures surely of one category agree by 1, however far apart
they lie. An item's own label makes its guess too sure, and a scale learnt on such guesses too high: what maps are
learnt on are guesses by regressions that did not see the item's label (cross-fitting).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models_registry.training.votes.vote_data import Labels

    Floats = NDArray[np.float64]
    Floats32 = NDArray[np.float32]
    Ids = NDArray[np.int64]

MOST_CLASSES, MOST_ITEMS = 200, 20_000
"""Of more categories the commonest are guessed; of more labelled items a draw is learnt from."""
STRENGTHS = (3.0, 1.0, 0.3, 0.1)
"""Weights of the squared coefficients against the sum of all items' losses. Of those that cross-fitting cannot tell
from the best (one standard error) the least is taken: the surer of its own labels, the better an encoder keeps them."""
_FEW_PER_CLASS = 3
_STEPS = 100


@dataclass(frozen=True, slots=True, eq=False)
class ClassGuesses:
    """softmax(weight [c, k] rows + bias [c]); `mean` [c] and `spread` bring it to a block at mean square length 1."""

    names: tuple[str, ...]
    weight: Floats32
    bias: Floats32
    mean: Floats32
    spread: float

    def class_chances(self, rows: Floats32) -> Floats32:
        """Probabilities [n, c] of rows [n, k]."""
        return _softmax(rows @ self.weight.T + self.bias)

    def chance_block(self, chances: Floats32) -> Floats32:
        """Probabilities [n, c] as a block."""
        return np.asarray((chances - self.mean) / np.float32(self.spread), dtype=np.float32)


def learn_guesses(
    rows: Floats32, labels: Labels, fold_of: Ids, *, seed: int = 0
) -> tuple[ClassGuesses, Floats32] | None:
    """The regression on rows [n, k], and every item's probabilities [n, c] by one that did not see its label.

    Items whose label must not be used have None. `fold_of` [n] says which items are judged together. None where there
    are not two labels often enough.
    """
    names, codes = _code_labels(labels)
    labelled = np.flatnonzero(codes >= 0)
    if len(names) < 2:
        return None
    if len(labelled) > MOST_ITEMS:
        labelled = np.sort(np.random.default_rng(seed).choice(labelled, MOST_ITEMS, replace=False))
    chances_by_strength = [_cross_fit(rows, codes, labelled, fold_of, len(names), strength) for strength in STRENGTHS]
    best = least_held([-np.log(chances[labelled, codes[labelled]] + 1e-9) for chances in chances_by_strength])
    weight, bias = _fit_softmax(rows[labelled], codes[labelled], len(names), STRENGTHS[best])
    crossed = chances_by_strength[best]
    was_learnt_from = np.zeros(len(rows), dtype=np.bool_)
    was_learnt_from[labelled] = True
    crossed[~was_learnt_from] = _softmax(rows[~was_learnt_from] @ weight.T + bias)
    mean = crossed.mean(axis=0)
    spread = float(np.sqrt(np.mean(np.sum((crossed - mean) ** 2, axis=1))))
    return ClassGuesses(tuple(names), weight, bias, mean, max(spread, 1e-6)), crossed


def least_held(losses: Sequence[NDArray[np.floating[Any]]]) -> int:
    """The last of the strengths whose loss [n] is, item by item, not clearly above that of the best."""
    best = min(losses, key=lambda loss: float(loss.mean()))
    gaps = [loss - best for loss in losses]
    return max(number for number, gap in enumerate(gaps) if gap.mean() <= gap.std() / np.sqrt(len(gap)))


def _code_labels(labels: Labels) -> tuple[list[str], Ids]:
    """The labels that occur often enough, and the number of each item's, -1 for none of them."""
    names, counts = np.unique([label for label in labels if label is not None], return_counts=True)
    common = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
    classes = sorted(names[common[counts[common] >= _FEW_PER_CLASS]].tolist())
    number = {name: code for code, name in enumerate(classes)}
    return classes, np.array([-1 if label is None else number.get(label, -1) for label in labels], dtype=np.int64)


def _cross_fit(rows: Floats32, codes: Ids, labelled: Ids, fold_of: Ids, classes: int, strength: float) -> Floats32:
    """Each known item's probabilities by a regression on the other folds; those of other items stay even."""
    chances = np.full((len(rows), classes), 1 / classes, dtype=np.float32)
    start = None
    for fold in np.unique(fold_of[labelled]):
        fold_rows = labelled[fold_of[labelled] == fold]
        rest = labelled[fold_of[labelled] != fold]
        if len(rest):
            start = _fit_softmax(rows[rest], codes[rest], classes, strength, start=start)
            chances[fold_rows] = _softmax(rows[fold_rows] @ start[0].T + start[1])
    return chances


def _fit_softmax(
    rows: Floats32,
    codes: Ids,
    classes: int,
    strength: float,
    *,
    start: Sequence[Floats32] | None = None,
) -> tuple[Floats32, Floats32]:
    """Weights [c, k] and bias [c] at the minimum of the summed cross-entropy + strength / 2 |weight|²."""
    from scipy.optimize import minimize

    width = rows.shape[1]
    one_hot = np.eye(classes, dtype=np.float32)[codes]

    def loss_and_slope(numbers: Floats) -> tuple[float, Floats]:
        table = numbers.reshape(classes, width + 1)
        weight, bias = table[:, :width].astype(np.float32), table[:, width].astype(np.float32)
        scores = rows @ weight.T + bias
        scores -= scores.max(axis=1, keepdims=True)
        total = np.log(np.exp(scores).sum(axis=1, keepdims=True))
        entropy = float((total[:, 0] - np.einsum("ij,ij->i", scores, one_hot)).sum(dtype=np.float64))
        excess = np.exp(scores - total) - one_hot
        slope = np.concatenate([excess.T @ rows, excess.sum(axis=0)[:, None]], axis=1).astype(np.float64)
        slope[:, :width] += strength * table[:, :width]
        pull_loss = strength / 2 * float(np.sum(table[:, :width] ** 2))
        return (entropy + pull_loss) / len(rows), slope.ravel() / len(rows)

    start_table = (
        np.zeros((classes, width + 1)) if start is None else np.concatenate([start[0], start[1][:, None]], axis=1)
    )
    fitted_table = minimize(
        loss_and_slope, start_table.ravel().astype(np.float64), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}
    ).x.reshape(classes, width + 1)
    return fitted_table[:, :width].astype(np.float32), fitted_table[:, width].astype(np.float32)


def _softmax(scores: NDArray[np.floating[Any]]) -> Floats32:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float32)
