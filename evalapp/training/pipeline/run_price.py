"""What a run took: seconds over all its attempts, the device, the pictures, and the price where an hour has one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_FILE = "spent.json"


class Meter:
    """Seconds that a run was worked on, kept in its folder: what an attempt took that was killed counts as well, up to
    its last epoch."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = folder / _FILE, clock
        self._before, self._begun = _read_seconds(self._path), clock()

    @property
    def seconds(self) -> float:
        """So far, with what earlier attempts noted."""
        return self._before + self._clock() - self._begun

    def note_seconds(self) -> None:
        """Write down how many they are."""
        draft = self._path.with_name(f".{_FILE}")
        draft.write_text(json.dumps({"seconds": self.seconds}), encoding="utf-8")
        draft.replace(self._path)


def price_of(seconds: float, device: str, card: dict[str, Any], per_hour: float) -> dict[str, Any]:
    """What a run's card says of its price; `cost` is None where an hour has none."""
    parts = card.get("data", {}).get("pictures")
    return {
        "seconds": round(seconds, 1),
        "device": device,
        "pictures": sum(parts.values()) if parts else None,
        "per_hour": per_hour or None,
        "cost": round(per_hour * seconds / 3600, 4) if per_hour else None,
    }


def _read_seconds(path: Path) -> float:
    try:
        return float(json.loads(path.read_text(encoding="utf-8"))["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0
