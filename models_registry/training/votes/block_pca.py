"""Base vectors as blocks: what each encoder sees, centred, in few directions, at one scale.

A map that is learnt from some thousand votes has to start from little: one number per block. Within a block the
directions are the principal ones, so that a map over them, full or diagonal, is small. All of it together is one
linear map of the centred base vectors, with guesses of the category behind it where labels are known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models_registry.training.votes.class_guesses import ClassGuesses
    from models_registry.training.votes.vote_data import Span

    Floats32 = NDArray[np.float32]

MOST_ROWS = 2000
"""Principal directions are found on a draw of so many items."""
LABELS, LENGTH = "labels", "length"


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """`to_block` [k, d] maps centred base vectors to all linear blocks; `block_of` [K] names the block of each
    component of a row by its number in `names`; `mean` [d].

    With `guesses` their block follows. With `lifted` the last component is 1: the longer a map makes it, the more the
    cosine of mapped rows ranks by their distance and not by their angle alone.
    """

    names: tuple[str, ...]
    mean: Floats32
    to_block: Floats32
    block_of: NDArray[np.int64]
    guesses: ClassGuesses | None = None
    lifted: bool = False

    def linear_blocks(self, vectors: Floats32) -> Floats32:
        """Vectors [n, d] in the linear blocks' directions [n, k]."""
        return np.asarray((vectors - self.mean) @ self.to_block.T, dtype=np.float32)

    def block_rows(self, linear: Floats32, chances: Floats32 | None) -> Floats32:
        """Rows [n, K] from the linear blocks [n, k] and the probabilities [n, c] of the guesses, if there are any."""
        parts = [linear]
        if self.guesses is not None and chances is not None:
            parts.append(self.guesses.chance_block(chances))
        if self.lifted:
            parts.append(np.ones((len(linear), 1), dtype=np.float32))
        return np.concatenate(parts, axis=1)

    def rows_of_vectors(self, vectors: Floats32) -> Floats32:
        """Vectors [n, d] as rows [n, K]."""
        linear = self.linear_blocks(vectors)
        return self.block_rows(linear, None if self.guesses is None else self.guesses.class_chances(linear))

    def with_guesses(self, guesses: ClassGuesses) -> Basis:
        """The same with one block more."""
        return replace(self._with_block(LABELS, len(guesses.names)), guesses=guesses)

    def with_length(self) -> Basis:
        """The same with the component that is 1."""
        return replace(self._with_block(LENGTH, 1), lifted=True)

    def _with_block(self, name: str, width: int) -> Basis:
        block_of = np.concatenate([self.block_of, np.full(width, len(self.names), dtype=np.int64)])
        return replace(self, names=(*self.names, name), block_of=block_of)

    def map_over_blocks(self, head: Floats32) -> tuple[Floats32, Floats32]:
        """A map [K, m] of rows as weight [m, k + c] and bias [m] over linear blocks and probabilities."""
        width = len(self.to_block)
        bias = head[-1].astype(np.float32) if self.lifted else np.zeros(head.shape[1], dtype=np.float32)
        if self.guesses is None:
            return np.asarray(head[:width].T, dtype=np.float32), bias
        guess_weights = head[width : width + len(self.guesses.names)] / np.float32(self.guesses.spread)
        weight = np.concatenate([head[:width], guess_weights]).T
        return np.asarray(weight, dtype=np.float32), np.asarray(
            bias - self.guesses.mean @ guess_weights, dtype=np.float32
        )


def basis_of(vectors: Floats32, spans: Sequence[Span], *, directions: int, seed: int = 0) -> Basis:
    """The blocks of base vectors [n, d], at most `directions` each, every block at mean square length 1."""
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    rows = vectors - mean
    sample = rows
    if len(rows) > MOST_ROWS:
        sample = rows[np.sort(np.random.default_rng(seed).choice(len(rows), MOST_ROWS, replace=False))]
    maps: list[Floats32] = []
    block_of: list[int] = []
    names: list[str] = []
    for span in spans:
        block = _principal_map(sample, span, directions)
        if len(block):
            maps.append(block)
            block_of += [len(names)] * len(block)
            names.append(span.name)
    return Basis(tuple(names), mean, np.concatenate(maps), np.array(block_of, dtype=np.int64))


def _principal_map(sample: Floats32, span: Span, most: int) -> Floats32:
    """The principal directions of a span as a map [k, d]; none where nothing varies."""
    part = sample[:, span.start : span.stop].astype(np.float64)
    width = part.shape[1]
    values, vectors = np.linalg.eigh(part.T @ part if width <= len(part) else part @ part.T)
    chosen = np.argsort(values)[::-1][:most]
    chosen = chosen[values[chosen] > 1e-9 * max(float(values.max(initial=0)), 1e-12)]
    directions = vectors[:, chosen].T
    if width > len(part):
        directions = (directions @ part) / np.sqrt(values[chosen])[:, None]
    scale = np.sqrt(np.mean(np.sum((part @ directions.T) ** 2, axis=1)))
    block = np.zeros((len(chosen), sample.shape[1]), dtype=np.float32)
    block[:, span.start : span.stop] = directions / scale
    return block
