"""The board's sums as bytes and back: little-endian float64, in the order of the dataclasses' fields."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from evalapp.leaderboard.models import BoardBatch
from evalapp.stats.sums.contender_sums import Evidence, FloatArray, VoterSums
from evalapp.stats.sums.epochs import Batch
from evalapp.stats.sums.voter_histories import Histories

_FLAT = ("liked", "mass", "guard", "stake")
FORMAT = 2
"""Format of the packed sums. Raise it when their shape or meaning changes: stored sums of another are rebuilt."""


def pack_arrays(*arrays: FloatArray) -> bytes:
    """The arrays one after another."""
    return b"".join(np.ascontiguousarray(one, dtype="<f8").tobytes() for one in arrays)


def unpack_array(data: bytes | memoryview) -> FloatArray:
    """All numbers in a row, to be changed freely."""
    return np.frombuffer(bytes(data), dtype="<f8").astype(np.float64)


def pack_evidence(evidence: Evidence) -> bytes:
    """Everything, counts included."""
    return pack_arrays(*(np.asarray(getattr(evidence, one.name), dtype=np.float64) for one in fields(Evidence)))


def unpack_evidence(data: bytes | memoryview, contenders: int, eras: int) -> Evidence:
    """The evidence as it was packed, over so many contenders and eras."""
    numbers, evidence, start = unpack_array(data), Evidence.before_votes(contenders, eras), 0
    for sums_field in fields(Evidence):
        empty = getattr(evidence, sums_field.name)
        size = np.size(empty)
        part = numbers[start : start + size]
        setattr(
            evidence, sums_field.name, part.reshape(empty.shape) if isinstance(empty, np.ndarray) else float(part[0])
        )
        start += size
    return evidence


def widen_evidence(evidence: Evidence, contenders: int) -> Evidence:
    """The same evidence over more contenders, who enter in an era to come and of whom nothing is known."""
    more = contenders - evidence.contenders
    if not more:
        return evidence
    entered = [*evidence.entered.astype(int).tolist(), *[evidence.eras] * more]
    wider = Evidence.before_votes(contenders, evidence.eras + 1, entered)
    for sums_field in fields(Evidence):
        numbers = getattr(evidence, sums_field.name)
        if isinstance(numbers, np.ndarray):
            getattr(wider, sums_field.name)[tuple(slice(size) for size in numbers.shape)] = numbers
        else:
            setattr(wider, sums_field.name, numbers)
    return wider


def pack_voter(rows: VoterSums, histories: Histories, seen: FloatArray, row: int) -> bytes:
    """One voter's row, history and what they have seen; of the eras those in which they voted."""
    counts = [getattr(histories, one.name)[row] for one in fields(Histories)]
    (eras,) = np.nonzero(rows.weight[row] != 0)
    flat = [getattr(rows, name)[row] for name in _FLAT]
    by_era = [rows.weight[row, eras], rows.residual[row, eras].ravel()]
    return pack_arrays(np.array([*counts, seen.shape[1], len(eras), *eras]), *flat, seen[row], *by_era)


def unpack_voter(
    data: bytes | memoryview, rows: VoterSums, histories: Histories, row: int, seen: FloatArray | None = None
) -> None:
    """Put a packed voter in this row."""
    numbers = unpack_array(data)
    start = len(fields(Histories))
    for index, one in enumerate(fields(Histories)):
        getattr(histories, one.name)[row] = numbers[index]
    known_count, voted = int(numbers[start]), int(numbers[start + 1])
    start += 2
    eras = numbers[start : start + voted].astype(np.intp)
    start += voted
    for name in _FLAT:
        getattr(rows, name)[row, :known_count] = numbers[start : start + known_count]
        start += known_count
    if seen is not None:
        seen[row, :known_count] = numbers[start : start + known_count]
    start += known_count
    rows.weight[row, eras] = numbers[start : start + voted]
    rows.residual[row, eras, :known_count] = numbers[start + voted :].reshape(voted, known_count)


def pack_ids(counted: NDArray[np.int64], aside: NDArray[np.int64]) -> bytes:
    """Ids of votes in the sums, those that count and those set aside."""
    return np.concatenate([2 * counted, 2 * aside + 1]).astype("<i8").tobytes()


def unpack_ids(data: bytes | memoryview) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Votes that count, and votes set aside."""
    marked = np.frombuffer(bytes(data), dtype="<i8")
    return marked[marked % 2 == 0] // 2, marked[marked % 2 == 1] // 2


def pack_batch(batch: Batch, positions: int) -> bytes:
    """A batch's arrays; the rest of it are columns."""
    closeness = np.zeros(batch.contenders) if batch.closeness is None else batch.closeness
    means = np.full(positions, batch.mean) if batch.query_means is None else batch.query_means
    return pack_arrays(batch.variance, batch.reach, batch.own, closeness, means)


def unpack_batch(row: BoardBatch, contenders: int, led: tuple[int, ...] = (), margin: float = 0.0) -> Batch:
    """The batch over so many contenders; for those that had not entered, its bounds are infinite."""
    known_count, numbers = len(row.contenders), unpack_array(row.numbers)
    square = known_count * known_count
    parts = np.split(numbers, [square, 2 * square, 2 * square + known_count, 2 * square + 2 * known_count])

    def widen_part(part: FloatArray, shape: tuple[int, ...], missing: float) -> FloatArray:
        full = np.full(shape, missing)
        full[(slice(known_count),) * len(shape)] = part.reshape((known_count,) * len(shape))
        return full

    variance, reach = (widen_part(part, (contenders, contenders), np.inf) for part in parts[:2])
    np.fill_diagonal(variance, 0.0)
    np.fill_diagonal(reach, 0.0)
    own, closeness = widen_part(parts[2], (contenders,), np.inf), widen_part(parts[3], (contenders,), 0.0)
    return Batch(variance, reach, own, row.leader, closeness, row.mean, parts[4], row.era, led, margin)
