"""Pictures in, vectors out, with decoding and computing overlapped.

Every core runs a lane: it decodes a few pictures and sends them through the network itself, while the other lanes
do the same. On two cores this is faster than decoding beside a network that uses both, since nobody waits for
anybody, and a few pictures at a time stay in the processor's cache.

JPEG draft mode, which decodes at half the size or less, is not used. On mosaics of real photos, 1,024 and 2,048
pixels wide, it moved the vectors of two MobileNets by 0.06 to 0.12 of their length (median), and still by 0.01 to
0.04 where twice or three times the network's input was kept; the tolerance for a faster way is 0.01.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models_registry.devices import usable_cores
from models_registry.pictures import DEFAULT_MAX_PIXELS, BadPicture, open_rgb
from models_registry.preprocess import prepare_into
from models_registry.spec import EmptyBox

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from models_registry.encoders.base import Encoder, Vectors
    from models_registry.spec import Box, Preprocess

    Work = tuple[Encoder, Sequence["Picture"], range, int, tuple[str, ...], int, ProcessPoolExecutor | None]
    Prepared = tuple[NDArray[np.float32], list[int], list[tuple[int, str]]]
    """A batch, of which the first rows are filled; the places of the pictures in it; places and reasons of the rest."""

Source = Path | bytes | Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture to embed. `key` is the caller's; a callable source is called in the thread that decodes."""

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

    A batch is what the encoder takes in one pass where that is more than 32 pictures. With `processes`, the lanes leave
    decoding to processes of their own and are twice as many, so that a device always finds the next pictures ready;
    None says so for encoders on a device. Sources that cannot be sent to a process are decoded by the lanes.

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
    apart = encoder.on_device if processes is None else processes
    helpers = decoding_processes(cores) if apart and encoder.prepares_by_rules and _can_be_sent(pictures) else None
    lanes = cores * 2 if helpers else cores
    batches = [range(first, min(first + batch_size, len(pictures))) for first in range(0, len(pictures), batch_size)]
    work = (
        (encoder, pictures, part, step, tuple(taps), max_pixels, helpers)
        for batch in batches
        for part in _parts(batch, step)
    )
    with _lanes(lanes) as pool:
        passes = _in_order(pool, work, ahead=lanes * 2)
        for batch in batches:
            yield _joined([next(passes) for _ in _parts(batch, step)])
            if on_progress is not None:
                on_progress(batch.stop, len(pictures))


@contextmanager
def _lanes(count: int) -> Iterator[ThreadPoolExecutor]:
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
    helpers: ProcessPoolExecutor | None,
) -> Batch:
    """Decode a few pictures and send those that could be decoded through the network, in one forward pass."""
    given = [pictures[index] for index in part]
    if helpers is None:
        tensor, kept, failed = _prepared(given, encoder.input_shape, encoder.prepare, max_pixels)
    else:
        tensor, kept, failed = _by_helper(helpers, given, encoder.spec.rules, max_pixels)
    if kept:
        found = encoder.encode(_filled(tensor[: len(kept)], size), taps)
        vectors = {tap: rows[: len(kept)] for tap, rows in found.items()}
    else:
        vectors = {tap: np.empty((0, encoder.spec.tap(tap).dim), dtype=np.float32) for tap in taps}
    indices = np.array([part[place] for place in kept], dtype=np.int64)
    return Batch(indices, vectors, [(part[place], reason) for place, reason in failed])


def _filled(batch: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """The batch [n, ...] made `size` long by its first picture again.

    Libraries choose their sums by the shape of a batch: alone, a picture would get other last bits than among others,
    and a catalogue other vectors after a worker has died than on a quiet day.
    """
    return np.concatenate([batch, np.repeat(batch[:1], size - len(batch), axis=0)]) if len(batch) < size else batch


def _prepared(
    pictures: Sequence[Picture],
    shape: tuple[int, ...],
    prepare: Callable[[NDArray[np.float32], Image.Image, Box | None], None],
    max_pixels: int,
) -> Prepared:
    tensor = np.empty((len(pictures), *shape), dtype=np.float32)
    kept: list[int] = []
    failed: list[tuple[int, str]] = []
    for place, picture in enumerate(pictures):
        try:
            prepare(tensor[len(kept)], _decoded(picture, max_pixels), picture.box)
            kept.append(place)
        except Exception as error:  # sources are the caller's: whatever one raises, the rest goes on
            failed.append((place, _reason(error)))
    return tensor, kept, failed


def _by_helper(
    helpers: ProcessPoolExecutor, pictures: Sequence[Picture], rules: Preprocess, max_pixels: int
) -> Prepared:
    try:
        return helpers.submit(_prepared_by_rules, pictures, rules, max_pixels).result()
    except BrokenProcessPool:
        # One was killed: whoever tries again gets new ones.
        decoding_processes.cache_clear()
        raise


def _prepared_by_rules(pictures: Sequence[Picture], rules: Preprocess, max_pixels: int) -> Prepared:
    """The same in a process that has no network."""
    return _prepared(pictures, (3, *rules.size), partial(_by_rules, rules), max_pixels)


def _by_rules(rules: Preprocess, out: NDArray[np.float32], image: Image.Image, box: Box | None) -> None:
    prepare_into(out, image, box, rules)


def _can_be_sent(pictures: Sequence[Picture]) -> bool:
    return not any(callable(picture.source) for picture in pictures)


@lru_cache(maxsize=1)
def decoding_processes(count: int) -> ProcessPoolExecutor:
    """Processes that only decode, kept for the next chunk. Begun anew and not forked: a fork after CUDA is broken."""
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_end_with, initargs=(os.getpid(),))


def _end_with(parent: int) -> None:
    """When the worker is killed, its helpers end too. (The kernel's own signal for this follows a thread's death.)"""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _decoded(picture: Picture, max_pixels: int) -> Image.Image:
    source = picture.source() if callable(picture.source) else picture.source
    return open_rgb(source, max_pixels=max_pixels)


def _reason(error: Exception) -> str:
    if isinstance(error, BadPicture):
        return f"{error.reason}: {error}"
    if isinstance(error, EmptyBox):
        return f"empty-box: {error}"
    return f"unreadable: {error or type(error).__name__}"


def _parts(batch: range, step: int) -> list[range]:
    return [batch[start : start + step] for start in range(0, len(batch), step)]


def _joined(passes: Sequence[Batch]) -> Batch:
    return Batch(
        np.concatenate([one.indices for one in passes]),
        {tap: np.concatenate([one.vectors[tap] for one in passes]) for tap in passes[0].vectors},
        [failure for one in passes for failure in one.failures],
    )
