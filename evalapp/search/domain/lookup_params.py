"""What is asked of the search service and what it says, and how both travel: JSON, and bytes behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from evalapp.core.domain.errors import InvalidInput

MOST_ANSWERS = 200
USUAL_ANSWERS = 24
SPARE_ANSWERS = 20
"""So many more are asked for than are shown: some may have left the catalogue a moment ago."""

Box = tuple[int, int, int, int]


def corners_of(text: str | None) -> Box | None:
    """`x1,y1,x2,y2` as a command takes it, None where nothing is given; raises InvalidInput."""
    if not text:
        return None
    try:
        x1, y1, x2, y2 = (round(float(part)) for part in text.split(","))
    except (ValueError, OverflowError):
        raise InvalidInput("--box: write x1,y1,x2,y2 in pixels.") from None
    return x1, y1, x2, y2


@dataclass(frozen=True, slots=True)
class LookupParams:
    """One search. `kind` says what with: the `photo` behind the words, an `item`, `likes` of several, or a `vector`.

    `filters` are values per column, of which an item must have one. With `one_per_product`, only the nearest item of
    each product answers. `hide_product`: items of this product do not. `suggest`: say as well where in the photo the
    thing may be.
    """

    index: str
    kind: str
    k: int = USUAL_ANSWERS
    metric: str = ""
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    box: Box | None = None
    item: int | None = None
    like: Sequence[int] = ()
    unlike: Sequence[int] = ()
    one_per_product: bool = False
    hide_product: str = ""
    diversity: float = 0.0
    suggest: bool = False

    def to_message(self, blob: bytes = b"") -> bytes:
        """The words and the bytes that belong to them, as one message."""
        head = json.dumps(asdict(self), separators=(",", ":")).encode()
        return len(head).to_bytes(4, "big") + head + blob

    @classmethod
    def from_message(cls, message: bytes) -> tuple[LookupParams, bytes]:
        """What `packed` made; raises ValueError for anything else."""
        size = int.from_bytes(message[:4], "big")
        try:
            record = json.loads(message[4 : 4 + size])
            if record["box"] is not None:
                record["box"] = tuple(record["box"])
            return cls(**record), message[4 + size :]
        except (KeyError, TypeError, UnicodeDecodeError) as error:
            raise ValueError("This is no lookup.") from error


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the photo that may be meant, in its pixels; suggested, never forced.

    `by` says who suggests it: the `catalogue`, which has this very picture with that box; a `locator`; or the encoder's
    own `map`.
    """

    box: Sequence[int]
    score: float
    label: str
    by: str


@dataclass(frozen=True, slots=True)
class Found:
    """What the service says: items with their distances, nearest first, and what it answered from.

    `facets` are the numbers of items by value of each column, over all that the filters let through.
    """

    items: list[tuple[int, float]]
    generation: int
    change: int
    exact: bool
    facets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    guess: Mapping[str, Any] | None = None
    picture: tuple[int, int] | None = None
    regions: Sequence[Region] = ()

    def to_json(self) -> bytes:
        # Not by `asdict`, which copies every answer and every count.
        record = {one.name: getattr(self, one.name) for one in fields(self)}
        record["regions"] = [asdict(region) for region in self.regions]
        return json.dumps(record, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Found:
        record = json.loads(text)
        record["items"] = [(int(item), float(distance)) for item, distance in record["items"]]
        record["picture"] = tuple(record["picture"]) if record["picture"] else None
        record["regions"] = [Region(**region) for region in record["regions"]]
        return cls(**record)
