"""What every importer gives: records, and faults for the rows that are not records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from evalapp.catalog.domain.importers.bounding_boxes import RawBox


@dataclass(frozen=True, slots=True)
class Record:
    """One picture as a data set describes it; nothing has been looked at yet.

    `row` is the line of the file that lists the pictures, or the number of the file in a folder, from 1.
    `path` leads from the source's root to the picture. The box is in pixels of the picture as displayed; `unrotated`
    boxes were drawn on the pixels as stored, before a camera's turning. `flag` is a reason why the data set itself
    calls the picture misleading, such as `back view`.
    """

    row: int
    path: str
    key: str
    category: str = ""
    product: str = ""
    domain: str = ""
    split: str = ""
    box: RawBox | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    unrotated: bool = False
    flag: str = ""


@dataclass(frozen=True, slots=True)
class RowFault:
    """What is wrong with a row: a stable `code` for counting, one line for a person.

    `left_out` is False for a warning: the picture goes in all the same.
    """

    row: int
    path: str
    code: str
    message: str
    left_out: bool = True


class Source(Protocol):
    """A data set in one of the known formats. Made with invalid values, it raises InvalidInput at once."""

    root: Path

    def count(self) -> int:
        """About how many rows there are, for the progress bar: cheap, need not be exact."""

    def rows(self) -> Iterator[Record | RowFault]:
        """Every row in a fixed order, streamed: memory does not grow with their number."""
