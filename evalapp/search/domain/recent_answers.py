"""Answers that are dear to find and stay the same until the catalogue changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

_T = TypeVar("_T")


class RecentAnswers(Generic[_T]):
    """Keeps the `most` answers that were asked for last. What is not kept is found by one thread at a time: many who
    ask at once wait for each other instead of sharing out the database."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, _T] = OrderedDict()
        self._lock = Lock()
        self._finding = Lock()

    def get(self, key: Hashable, find: Callable[[], _T]) -> _T:
        """The answer kept under `key`, which names everything that it depends on, or else what `find` returns."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        with self._finding:
            with self._lock:
                if key in self._kept:
                    return self._kept[key]
            found = find()
            with self._lock:
                self._kept[key] = found
                if len(self._kept) > self._most:
                    self._kept.popitem(last=False)
        return found
