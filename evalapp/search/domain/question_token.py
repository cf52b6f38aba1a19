"""What was asked and shown, held by whoever asked, signed by us: nothing of a search is kept before it is answered."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core import signing

LASTS_SECONDS = 24 * 60 * 60
_SALT = "evalapp.search.question"


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer as it was shown. `propensity` is the probability with which it was; `team` is 1 or 2 in a live test."""

    item: int
    distance: float | None
    propensity: float = 1.0
    team: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """One search and what was shown for it, in its order."""

    index: int
    kind: str
    shown: Sequence[Shown]
    item: int | None = None
    generation: int = 0
    live_test: int | None = None
    token: uuid.UUID = field(default_factory=uuid.uuid4)

    def to_token(self) -> str:
        """The form in which it leaves the server."""
        rows = [[one.item, one.distance, one.propensity, one.team] for one in self.shown]
        parts = [self.token.hex, self.index, self.kind, self.item, self.generation, self.live_test, rows]
        return signing.dumps(parts, salt=_SALT, compress=True)


def read_question(signed: str) -> Question | None:
    """The question; None for a forgery, and for one that is too old."""
    try:
        parts: list[Any] = signing.loads(signed, salt=_SALT, max_age=LASTS_SECONDS)
    except signing.BadSignature:
        return None
    token, index, kind, item, generation, live_test, rows = parts
    shown = [Shown(*row) for row in rows]
    return Question(index, kind, shown, item, generation, live_test, uuid.UUID(token))
