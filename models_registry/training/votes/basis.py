"""Base vectors as blocks: what each encoder sees, centred, in few directions, at one scale.

A map that is learnt from some thousand votes has to start from little: one number per block. Within a block the
directions are the principal ones, so that a map over them, full or diagonal, is small; all of it together is one
linear map of the centred base vectors, which is what a checkpoint holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models_registry.training.votes.data import Labels, Span

    Floats32 = NDArray[np.float32]

MOST_ROWS = 2000
"""Principal directions are found on a draw of so many items."""
LABELS = "labels"
_FEW_PER_CLASS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """`to_block` [k, d] maps centred base vectors to all blocks, `block_of` [k] names each direction's block by its
    number in `names`; `mean` [d]."""

    names: tuple[str, ...]
    mean: Floats32
    to_block: Floats32
    block_of: NDArray[np.int64]

    def apply(self, vectors: Floats32) -> Floats32:
        """Vectors [n, d] in the blocks' directions [n, k]."""
        return np.asarray((vectors - self.mean) @ self.to_block.T, dtype=np.float32)


def basis_of(
    vectors: Floats32, spans: Sequence[Span], *, directions: int, labels: Labels | None, seed: int = 0
) -> Basis:
    """The blocks of base vectors [n, d], at most `directions` each, every block at mean square length 1.

    With `labels` [n] there is one block more: the directions that tell the labels apart (linear discriminants with
    shrinkage), for the case that people go by them. Items whose label must not be used have None.
    """
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    rows = vectors - mean
    sample = rows
    if len(rows) > MOST_ROWS:
        sample = rows[np.sort(np.random.default_rng(seed).choice(len(rows), MOST_ROWS, replace=False))]
    maps: list[Floats32] = []
    block_of: list[int] = []
    names: list[str] = []
    for span in spans:
        block = _principal(sample, span, directions)
        if len(block):
            maps.append(block)
            block_of += [len(names)] * len(block)
            names.append(span.name)
    told_apart = None if labels is None else _discriminants(rows, np.concatenate(maps), labels)
    if told_apart is not None:
        maps.append(told_apart)
        block_of += [len(names)] * len(told_apart)
        names.append(LABELS)
    return Basis(tuple(names), mean, np.concatenate(maps), np.array(block_of, dtype=np.int64))


def _principal(sample: Floats32, span: Span, most: int) -> Floats32:
    """The principal directions of a span as a map [k, d]; none where nothing varies."""
    part = sample[:, span.start : span.stop].astype(np.float64)
    width = part.shape[1]
    values, vectors = np.linalg.eigh(part.T @ part if width <= len(part) else part @ part.T)
    kept = np.argsort(values)[::-1][:most]
    kept = kept[values[kept] > 1e-9 * max(float(values.max(initial=0)), 1e-12)]
    directions = vectors[:, kept].T
    if width > len(part):
        directions = (directions @ part) / np.sqrt(values[kept])[:, None]
    scale = np.sqrt(np.mean(np.sum((part @ directions.T) ** 2, axis=1))) if len(kept) else 1.0
    block = np.zeros((len(kept), sample.shape[1]), dtype=np.float32)
    block[:, span.start : span.stop] = directions / scale
    return block


def _discriminants(rows: Floats32, maps: Floats32, labels: Labels) -> Floats32 | None:
    """Directions [classes - 1, d] that tell the labels apart; None where there are not two labels often enough."""
    names, counts = np.unique([label for label in labels if label is not None], return_counts=True)
    classes = names[counts >= _FEW_PER_CLASS].tolist()
    if len(classes) < 2:
        return None
    number = {name: code for code, name in enumerate(classes)}
    codes = np.array([-1 if label is None else number.get(label, -1) for label in labels])
    known = codes >= 0
    seen = (rows[known] @ maps.T).astype(np.float64)
    centre = seen.mean(axis=0)
    means = np.array([seen[codes[known] == code].mean(axis=0) for code in range(len(classes))])
    within = np.cov((seen - means[codes[known]]).T)
    within += np.eye(len(within)) * (np.trace(within) / len(within)) * 0.3
    # Whitened within the classes, the directions between their means are what is left.
    whiten = np.linalg.inv(np.linalg.cholesky(within))
    between = (means - centre) @ whiten.T
    _, _, axes = np.linalg.svd(between, full_matrices=False)
    directions = (axes[: len(classes) - 1] @ whiten) @ maps
    spread = np.sqrt(np.mean(np.sum((rows[known] @ directions.T) ** 2, axis=1)))
    return np.asarray(directions / spread, dtype=np.float32)
