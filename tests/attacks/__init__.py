"""Attacks on the product as strangers would carry them out: each has to fail, and is seen to succeed without its guard.

A small form runs with the suite; `make attacks` (DON_ATTACKS=whole) runs them at full length. The table of what they
find stands in docs/voting.md.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

IS_WHOLE = os.environ.get("DON_ATTACKS") == "whole"
FOUND = Path(__file__).resolve().parents[2] / "build" / "attacks.json"


def note(attack: str, bound: str, found: str, *, whole: bool = IS_WHOLE) -> None:
    """Keep what an attack of full length found, for `python -m tests.attacks.table`."""
    if whole:
        lines = json.loads(FOUND.read_text(encoding="utf-8")) if FOUND.exists() else {}
        FOUND.parent.mkdir(exist_ok=True)
        FOUND.write_text(json.dumps({**lines, attack: [bound, found]}, indent=1), encoding="utf-8")


def sized(small: int, whole: int) -> int:
    """How much of something an attack uses: little within the suite."""
    return whole if IS_WHOLE else small
