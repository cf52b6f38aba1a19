"""CSV files of operators, read row by row: columns by name, faults for rows that cannot be read."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalapp.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row by the names of its columns, without blanks around; `line` is where it stands in the file, from 1."""

    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


class Sheet:
    """A CSV file, UTF-8, with a header that must name the columns `needed`; others may stand beside them."""

    def __init__(self, path: Path, needed: Sequence[str]) -> None:
        if not path.is_file():
            raise InvalidInput(f"{path} is not a file." if path.exists() else f"There is no file {path}.")
        self.path = path
        header = next(self._lines(), (1, []))[1]
        missing = [name for name in needed if name not in header]
        if missing:
            has = ", ".join(header) or "nothing"
            raise InvalidInput(f"{path.name} lacks the column {missing[0]}; its first row names {has}.")
        self._header = header

    def count(self) -> int:
        """About how many rows there are, for the progress bar."""
        with self.path.open("rb") as file:
            lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        return max(lines - 1, 0)

    def rows(self) -> Iterator[SheetRow]:
        """Every row that is not empty, streamed."""
        lines = self._lines()
        next(lines)
        for line, cells in lines:
            if any(cells):
                yield SheetRow(line, dict(zip(self._header, cells, strict=False)))

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file)
                for cells in reader:
                    yield reader.line_num, [cell.strip() for cell in cells]
        except OSError as error:
            raise InvalidInput(f"{self.path} cannot be read: {error.strerror}.") from error
        except (UnicodeDecodeError, csv.Error) as error:
            raise InvalidInput(f"{self.path} is not a CSV file in UTF-8 ({error}).") from error
