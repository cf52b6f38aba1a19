"""The board's sums as bytes and back: little-endian float64, in the order of the dataclasses' fields."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from evalapp.leaderboard.models import BoardBatch
from evalapp.stats.batches import Batch
from evalapp.stats.evidence import Evidence, FloatArray, VoterSums
from evalapp.stats.histories import Histories

_PER_VOTER = 5
"""Numbers of a voter that are not per contender: the counts of the history and the common weight."""


def pack(*arrays: FloatArray) -> bytes:
    """The arrays one after another."""
    return b"".join(np.ascontiguousarray(one, dtype="<f8").tobytes() for one in arrays)


def unpack(data: bytes | memoryview) -> FloatArray:
    """All numbers in a row, to be changed freely."""
    return np.frombuffer(bytes(data), dtype="<f8").astype(np.float64)


def pack_evidence(evidence: Evidence) -> bytes:
    """Everything, counts included."""
    return pack(*(np.asarray(getattr(evidence, one.name), dtype=np.float64) for one in fields(Evidence)))


def unpack_evidence(data: bytes | memoryview, contenders: int, eras: int) -> Evidence:
    """The evidence as it was packed, over so many contenders and eras."""
    numbers, evidence, start = unpack(data), Evidence.none(contenders, eras), 0
    for one in fields(Evidence):
        empty = getattr(evidence, one.name)
        size = np.size(empty)
        part = numbers[start : start + size]
        setattr(evidence, one.name, part.reshape(empty.shape) if isinstance(empty, np.ndarray) else float(part[0]))
        start += size
    return evidence


def pack_voter(rows: VoterSums, histories: Histories, place: int) -> bytes:
    """One voter's row and history."""
    counts = [getattr(histories, one.name)[place] for one in fields(Histories)]
    sums = [getattr(rows, one.name)[place] for one in fields(VoterSums)]
    return pack(np.array(counts), *sums)


def unpack_voter(data: bytes | memoryview, rows: VoterSums, histories: Histories, place: int) -> None:
    """Put a packed voter in `place`; contenders that entered since have zeros."""
    numbers = unpack(data)
    for index, one in enumerate(fields(Histories)):
        getattr(histories, one.name)[place] = numbers[index]
    names = [one.name for one in fields(VoterSums)]
    known = (len(numbers) - _PER_VOTER) // (len(names) - 1)
    start = len(fields(Histories))
    for name in names[:-1]:
        getattr(rows, name)[place, :known] = numbers[start : start + known]
        start += known
    rows.weight[place] = numbers[start]


def pack_ids(counted: NDArray[np.int64], aside: NDArray[np.int64]) -> bytes:
    """Ids of votes in the sums, those that count and those set aside."""
    return np.concatenate([2 * counted, 2 * aside + 1]).astype("<i8").tobytes()


def unpack_ids(data: bytes | memoryview) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Those that count and those set aside."""
    marked = np.frombuffer(bytes(data), dtype="<i8")
    return marked[marked % 2 == 0] // 2, marked[marked % 2 == 1] // 2


def pack_batch(batch: Batch, positions: int) -> bytes:
    """A batch's arrays; the rest of it are columns."""
    closeness = np.zeros(batch.contenders) if batch.closeness is None else batch.closeness
    means = np.full(positions, batch.mean) if batch.query_means is None else batch.query_means
    return pack(batch.variance, batch.reach, batch.own, closeness, means)


def unpack_batch(row: BoardBatch, contenders: int) -> Batch:
    """The batch over so many contenders; for those that had not entered, its bounds are infinite."""
    known, numbers = len(row.contenders), unpack(row.numbers)
    square = known * known
    parts = np.split(numbers, [square, 2 * square, 2 * square + known, 2 * square + 2 * known])

    def wide(part: FloatArray, shape: tuple[int, ...], missing: float) -> FloatArray:
        full = np.full(shape, missing)
        full[(slice(known),) * len(shape)] = part.reshape((known,) * len(shape))
        return full

    variance, reach = (wide(part, (contenders, contenders), np.inf) for part in parts[:2])
    np.fill_diagonal(variance, 0.0)
    np.fill_diagonal(reach, 0.0)
    own, closeness = wide(parts[2], (contenders,), np.inf), wide(parts[3], (contenders,), 0.0)
    return Batch(variance, reach, own, row.leader, closeness, row.mean, parts[4], row.era)
