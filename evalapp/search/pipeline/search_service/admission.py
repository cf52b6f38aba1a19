"""Who is let in: only as many questions as can be answered before those who ask give up."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Semaphore
from time import monotonic

from evalapp.search.domain.search_problems import Overloaded

_RECENT = 50
_WEIGHT = 0.1


class Gate:
    """Lets `lanes` questions be computed at once and as many wait as can be answered in time.

    The expected wait is the line before a question times the recent time of an answer. A question that cannot be
    answered in time is refused at once, and one whose time ran out while it waited is dropped before any work is done.
    """

    def __init__(self, lanes: int) -> None:
        self._lanes = lanes
        self._free = Semaphore(lanes)
        self._lock = Lock()
        self._inside = 0
        self._usual = 0.0
        self._latencies: deque[float] = deque(maxlen=_RECENT)

    @contextmanager
    def admitted(self, seconds_left: float) -> Iterator[None]:
        """The block is one answer; raises Overloaded where it would come too late."""
        arrived = monotonic()
        with self._lock:
            rounds = self._inside // self._lanes + 1
            if rounds * self._usual > seconds_left:
                raise self._overloaded()
            self._inside += 1
        try:
            if not self._free.acquire(timeout=max(0.0, seconds_left - self._usual)):
                raise self._overloaded()
            try:
                begun = monotonic()
                yield
                self._learn(monotonic() - begun, monotonic() - arrived)
            finally:
                self._free.release()
        finally:
            with self._lock:
                self._inside -= 1

    @property
    def latencies(self) -> list[float]:
        """Milliseconds from arrival to answer of the newest answers, the newest last."""
        with self._lock:
            return [round(1000 * seconds, 2) for seconds in self._latencies]

    def _learn(self, worked: float, took: float) -> None:
        with self._lock:
            self._usual = worked if not self._usual else (1 - _WEIGHT) * self._usual + _WEIGHT * worked
            self._latencies.append(took)

    def _overloaded(self) -> Overloaded:
        return Overloaded("More is being searched than can be answered in time; try again in a few seconds.")
