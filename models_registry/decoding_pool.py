"""Pictures decoded by processes of their own, into memory that they share with the one that computes.

What crosses from one process to another is a name and a few numbers. A pass of 256 pictures as float32 is 154 MB, and
sent through a pipe it took longer than decoding; as 8-bit pixels in shared memory it is 39 MB and sent by nobody. They
become float32 where they are looked at: on the device, if the encoder takes pixels.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models_registry.pictures import BadPicture, open_rgb
from models_registry.preprocess import pixels_into
from models_registry.spec import EmptyBox

if TYPE_CHECKING:
    from PIL import Image

    from models_registry.spec import Box, Preprocess

Source = Path | bytes | Callable[[], bytes]
Prepared = tuple[NDArray[Any], list[int], list[tuple[int, str]]]
"""Pictures [n, 3, height, width] ready to be encoded, their places among those asked for, and the failures' reasons."""


@dataclass(frozen=True, slots=True)
class Unfetched:
    """What a source could not be fetched for: a picture that failed before it was seen."""

    reason: str


SLICE = 16
"""Pictures that one process decodes at a time: a pass is decoded by all of them at once."""


class SharedPasses:
    """Room for so many passes of so many pictures each. Close it when they have been looked at."""

    def __init__(self, processes: ProcessPoolExecutor, rules: Preprocess, pass_size: int, count: int) -> None:
        self._processes = processes
        self._rules = rules
        self._shape = (pass_size, 3, *rules.size)
        self._blocks = [SharedMemory(create=True, size=int(np.prod(self._shape))) for _ in range(count)]
        self._free: SimpleQueue[SharedMemory] = SimpleQueue()
        for block in self._blocks:
            self._free.put(block)

    def decode_pass(
        self, sources: Sequence[Path | bytes | Unfetched], boxes: Sequence[Box | None], max_pixels: int
    ) -> Prepared:
        """The pixels, uint8, of one pass. Waits where all rooms are taken; raises BrokenProcessPool where a process
        was killed."""
        block = self._free.get()
        try:
            slices = [slice(start, start + SLICE) for start in range(0, len(sources), SLICE)]
            futures = [
                self._processes.submit(
                    _fill_rows, block.name, self._shape, part.start, sources[part], boxes[part], self._rules, max_pixels
                )
                for part in slices
            ]
            failed = [failure for future in futures for failure in future.result()]
            failed_positions = {place for place, _ in failed}
            decoded = [place for place in range(len(sources)) if place not in failed_positions]
            # A copy: the room is filled anew by the next pass.
            return np.ndarray(self._shape, np.uint8, block.buf)[decoded], decoded, failed
        except BrokenProcessPool:
            # Whoever tries again gets new ones.
            decoding_processes.cache_clear()
            raise
        finally:
            self._free.put(block)

    def close(self) -> None:
        """Give the memory back."""
        for block in self._blocks:
            block.close()
            block.unlink()


@contextmanager
def shared_passes(
    processes: ProcessPoolExecutor, rules: Preprocess, pass_size: int, count: int
) -> Iterator[SharedPasses]:
    """Room for passes, until the block ends."""
    shared = SharedPasses(processes, rules, pass_size, count)
    try:
        yield shared
    finally:
        shared.close()


@lru_cache(maxsize=1)
def decoding_processes(count: int) -> ProcessPoolExecutor:
    """Processes that only decode, kept for the next chunk. Begun anew and not forked: a fork after CUDA is broken."""
    return ProcessPoolExecutor(
        count, mp_context=get_context("spawn"), initializer=_end_with_parent, initargs=(os.getpid(),)
    )


def fetch_sources(sources: Sequence[Source], threads: ThreadPoolExecutor) -> list[Path | bytes | Unfetched]:
    """The sources with what their callables gave, or why they gave nothing; all are called at once, in threads."""
    futures = {position: threads.submit(source) for position, source in enumerate(sources) if callable(source)}
    contents: list[Path | bytes | Unfetched] = [b"" if callable(source) else source for source in sources]
    for position, future in futures.items():
        try:
            contents[position] = future.result()
        except Exception as error:  # sources are the caller's: whatever one raises, the rest goes on
            contents[position] = Unfetched(reason_of(error))
    return contents


def decode_source(source: Path | bytes | Unfetched, max_pixels: int) -> Image.Image:
    """The picture of a source as plain RGB; raises BadPicture, and NotFetched for one that could not be fetched."""
    if isinstance(source, Unfetched):
        raise NotFetched(source.reason)
    return open_rgb(source, max_pixels=max_pixels)


class NotFetched(Exception):
    """A source gave no bytes; the message is a reason as `reason_of` writes it."""


def reason_of(error: Exception) -> str:
    """Why a picture has no vector: a short code, a colon, and a line for people."""
    if isinstance(error, NotFetched):
        return str(error)
    if isinstance(error, BadPicture):
        return f"{error.reason}: {error}"
    if isinstance(error, EmptyBox):
        return f"empty-box: {error}"
    return f"unreadable: {error or type(error).__name__}"


@lru_cache(maxsize=8)
def _attach_memory(name: str) -> SharedMemory:
    return SharedMemory(name)


def _fill_rows(
    name: str, shape: tuple[int, ...], first: int, sources: Sequence[Path | bytes | Unfetched],
    boxes: Sequence[Box | None], rules: Preprocess, max_pixels: int,
) -> list[tuple[int, str]]:  # fmt: skip
    """Decode pictures into their rows of a room, in a process that has no network; places and reasons of failures."""
    rows = np.ndarray(shape, np.uint8, _attach_memory(name).buf)
    failed = []
    for position, (source, box) in enumerate(zip(sources, boxes, strict=True), first):
        try:
            pixels_into(rows[position], decode_source(source, max_pixels), box, rules)
        except Exception as error:  # sources are the caller's: whatever one raises, the rest goes on
            failed.append((position, reason_of(error)))
    return failed


def _end_with_parent(parent: int) -> None:
    """When the worker is killed, its helpers end too. (The kernel's own signal for this follows a thread's death.)"""

    def watch_parent() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch_parent, daemon=True).start()
