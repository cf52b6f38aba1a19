"""A caller that stops asking what does not answer, and tries again after a while."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from time import monotonic

MOST_FAILURES = 5
REST_SECONDS = 5.0


class CircuitBreaker:
    """After some failures in a row nothing is asked for a while; then one call is let through to see."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._closed_until = 0.0
        self._lock = Lock()

    def may_ask(self) -> bool:
        """Whether a call is worth its time now."""
        with self._lock:
            if self._failures < MOST_FAILURES:
                return True
            if self._clock() < self._closed_until:
                return False
            # One looks whether it is back; the others go on without.
            self._closed_until = self._clock() + REST_SECONDS
            return True

    def note_success(self) -> None:
        """It answered."""
        with self._lock:
            self._failures = 0

    def note_failure(self) -> None:
        """It did not."""
        with self._lock:
            self._failures += 1
            if self._failures >= MOST_FAILURES:
                self._closed_until = self._clock() + REST_SECONDS
