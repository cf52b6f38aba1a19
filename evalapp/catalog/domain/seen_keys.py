"""Which keys a run has had already, in eight bytes each."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

_MOST_RECENT = 65_536
"""New keys wait in a set for so many: each merge sorts and copies all that there are."""


class SeenKeys:
    """A set of keys for millions of rows.

    It holds 64-bit hashes: among a million distinct keys, one is taken for another with a chance of 3 in 10⁸.
    """

    def __init__(self) -> None:
        self._sorted = np.empty(0, dtype=np.uint64)
        self._recent: set[int] = set()

    def add_key(self, key: str) -> bool:
        """Whether `key` is new; it is known from now on."""
        value = int.from_bytes(blake2b(key.encode(), digest_size=8).digest())
        if value in self._recent or self._is_sorted_in(value):
            return False
        self._recent.add(value)
        if len(self._recent) >= _MOST_RECENT:
            self._merge_recent()
        return True

    def _is_sorted_in(self, value: int) -> bool:
        position = int(np.searchsorted(self._sorted, np.uint64(value)))
        return position < len(self._sorted) and int(self._sorted[position]) == value

    def _merge_recent(self) -> None:
        recent = np.fromiter(self._recent, dtype=np.uint64, count=len(self._recent))
        self._sorted = np.union1d(self._sorted, recent)
        self._recent.clear()
