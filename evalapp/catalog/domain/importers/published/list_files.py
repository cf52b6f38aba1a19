"""The text files of the DeepFashion family: a number of rows, the names of the columns, rows padded with blanks.

Cells are told apart by runs of blanks, never by one blank or a fixed width; Windows line ends and empty lines at the
end are fine. Files are joined by the paths in them, never line by line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from evalapp.catalog.domain.importers.importer_base import RowFault
from evalapp.core.domain.errors import InvalidInput


@dataclass(slots=True)
class Listing:
    """One such file. `header` is False for the lists of item ids, which have no names of columns.

    `faults` fills while it is read: a wrong number of rows, and whatever the reader adds.
    """

    path: Path
    header: bool = True
    faults: list[RowFault] = field(default_factory=list)

    @property
    def declared_count(self) -> int | None:
        """The number of rows that the first line names; None where it is no number."""
        with self._open_text() as file:
            return _parse_count(file.readline())

    def lines(self) -> Iterator[tuple[int, str]]:
        """The number of each line in the file, and the line; the first two and empty ones left out."""
        count, declared = 0, self.declared_count
        before = (declared is not None) + self.header
        with self._open_text() as file:
            for number, line in enumerate(file, start=1):
                if number > before and not line.isspace():
                    count += 1
                    yield number, line
        if declared is None:
            self.add_warning(1, "wrong-count", "The first line should be the number of rows.")
        elif count != declared:
            self.add_warning(1, "wrong-count", f"The first line says {declared:,} rows; there are {count:,}.")

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The number of each line and its cells."""
        for number, line in self.lines():
            yield number, line.split()

    def add_warning(self, line: int, code: str, message: str) -> None:
        """Note what is wrong with a line that leaves no picture out."""
        self.faults.append(RowFault(line, self.path.name, code, message, left_out=False))

    def _open_text(self) -> TextIO:
        try:
            return self.path.open(encoding="utf-8-sig", errors="surrogateescape")
        except OSError as error:
            raise InvalidInput(f"{self.path} cannot be read: {error.strerror}.") from error


class PathIndex:
    """The place of each path among those given, in eight bytes each: files of other orders are joined by it."""

    def __init__(self, paths: Iterable[str]) -> None:
        hashes = np.fromiter((_hash_path(path) for path in paths), dtype=np.uint64)
        self._order = np.argsort(hashes, kind="stable")
        self._sorted = hashes[self._order]

    def __len__(self) -> int:
        return len(self._sorted)

    def find_path(self, path: str) -> int:
        """The place of the path, the first one where it was given twice; -1 where it was not given."""
        value = np.uint64(_hash_path(path))
        position = int(np.searchsorted(self._sorted, value))
        return int(self._order[position]) if position < len(self._sorted) and self._sorted[position] == value else -1


def numbers_by_path(listing: Listing, index: PathIndex, width: int, *, first: int = 1) -> NDArray[np.int32]:
    """Whole numbers [paths, width] from the cells `first` … of each row, whose first cell is the path.

    A row that is not there, or broken, leaves -1s. Numbers may have leading zeros.
    """
    numbers = np.full((len(index), width), -1, dtype=np.int32)
    unlisted = 0
    for number, cells in listing.rows():
        values = _whole_numbers(cells[first : first + width])
        if values is None or len(values) != width:
            listing.add_warning(number, "broken-row", f"The row should have {width} whole numbers; it was passed over.")
            continue
        position = index.find_path(cells[0])
        if position < 0:
            unlisted += 1
        else:
            numbers[position] = values
    warn_of_unlisted(listing, unlisted)
    return numbers


def warn_of_unlisted(listing: Listing, count: int) -> None:
    """Say in one line how many rows name pictures that the main list does not."""
    if count:
        listing.add_warning(0, "unlisted", f"{count:,} rows name pictures that the main list does not have.")


def _hash_path(path: str) -> int:
    return int.from_bytes(blake2b(path.encode("utf-8", "surrogateescape"), digest_size=8).digest())


def _parse_count(line: str) -> int | None:
    text = line.strip()
    return int(text, 10) if text.isdecimal() else None


def _whole_numbers(cells: Sequence[str]) -> list[int] | None:
    try:
        values = [int(cell, 10) for cell in cells]
    except ValueError:
        return None
    return values if all(abs(value) < 2**31 for value in values) else None
