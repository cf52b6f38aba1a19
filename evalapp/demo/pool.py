"""Many processes, results in order, nobody left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Task], Result], tasks: Sequence[Task], processes: int | None = None
) -> Generator[Result, None, None]:
    """`work` of every task, in the order of the tasks; `work` must be importable by name.

    Uses one process per core unless told otherwise. Close the generator to drop what has not begun.
    """
    count = processes or os.cpu_count() or 1
    # A worker of a task queue is a daemonic process: it may not have children of its own.
    if count == 1 or multiprocessing.current_process().daemon:
        yield from map(work, tasks)
        return
    pool = ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"), initializer=_enter_worker)
    try:
        yield from pool.map(work, tasks, chunksize=2)
    finally:
        pool.shutdown(cancel_futures=True)


def _enter_worker() -> None:
    """A worker leaves Ctrl-C to its parent, and goes when the parent is gone, however that died."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
