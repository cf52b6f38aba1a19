"""How much one address may ask of one web process: buckets in memory, gone when the process ends."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from time import monotonic

_MOST = 20_000


class Buckets:
    """One bucket per key, filled at an even rate up to what a minute brings."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, key: str, amount: float, per_minute: float) -> bool:
        """Whether there was enough; then it is taken. Keys not seen for longest are forgotten when there are many."""
        with self._lock:
            now = monotonic()
            amount_left, since = self._left.pop(key, (per_minute, now))
            amount_left = min(per_minute, amount_left + (now - since) * per_minute / 60)
            enough = amount_left >= amount
            self._left[key] = (amount_left - amount if enough else amount_left, now)
            while len(self._left) > _MOST:
                self._left.popitem(last=False)
        return enough


pairs_by_address = Buckets()
voters_by_address = Buckets()
sign_ins = Buckets()
