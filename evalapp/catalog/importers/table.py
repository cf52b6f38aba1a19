"""A CSV file with a row per picture, streamed."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from evalapp.catalog.importers.base import Record, RowFault
from evalapp.catalog.importers.boxes import parse_box
from evalapp.catalog.importers.texts import unstorable
from evalapp.core.errors import InvalidInput

_TEXTS = ("category", "product", "domain", "split")
_CORNERS = ("x1", "y1", "x2", "y2")
FIELDS = ("path", "key", *_TEXTS, *_CORNERS)
"""What `--map` can name. A column that bears a field's name needs no map."""
_ALSO_PATH = ("image", "file", "filename", "image_path", "picture")
"""What other programs call the column of pictures; the first that is there counts where none is called path."""

_DELIMITERS = ",;\t"
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_LONGEST_HEADER = 1 << 20


class _Malformed(Exception):
    """A row that cannot be a record."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where in a row each field stands, and which columns are attributes."""

    width: int
    fields: Mapping[str, int]
    attributes: Mapping[str, int]


class TableSource:
    """The rows of a CSV file, UTF-8, with a header. Paths lead from the file's own folder.

    Commas, semicolons and tabs are told apart by the header. `mapping` gives the column of a field.
    """

    def __init__(self, path: Path, mapping: Mapping[str, str]) -> None:
        if not path.is_file():
            raise InvalidInput(f"{path} is not a CSV file." if path.exists() else f"There is no file {path}.")
        self.file = path
        self.root = path.parent.resolve()
        header, self._delimiter = _read_header(path)
        self._columns = _assign(header, mapping)

    def count(self) -> int:
        with self.file.open("rb") as file:
            lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        return max(lines - 1, 0)

    def rows(self) -> Iterator[Record | RowFault]:
        # A byte that is not UTF-8 comes in as a lone surrogate, so that only its own row is refused.
        with self.file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, delimiter=self._delimiter)
            next(reader)
            while True:
                line = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield RowFault(
                        line, "", "malformed-row", f"The row cannot be read ({error}); is a quote left open?"
                    )
                    continue
                if any(cells):
                    yield from self._read(line, cells)

    def _read(self, row: int, cells: list[str]) -> Iterator[Record | RowFault]:
        path = ""
        try:
            cells = self._checked(cells)
            path = self._cell(cells, "path").strip()
            if not path:
                raise _Malformed("no-path", "The row names no picture.")  # noqa: TRY301 - one place tells all faults
        except _Malformed as fault:
            yield RowFault(row, path, fault.code, str(fault))
            return
        box = None
        try:
            box = parse_box([self._cell(cells, corner) for corner in _CORNERS])
        except ValueError as error:
            yield RowFault(row, path, "bad-box", f"{error} The whole picture was taken.", left_out=False)
        yield Record(
            row,
            path,
            key=self._cell(cells, "key").strip() or path,
            box=box,
            attributes={name: cells[place] for name, place in self._columns.attributes.items() if cells[place]},
            category=self._cell(cells, "category").strip(),
            product=self._cell(cells, "product").strip(),
            domain=self._cell(cells, "domain").strip(),
            split=self._cell(cells, "split").strip(),
        )

    def _checked(self, cells: list[str]) -> list[str]:
        """Exactly as many cells as the header has; programs like to leave out empty ones at the end."""
        width = self._columns.width
        if len(cells) > width and any(cells[width:]):
            raise _Malformed("too-many-cells", f"The row has {len(cells)} cells, the header {width}.")
        return cells[:width] + [""] * (width - len(cells))

    def _cell(self, cells: Sequence[str], field: str) -> str:
        place = self._columns.fields.get(field)
        return "" if place is None else cells[place]


def _read_header(path: Path) -> tuple[list[str], str]:
    """The names of the columns, and what stands between them."""
    try:
        with path.open("rb") as file:
            is_utf8 = file.read(2) not in _WIDE_MARKS
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            first = file.readline(_LONGEST_HEADER)
            delimiter = max(_DELIMITERS, key=first.count)
            header = next(csv.reader(chain([first], file), delimiter=delimiter), [])
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error
    except csv.Error as error:
        raise InvalidInput(f"The first row of {path} cannot be read ({error}); is it a CSV file?") from error
    if not is_utf8 or unstorable("".join(header)):
        raise InvalidInput(f"The first row of {path} is not UTF-8; save the file as CSV UTF-8.")
    if not any(header):
        raise InvalidInput(f"{path} has no header: its first row must name the columns.")
    return [name.strip() for name in header], delimiter


def _assign(header: list[str], mapping: Mapping[str, str]) -> _Columns:
    has = f"The file has the columns {', '.join(filter(None, header))}."
    doubled = sorted({name for name in header if name and header.count(name) > 1})
    if doubled:
        raise InvalidInput(f"Two columns bear the name {doubled[0]!r}; rename one. {has}")
    for field, column in mapping.items():
        if field not in FIELDS:
            raise InvalidInput(f"--map knows no field {field!r}; it knows {', '.join(FIELDS)}.")
        if column not in header:
            raise InvalidInput(f"--map {field}={column}: there is no such column. {has}")
    fields = {field: header.index(column) for field, column in mapping.items()}
    for field in FIELDS:
        if field not in fields and field in header and header.index(field) not in fields.values():
            fields[field] = header.index(field)
    if "path" not in fields:
        free = [name for name in _ALSO_PATH if name in header and header.index(name) not in fields.values()]
        if not free:
            raise InvalidInput(f"No column says where the pictures are; add --map path=COLUMN. {has}")
        fields["path"] = header.index(free[0])
    used = set(fields.values())
    attributes = {name: place for place, name in enumerate(header) if name and place not in used}
    return _Columns(len(header), fields, attributes)
