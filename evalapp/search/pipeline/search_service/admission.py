"""Who is let in: only as many questions as can be answered before those who ask give up."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock
from time import monotonic

from evalapp.search.domain.search_problems import Overloaded

_RECENT = 50
_WEIGHT = 0.1


class Gate:
    """Lets `lanes` questions be computed at once and as many wait as can be answered in time, first come first served.
    A semaphore would let whoever comes at the right moment go ahead of the line.

    The expected wait is the line before a question times the recent time of an answer. A question that cannot be
    answered in time is refused at once, and one whose time ran out while it waited is dropped before any work is done.
    """

    def __init__(self, lanes: int) -> None:
        self._lanes = lanes
        self._free = lanes
        self._line: deque[Event] = deque()
        self._lock = Lock()
        self._inside = 0
        self._usual = 0.0
        self._latencies: deque[float] = deque(maxlen=_RECENT)

    @contextmanager
    def admit_question(self, seconds_left: float) -> Iterator[None]:
        """The block is one answer; raises Overloaded where it would come too late."""
        arrived = monotonic()
        with self._lock:
            rounds = self._inside // self._lanes + 1
            if rounds * self._usual > seconds_left:
                raise self._overload_problem()
            self._inside += 1
        try:
            if not self._take_lane(max(0.0, seconds_left - self._usual)):
                raise self._overload_problem()
            try:
                begun = monotonic()
                yield
                self._note_duration(monotonic() - begun, monotonic() - arrived)
            finally:
                self._free_lane()
        finally:
            with self._lock:
                self._inside -= 1

    @property
    def recent_latencies(self) -> list[float]:
        """Milliseconds from arrival to answer of the newest answers, the newest last."""
        with self._lock:
            return [round(1000 * seconds, 2) for seconds in self._latencies]

    def _take_lane(self, seconds: float) -> bool:
        """Whether a lane was free in time."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            turn = Event()
            self._line.append(turn)
        if turn.wait(seconds):
            return True
        with self._lock:
            if turn.is_set():
                # Handed over in the last moment.
                return True
            self._line.remove(turn)
            return False

    def _free_lane(self) -> None:
        with self._lock:
            if self._line:
                self._line.popleft().set()
            else:
                self._free += 1

    def _note_duration(self, worked: float, took: float) -> None:
        with self._lock:
            self._usual = worked if not self._usual else (1 - _WEIGHT) * self._usual + _WEIGHT * worked
            self._latencies.append(took)

    def _overload_problem(self) -> Overloaded:
        return Overloaded("More is being searched than can be answered in time; try again in a few seconds.")
