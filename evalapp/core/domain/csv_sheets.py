"""CSV files as people and programs write them, read row by row in one way, whatever they hold."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from evalapp.core.domain.errors import InvalidInput
from evalapp.core.domain.values.storable_texts import is_missing, why_unstorable

_DELIMITERS = ",;\t"
_LONGEST_HEADER = 1 << 20
_FOREIGN = {
    b"PK\x03\x04": "is an Excel workbook or an archive",
    b"\xd0\xcf\x11\xe0": "is an Excel workbook",
    b"\x1f\x8b": "is compressed",
    b"PAR1": "is a Parquet file",
    b"\xff\xfe": "is UTF-16, not UTF-8",
    b"\xfe\xff": "is UTF-16, not UTF-8",
}


@dataclass(frozen=True, slots=True)
class SheetFault:
    """What is wrong with a row: `line` is where it begins in the file, from 1; `code` is stable, `message` one line.

    `left_out` is False for a warning: the row itself follows.
    """

    line: int
    code: str
    message: str
    left_out: bool = True


@dataclass(frozen=True, slots=True)
class SheetLine:
    """The cells of a row as they are written, as many as the header has."""

    line: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row by the names of its columns in small letters, without blanks around."""

    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


class Sheet:
    """A CSV file, UTF-8, with a header that must name the columns `needed`; others may stand beside them.

    Commas, semicolons and tabs are told apart by the header; a first line `sep=;`, as Excel writes it, is no row.
    Capitals in names of columns do not count. Every row that is there comes out, as a row or as a fault.
    """

    def __init__(self, path: Path, needed: Sequence[str] = ()) -> None:
        if not path.is_file():
            raise InvalidInput(f"{path.name} is not a CSV file." if path.exists() else f"There is no file {path}.")
        self.path = path
        self._skipped = 0
        self.header, self._dialect = self._read_header()
        missing = [name for name in needed if self.column(name) is None]
        if missing:
            raise InvalidInput(
                f"{path.name} lacks the column {missing[0]}; its first row names {self._column_names()}."
            )

    def count(self) -> int:
        """About how many rows there are, for the progress bar."""
        with self.path.open("rb") as file:
            lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        return max(lines - 1 - self._skipped, 0)

    def column(self, name: str) -> int | None:
        """Number of the column with this name; an exact match wins over one in other capitals."""
        if name in self.header:
            return self.header.index(name)
        folded = [column.casefold() for column in self.header]
        return folded.index(name.casefold()) if name.casefold() in folded else None

    def rows(self) -> Iterator[SheetRow | SheetFault]:
        """Every row that is not empty, streamed."""
        names = [name.casefold() for name in self.header]
        for line_or_fault in self.lines():
            if isinstance(line_or_fault, SheetFault):
                yield line_or_fault
            elif fault := why_unstorable("".join(line_or_fault.cells)):
                yield SheetFault(line_or_fault.line, *fault)
            else:
                yield SheetRow(
                    line_or_fault.line,
                    {name: cell.strip() for name, cell in zip(names, line_or_fault.cells, strict=True)},
                )

    def lines(self) -> Iterator[SheetLine | SheetFault]:
        """The same by place, and as written: bytes that are not UTF-8 are lone surrogates."""
        with self._open_text() as file:
            source = _PhysicalLines(file)
            records = csv.reader(source, strict=True, **self._dialect)
            for _ in range(self._skipped):
                source.skip_line()
            next(csv.reader(source, **self._dialect))
            while True:
                source.begin_row()
                try:
                    cells = next(records)
                except StopIteration:
                    return
                except csv.Error:
                    yield from self._line_by_itself(source)
                    continue
                if len(source.taken) > 1 and self._too_long(cells):
                    # Two quotes that were left open have found each other; what lies between them are rows.
                    yield from self._line_by_itself(source)
                elif any(cell.strip() for cell in cells):
                    yield from self._check_record(source, cells)

    def _check_record(self, source: _PhysicalLines, cells: list[str]) -> Iterator[SheetLine | SheetFault]:
        if self._too_long(cells):
            message = f"The row has {len(cells)} cells, the header {len(self.header)}; is a quote missing?"
            yield SheetFault(source.row_line, "too-many-cells", message)
            return
        if len(source.taken) > 1 and self._holds_rows(source.taken):
            message = f"A cell goes on for {len(source.taken)} lines that look like rows; is a quote left open?"
            yield SheetFault(source.row_line, "rows-in-a-cell", message, left_out=False)
        yield self._pad_cells(source.row_line, cells)

    def _line_by_itself(self, source: _PhysicalLines) -> Iterator[SheetLine | SheetFault]:
        """The first line of what cannot be read as a row; the lines after it are given back and read anew."""
        line, text = source.row_line, source.taken[0]
        source.give_back()
        try:
            # A quote in the middle of a cell is no harm as long as the row ends with its line.
            records = list(csv.reader([text, "end"], **self._dialect))
        except csv.Error:
            records = []
        if len(records) == 2 and not self._too_long(records[0]):
            yield self._pad_cells(line, records[0])
        elif len(records) == 2:
            yield SheetFault(
                line, "too-many-cells", f"The row has {len(records[0])} cells, the header {len(self.header)}."
            )
        else:
            yield SheetFault(line, "malformed-row", "The row cannot be read; is a quote left open?")

    def _holds_rows(self, taken: Sequence[str]) -> bool:
        """Whether all that follows the first line of a row would be rows by themselves."""
        width = len(self.header)
        return width > 1 and all(
            len(next(csv.reader([text.replace('"', "")], **self._dialect), [])) == width for text in taken[1:]
        )

    def _too_long(self, cells: Sequence[str]) -> bool:
        """More cells than the header has; programs like to add empty ones at the end."""
        return len(cells) > len(self.header) and any(cells[len(self.header) :])

    def _pad_cells(self, line: int, cells: list[str]) -> SheetLine:
        width = len(self.header)
        return SheetLine(line, cells[:width] + [""] * (width - len(cells)))

    def _open_text(self) -> TextIO:
        return self.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")

    def _column_names(self) -> str:
        return ", ".join(filter(None, self.header)) or "nothing"

    def _read_header(self) -> tuple[list[str], dict[str, Any]]:
        """The names of the columns, and how the file is written."""
        name = self.path.name
        try:
            with self.path.open("rb") as raw:
                head = raw.read(4)
            with self._open_text() as file:
                first = file.readline(_LONGEST_HEADER)
                named_delimiter = _separator_line(first)
                if named_delimiter:
                    self._skipped = 1
                    first = file.readline(_LONGEST_HEADER)
                delimiter = named_delimiter or max(_DELIMITERS, key=first.count)
                header = next(csv.reader(chain([first], file), delimiter=delimiter), [])
        except OSError as error:
            raise InvalidInput(f"{name} cannot be read: {error.strerror}.") from error
        except csv.Error as error:
            raise InvalidInput(f"The first row of {name} cannot be read ({error}); is it a CSV file?") from error
        for signature, what in _FOREIGN.items():
            if head.startswith(signature):
                raise InvalidInput(f"{name} {what}; save it as CSV UTF-8.")
        if why_unstorable("".join(header)):
            raise InvalidInput(f"The first row of {name} is not UTF-8; save the file as CSV UTF-8.")
        if not any(header):
            raise InvalidInput(f"{name} has no header: its first row must name the columns.")
        # Blanks after each comma of the header stand after those of the rows, too, before the quotes of cells.
        blanks = len(header) > 1 and all(cell.startswith(" ") for cell in header[1:])
        header = [cell.strip() for cell in header]
        doubled = sorted({cell for cell in header if cell and header.count(cell) > 1})
        if doubled:
            has = ", ".join(filter(None, header))
            raise InvalidInput(f"Two columns bear the name {doubled[0]!r}; rename one. The file has the columns {has}.")
        return header, {"delimiter": delimiter, "skipinitialspace": blanks}


class _PhysicalLines:
    """Lines of a file for a CSV reader; those of the row at hand can be given back."""

    def __init__(self, file: Iterator[str]) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self._read = 0
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        text = self._again.popleft() if self._again else next(self._file)
        self._read += 1
        self.taken.append(text)
        return text

    @property
    def row_line(self) -> int:
        """Line on which the current row begins, from 1."""
        return self._read - len(self.taken) + 1

    def begin_row(self) -> None:
        """The next line is the first of a row."""
        self.taken = []

    def skip_line(self) -> None:
        """Pass over a line."""
        next(self)

    def give_back(self) -> None:
        """All lines of the row at hand but its first are read once more."""
        self._again.extendleft(reversed(self.taken[1:]))
        self._read -= len(self.taken) - 1
        self.taken = self.taken[:1]


def told_or_nothing(text: str) -> str:
    """A cell of numbers or moments: what programs write for nothing is nothing."""
    return "" if is_missing(text) else text


def _separator_line(first: str) -> str:
    """What `sep=;` names, as Excel writes it before the header; empty where the line is none of these."""
    marker = first.strip('\r\n\ufeff "')
    return marker[4] if marker.lower().startswith("sep=") and len(marker) == 5 else ""
