"""Pictures in, vectors out, with decoding and computing overlapped.

Every core runs a lane: it decodes a few pictures and sends them through the network itself, while the other lanes
do the same. On two cores this is faster than decoding beside a network that uses both, since nobody waits for
anybody, and a few pictures at a time stay in the processor's cache.

JPEG draft mode, which decodes at half the size or less, is not used. On mosaics of real photos, 1,024 and 2,048
pixels wide, it moved the vectors of two MobileNets by 0.06 to 0.12 of their length (median), and still by 0.01 to
0.04 where twice or three times the network's input was kept; the tolerance for a faster way is 0.01.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.decoding_pool import (
    Prepared,
    SharedPasses,
    Source,
    decode_source,
    decoding_processes,
    fetch_sources,
    reason_of,
    shared_passes,
)
from models_registry.devices import usable_cores
from models_registry.pictures import DEFAULT_MAX_PIXELS
from models_registry.preprocess import normalise_pixels

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from models_registry.decoding_pool import Unfetched
    from models_registry.encoders.encoder_base import Encoder, Vectors
    from models_registry.spec import Box

    Work = tuple[
        Encoder, Sequence["Picture"], range, int, tuple[str, ...], int, SharedPasses | None, ThreadPoolExecutor
    ]

PASSES_AHEAD = 4
"""Passes that are decoded, or wait for the device, while it computes."""
FETCHES = 32
"""Pictures of a store without files that are fetched at once: who waits for a network needs no core."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture to embed. `key` is the caller's; a callable source is called in a thread of its own."""

    key: bytes | str
    source: Source
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Vectors [len(indices), dim] per tap; `indices` are positions in what was given, ascending.

    `failures` are the positions without a vector, each with a line that starts with a short code and a colon:
    one of BadPicture's reasons, `empty-box`, or `unreadable` where the source itself raised.
    """

    indices: NDArray[np.int64]
    vectors: Vectors
    failures: list[tuple[int, str]] = field(default_factory=list)


def embed(
    encoder: Encoder,
    pictures: Sequence[Picture],
    *,
    taps: Sequence[str],
    batch_size: int | None = None,
    decoders: int | None = None,
    processes: bool | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    on_progress: Callable[[int, int], None] | None = None,
) -> Iterator[Batch]:
    """Embed pictures in order, `batch_size` to a yielded batch; one bad picture never stops the rest.

    A batch is what the encoder takes in one pass where that is more than 32 pictures. With `processes`, as many
    processes as there would be lanes decode into shared memory, several passes ahead, so that a device always finds
    the next pictures ready; None says so for encoders on a device. Callable sources are called, FETCHES at a time,
    before a pass is decoded, so that no pass waits for one answer after another.

    `decoders` is the number of lanes, one per usable core where None. Memory holds one pass per lane and the
    vectors of a few batches, however many pictures there are. Every pass is filled up to the same number of
    pictures, so that a vector does not depend on which pictures came along. `on_progress` gets pictures done and
    pictures in all. Errors of the network itself (EncoderError) are raised. The encoder is left with the threads of
    a lane.
    """
    cores = decoders or usable_cores()
    encoder.set_threads(max(1, usable_cores() // cores))
    batch_size = batch_size or max(32, encoder.pass_size)
    step = min(batch_size, encoder.pass_size)
    in_processes = encoder.on_device if processes is None else processes
    in_processes = in_processes and encoder.prepares_by_rules
    lanes = PASSES_AHEAD if in_processes else cores
    batches = [range(first, min(first + batch_size, len(pictures))) for first in range(0, len(pictures), batch_size)]
    room = shared_passes(decoding_processes(cores), encoder.spec.rules, step, lanes) if in_processes else nullcontext()
    with room as shared, _lane_threads(FETCHES) as fetching, _lane_threads(lanes) as pool:
        work = (
            (encoder, pictures, part, step, tuple(taps), max_pixels, shared, fetching)
            for batch in batches
            for part in _pass_ranges(batch, step)
        )
        passes = _in_order(pool, work, ahead=lanes * 2)
        for batch in batches:
            yield _join_batches([next(passes) for _ in _pass_ranges(batch, step)])
            if on_progress is not None:
                on_progress(batch.stop, len(pictures))


@contextmanager
def _lane_threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that drop what has not begun when the caller stops early or an error is on its way."""
    pool = ThreadPoolExecutor(count, thread_name_prefix="embed")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(pool: ThreadPoolExecutor, work: Iterable[Work], ahead: int) -> Iterator[Batch]:
    """Results in the order of the work, with so many passes begun or waiting and no more."""
    waiting: deque[Future[Batch]] = deque()
    for piece in work:
        waiting.append(pool.submit(_one_pass, *piece))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _one_pass(
    encoder: Encoder,
    pictures: Sequence[Picture],
    part: range,
    size: int,
    taps: tuple[str, ...],
    max_pixels: int,
    shared: SharedPasses | None,
    fetching: ThreadPoolExecutor,
) -> Batch:
    """Decode a few pictures and send those that could be decoded through the network, in one forward pass."""
    pass_pictures = [pictures[index] for index in part]
    sources = fetch_sources([picture.source for picture in pass_pictures], fetching)
    boxes = [picture.box for picture in pass_pictures]
    if shared is None:
        ready, positions, failed = _prepare_pictures(sources, boxes, encoder, max_pixels)
    else:
        ready, positions, failed = shared.decode_pass(sources, boxes, max_pixels)
        ready = ready if encoder.takes_pixels else normalise_pixels(ready, encoder.spec.rules)
    if positions:
        found = encoder.encode(_fill_up(ready, size), taps)
        vectors = {tap: rows[: len(positions)] for tap, rows in found.items()}
    else:
        vectors = {tap: np.empty((0, encoder.spec.tap_named(tap).dim), dtype=np.float32) for tap in taps}
    indices = np.array([part[place] for place in positions], dtype=np.int64)
    return Batch(indices, vectors, [(part[place], reason) for place, reason in failed])


def _fill_up(batch: NDArray[Any], size: int) -> NDArray[Any]:
    """The batch [n, ...] made `size` long by its first picture again.

    Libraries choose their sums by the shape of a batch: alone, a picture would get other last bits than among others,
    and a catalogue other vectors after a worker has died than on a quiet day.
    """
    return np.concatenate([batch, np.repeat(batch[:1], size - len(batch), axis=0)]) if len(batch) < size else batch


def _prepare_pictures(
    sources: Sequence[Path | bytes | Unfetched], boxes: Sequence[Box | None], encoder: Encoder, max_pixels: int
) -> Prepared:
    tensor = np.empty((len(sources), *encoder.input_shape), dtype=np.float32)
    positions: list[int] = []
    failed: list[tuple[int, str]] = []
    for position, (source, box) in enumerate(zip(sources, boxes, strict=True)):
        try:
            encoder.prepare(tensor[len(positions)], decode_source(source, max_pixels), box)
            positions.append(position)
        except Exception as error:  # sources are the caller's: whatever one raises, the rest goes on
            failed.append((position, reason_of(error)))
    return tensor[: len(positions)], positions, failed


def _pass_ranges(batch: range, step: int) -> list[range]:
    return [batch[start : start + step] for start in range(0, len(batch), step)]


def _join_batches(passes: Sequence[Batch]) -> Batch:
    return Batch(
        np.concatenate([one.indices for one in passes]),
        {tap: np.concatenate([one.vectors[tap] for one in passes]) for tap in passes[0].vectors},
        [failure for one in passes for failure in one.failures],
    )
