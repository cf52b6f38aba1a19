"""Locks that the kernel lets go of when their process dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class ProcessLock:
    """`flock` on a file. A forked child shares its parent's hold; an exec'd program does not."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def hold_shared(self) -> None:
        """Hold together with others; waits while somebody holds it alone."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def hold_alone(self) -> None:
        """Hold alone; waits until everybody else has let go."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def try_hold_alone(self) -> bool:
        """Hold alone if nobody else holds it; never waits."""
        return self._try_hold(fcntl.LOCK_EX)

    def try_hold_shared(self) -> bool:
        """Hold together with others unless somebody holds it alone; never waits."""
        return self._try_hold(fcntl.LOCK_SH)

    def _try_hold(self, kind: int) -> bool:
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Let go."""
        os.close(self._descriptor)


@contextmanager
def owned_lock(path: Path) -> Iterator[None]:
    """The lock at `path`, held alone for the length of the block."""
    lock = ProcessLock(path)
    try:
        lock.hold_alone()
        yield
    finally:
        lock.close()


def is_held_alone(path: Path) -> bool:
    """Whether a living process holds the lock at `path` alone. Those who only look do not take each other for it."""
    return _would_fail(path, ProcessLock.try_hold_shared)


def is_held(path: Path) -> bool:
    """Whether any living process holds the lock at `path`."""
    return _would_fail(path, ProcessLock.try_hold_alone)


def _would_fail(path: Path, attempt: Callable[[ProcessLock], bool]) -> bool:
    if not path.exists():
        return False
    lock = ProcessLock(path)
    try:
        return not attempt(lock)
    finally:
        lock.close()
