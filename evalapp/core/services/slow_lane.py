"""Threads of their own for requests that wait for another process: those that do not never stand behind them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from time import monotonic
from typing import TypeVar

_WEIGHT = 0.1
"""Of the newest answer in the running mean of their times."""
_T = TypeVar("_T")


class SlowLane:
    """Takes what can begin within `seconds`: what waits before it, times the recent time of an answer."""

    def __init__(self, threads: int, seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self._threads = threads
        self._seconds = seconds
        self._clock = clock
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="slow-lane")
        self._lock = Lock()
        self._inside = 0
        self._usual = 0.0

    @property
    def is_full(self) -> bool:
        """Whether one more would wait longer than whoever asks."""
        with self._lock:
            # So many have to end before one more begins.
            waiting = max(0, self._inside - self._threads + 1)
            return waiting * self._usual / self._threads > self._seconds

    def submit(self, work: Callable[[], _T]) -> Future[_T]:
        """Do this as soon as a thread is free."""
        with self._lock:
            self._inside += 1
        return self._pool.submit(self._run_timed, work)

    def close(self) -> None:
        """Take nothing more."""
        self._pool.shutdown(wait=False)

    def _run_timed(self, work: Callable[[], _T]) -> _T:
        begun = self._clock()
        try:
            return work()
        finally:
            took = self._clock() - begun
            with self._lock:
                self._inside -= 1
                self._usual = took if not self._usual else (1 - _WEIGHT) * self._usual + _WEIGHT * took
