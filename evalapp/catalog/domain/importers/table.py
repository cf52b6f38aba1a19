"""A CSV file with a row per picture, streamed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalapp.catalog.domain.importers.bounding_boxes import parse_box
from evalapp.catalog.domain.importers.importer_base import Record, RowFault
from evalapp.core.domain.csv_sheets import Sheet, SheetFault
from evalapp.core.domain.errors import InvalidInput

_TEXTS = ("category", "product", "domain", "split")
_CORNERS = ("x1", "y1", "x2", "y2")
FIELDS = ("path", "key", *_TEXTS, *_CORNERS)
"""What `--map` can name. A column that bears a field's name needs no map."""
_ALSO_PATH = ("image", "file", "filename", "image_path", "picture")
"""What other programs call the column of pictures; the first that is there counts where none is called path."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """Column numbers of the known fields, and the columns that are attributes."""

    fields: Mapping[str, int]
    attributes: Mapping[str, int]


class TableSource:
    """The rows of a CSV file as `Sheet` reads it. Paths lead from the file's own folder.

    `mapping` gives the column of a field.
    """

    def __init__(self, path: Path, mapping: Mapping[str, str]) -> None:
        self._sheet = Sheet(path)
        self.root = path.parent.resolve()
        self._columns = _assign_columns(self._sheet, mapping)

    def count(self) -> int:
        return self._sheet.count()

    def rows(self) -> Iterator[Record | RowFault]:
        for line_or_fault in self._sheet.lines():
            if isinstance(line_or_fault, SheetFault):
                yield RowFault(
                    line_or_fault.line, "", line_or_fault.code, line_or_fault.message, left_out=line_or_fault.left_out
                )
            else:
                yield from self._read_row(line_or_fault.line, line_or_fault.cells)

    def _read_row(self, row: int, cells: list[str]) -> Iterator[Record | RowFault]:
        path = self._cell_of_field(cells, "path").strip()
        if not path:
            yield RowFault(row, path, "no-path", "The row names no picture.")
            return
        box = None
        try:
            box = parse_box([self._cell_of_field(cells, corner) for corner in _CORNERS])
        except ValueError as error:
            yield RowFault(row, path, "bad-box", f"{error} The whole picture was taken.", left_out=False)
        yield Record(
            row,
            path,
            key=self._cell_of_field(cells, "key").strip() or path,
            box=box,
            attributes={name: cells[number] for name, number in self._columns.attributes.items() if cells[number]},
            category=self._cell_of_field(cells, "category").strip(),
            product=self._cell_of_field(cells, "product").strip(),
            domain=self._cell_of_field(cells, "domain").strip(),
            split=self._cell_of_field(cells, "split").strip(),
        )

    def _cell_of_field(self, cells: Sequence[str], field: str) -> str:
        number = self._columns.fields.get(field)
        return "" if number is None else cells[number]


def _assign_columns(sheet: Sheet, mapping: Mapping[str, str]) -> _Columns:
    has = f"The file has the columns {', '.join(filter(None, sheet.header))}."
    fields: dict[str, int] = {}
    for field, column in mapping.items():
        if field not in FIELDS:
            raise InvalidInput(f"--map knows no field {field!r}; it knows {', '.join(FIELDS)}.")
        number = sheet.column(column)
        if number is None:
            raise InvalidInput(f"--map {field}={column}: there is no such column. {has}")
        fields[field] = number
    for field in FIELDS:
        number = sheet.column(field)
        if field not in fields and number is not None and number not in fields.values():
            fields[field] = number
    if "path" not in fields:
        free = [number for name in _ALSO_PATH if (number := sheet.column(name)) not in {None, *fields.values()}]
        if not free or free[0] is None:
            raise InvalidInput(f"No column says where the pictures are; add --map path=COLUMN. {has}")
        fields["path"] = free[0]
    used = set(fields.values())
    attributes = {name: number for number, name in enumerate(sheet.header) if name and number not in used}
    return _Columns(fields, attributes)
