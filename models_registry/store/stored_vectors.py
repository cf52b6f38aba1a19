"""A sequence of vectors whose rows may lie in many shards; blocks are gathered when asked for."""

from __future__ import annotations

import itertools
import mmap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.metrics import sign_bits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

LARGEST = 1e15
_MANY = 256


def checked_vectors(vectors: ArrayLike) -> NDArray[np.float32]:
    """The vectors as contiguous float32 [n, d]; raises ValueError for another shape or values that are not usable.

    A NaN or infinity would win or lose every comparison silently, and squares of values beyond LARGEST leave
    float32.
    """
    array = np.ascontiguousarray(vectors, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"Vectors come as [n, d] with d of at least 1, not {list(array.shape)}.")
    # Written so that NaN, for which every comparison is false, fails too.
    if array.size and not (float(array.max()) < LARGEST and float(array.min()) > -LARGEST):
        raise ValueError(f"Some vectors hold NaN, infinity or values beyond {LARGEST:g}; check the encoder's weights.")
    return array


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """Rows of vectors [n, d] in a given order. Nothing is read before it is asked for.

    `parts` are arrays [n_i, d] (memory-maps or plain, float32 or float16; what is handed out is float32) and
    `part_bits` their packed bits, or None where they are to be computed; row i of the sequence is row `row_of[i]` of
    part `part_of[i]`.
    """

    parts: Sequence[NDArray[np.float32] | NDArray[np.float16]]
    part_bits: Sequence[NDArray[np.uint8]] | None
    part_of: NDArray[np.int64]
    row_of: NDArray[np.int64]
    dim: int

    @classmethod
    def from_array(cls, vectors: ArrayLike) -> Vectors:
        """Vectors that are in memory already: [n, d], as float32."""
        array = checked_vectors(vectors)
        count, dim = array.shape
        return cls([array], None, np.zeros(count, dtype=np.int64), np.arange(count, dtype=np.int64), dim)

    def __len__(self) -> int:
        return len(self.row_of)

    def rows(self, start: int, stop: int, buffer: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Rows start..stop as contiguous float32 [m, d]; a view, not to be written to, where they lie together.

        Rows that lie apart are gathered, into the first rows of `buffer` if one is given.
        """
        return self._rows_between(self.parts, start, stop, buffer)

    def bits(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Packed bits of rows start..stop as uint8 [m, ceil(d / 8)]."""
        if self.part_bits is None:
            return sign_bits(self.rows(start, stop))
        return self._rows_between(self.part_bits, start, stop, None)

    def take(self, indices: NDArray[np.int64], buffer: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """The rows at these positions, in this order, as float32 [m, d]; in the first rows of `buffer` if given."""
        return self._pick_rows(self.parts, indices, buffer)

    def take_bits(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The packed bits of the rows at these positions, in this order."""
        if self.part_bits is None:
            return sign_bits(self.take(indices))
        return self._pick_rows(self.part_bits, indices, None)

    def select(self, positions: NDArray[np.int64]) -> Vectors:
        """The rows at these positions as a sequence of their own; nothing is read."""
        return Vectors(self.parts, self.part_bits, self.part_of[positions], self.row_of[positions], self.dim)

    def release(self, indices: NDArray[np.int64] | None = None) -> None:
        """Give mapped pages that were read back to the system; they come again when they are needed.

        Without it a process that walks through many vectors seems to hold them all. With `indices`, the parts in which
        these rows lie.
        """
        touched = range(len(self.parts)) if indices is None else np.unique(self.part_of[indices]).tolist()
        for kind in (self.parts, self.part_bits or ()):
            for mapping in (_mapping_behind(kind[part]) for part in touched if kind):
                if mapping is not None:
                    mapping.madvise(mmap.MADV_DONTNEED)

    def _rows_between(
        self, parts: Sequence[NDArray[Any]], start: int, stop: int, buffer: NDArray[Any] | None
    ) -> NDArray[Any]:
        part_of, row_of = self.part_of[start:stop], self.row_of[start:stop]
        runs = _joined_runs(part_of, row_of)
        if len(runs) == 1 and parts[int(part_of[0])].dtype != np.float16:
            return parts[int(part_of[0])][row_of[0] : row_of[-1] + 1]
        gathered = _empty_rows(parts, len(row_of)) if buffer is None else buffer[: len(row_of)]
        for begin, end in runs:
            first = row_of[begin]
            gathered[begin:end] = parts[int(part_of[begin])][first : first + end - begin]
        return gathered

    def _pick_rows(
        self, parts: Sequence[NDArray[Any]], indices: NDArray[np.int64], buffer: NDArray[Any] | None
    ) -> NDArray[Any]:
        picked = _empty_rows(parts, len(indices)) if buffer is None else buffer[: len(indices)]
        part_of, row_of = self.part_of[indices], self.row_of[indices]
        if len(parts) == 1 and parts[0].dtype == picked.dtype:
            # Clipped, for a look at each index first would double the time; they were looked at one line above.
            return np.take(parts[0], row_of, axis=0, out=picked, mode="clip")
        if len(indices) < _MANY:
            for position, (part, row) in enumerate(zip(part_of.tolist(), row_of.tolist(), strict=True)):
                picked[position] = parts[part][row]
            return picked
        # Few calls for many rows: each hands Python's lock to whoever waits for it, and waits for it then.
        for part in np.unique(part_of).tolist():
            for positions in _split_positions(np.flatnonzero(part_of == part), _MANY):
                picked[positions] = parts[part][row_of[positions]]
        return picked


def _empty_rows(parts: Sequence[NDArray[Any]], count: int) -> NDArray[Any]:
    kind = np.uint8 if parts[0].dtype == np.uint8 else np.float32
    return np.empty((count, parts[0].shape[1]), dtype=kind)


def _mapping_behind(part: NDArray[np.generic]) -> mmap.mmap | None:
    owner: object = part
    while isinstance(owner, np.ndarray):
        owner = owner.base
    return owner if isinstance(owner, mmap.mmap) else None


def _split_positions(positions: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    return (positions[start : start + size] for start in range(0, len(positions), size))


def _joined_runs(part_of: NDArray[np.int64], row_of: NDArray[np.int64]) -> Sequence[tuple[int, int]]:
    """Positions start, stop of the stretches that lie together in one part: they are copied at memory speed."""
    if not len(row_of):
        return []
    breaks = 1 + np.flatnonzero((np.diff(part_of) != 0) | (np.diff(row_of) != 1))
    edges = [0, *breaks.tolist(), len(row_of)]
    return list(itertools.pairwise(edges))
