"""A data frame with the columns of open-metric-learning, as CSV or Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evalapp.catalog.domain.importers.bounding_boxes import RawBox, parse_box
from evalapp.catalog.domain.importers.data_set_files import no_mapping
from evalapp.catalog.domain.importers.importer_base import Record, RowFault
from evalapp.core.domain.csv_sheets import Sheet, SheetFault, told_or_nothing
from evalapp.core.domain.errors import InvalidInput

_NEEDED = ("label", "path", "split", "is_query", "is_gallery")
_CORNERS = ("x_1", "y_1", "x_2", "y_2")
_KNOWN = {*_NEEDED, *_CORNERS, "category", "sequence", "item_id", "attributes", "source"}
_SPLITS = {"train", "validation"}
_TRUE, _FALSE = {"true", "1", "1.0", "yes"}, {"false", "0", "0.0", "no"}
_ROWS = 4096


class OmlSource:
    """`path` is the file; paths of pictures lead from its folder.

    Columns `label`, `path`, `split` (train or validation), `is_query` and `is_gallery` (empty in train); optional
    `category`, `sequence`, and a box `x_1, x_2, y_1, y_2`: left, right, top, bottom. Beyond that we read `item_id`,
    `attributes` (JSON or `k=v;k=v`) and `source`, the domain. The label is the product; other columns and the roles
    in validation become attributes.
    """

    def __init__(self, path: Path, mapping: Mapping[str, str]) -> None:
        no_mapping("oml", mapping)
        if not path.is_file():
            raise InvalidInput(f"{path} is not a CSV or Parquet file.")
        self.root = path.parent.resolve()
        self._file = path
        missing = [name for name in _NEEDED if name not in self._column_names()]
        if missing:
            raise InvalidInput(f"{path} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}.")
        if 0 < sum(corner in self._column_names() for corner in _CORNERS) < len(_CORNERS):
            raise InvalidInput(f"{path} has some of x_1, x_2, y_1, y_2; a box needs all four.")

    def count(self) -> int:
        if self._is_parquet:
            import pyarrow.parquet

            return int(pyarrow.parquet.ParquetFile(self._file).metadata.num_rows)
        return Sheet(self._file).count()

    def rows(self) -> Iterator[Record | RowFault]:
        roles = _Roles()
        for number, cells in self._cells_of_rows():
            if isinstance(cells, SheetFault):
                yield RowFault(number, "", cells.code, cells.message, left_out=cells.left_out)
            else:
                yield from _records_of_row(number, cells, roles)
        yield from roles.gallery_faults()

    @property
    def _is_parquet(self) -> bool:
        return self._file.suffix.lower() in {".parquet", ".pq"}

    def _column_names(self) -> list[str]:
        if self._is_parquet:
            import pyarrow.parquet

            try:
                return list(pyarrow.parquet.ParquetFile(self._file).schema_arrow.names)
            except (OSError, ValueError) as error:
                raise InvalidInput(f"{self._file} is no Parquet file.") from error
        sheet = Sheet(self._file)
        return [_known_name(name) for name in sheet.header]

    def _cells_of_rows(self) -> Iterator[tuple[int, dict[str, str] | SheetFault]]:
        """The line of each row, and its cells as texts, empty where there is none, or why it cannot be read."""
        if self._is_parquet:
            import pyarrow.parquet

            number = 0
            for batch in pyarrow.parquet.ParquetFile(self._file).iter_batches(_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield number, {name: _cell_text(value) for name, value in row.items()}
            return
        sheet = Sheet(self._file)
        names = [_known_name(name) for name in sheet.header]
        for line_or_fault in sheet.lines():
            if isinstance(line_or_fault, SheetFault):
                yield line_or_fault.line, line_or_fault
            else:
                row = zip(names, line_or_fault.cells, strict=True)
                yield line_or_fault.line, {name: _cell_text(value) for name, value in row if name}


def _known_name(name: str) -> str:
    """A column's name as it is called here: capitals do not count in those that have a meaning."""
    return name.casefold() if name.casefold() in _KNOWN else name


@dataclass(slots=True)
class _Roles:
    """Which labels are asked for and which can be found, in validation."""

    query_labels: dict[str, int] = field(default_factory=dict)
    gallery_labels: set[str] = field(default_factory=set)

    def gallery_faults(self) -> Iterator[RowFault]:
        for label, number in self.query_labels.items():
            if label not in self.gallery_labels:
                message = f"The query's label {label} is not in the gallery: it can never be found."
                yield RowFault(number, "", "not-in-gallery", message, left_out=False)


def _records_of_row(number: int, cells: Mapping[str, str], roles: _Roles) -> Iterator[Record | RowFault]:
    path, label, split = cells["path"], cells["label"], cells["split"]
    if not path or not label or split not in _SPLITS:
        yield RowFault(number, path, "broken-row", "A row needs a path, a label, and train or validation as its split.")
        return
    try:
        query, gallery = _has_role(cells, "is_query", split), _has_role(cells, "is_gallery", split)
        attributes = _attributes_of_row(cells)
    except ValueError as error:
        yield RowFault(number, path, "broken-row", str(error))
        return
    if split == "validation" and not (query or gallery):
        message = "A row of validation must be a query, in the gallery, or both; it is neither."
        yield RowFault(number, path, "no-role", message, left_out=False)
    if query:
        roles.query_labels.setdefault(label, number)
    if gallery:
        roles.gallery_labels.add(label)
    box, fault = _box_of_row(number, cells)
    if fault is not None:
        yield fault
    attributes |= {name: "true" for name, holds in (("is_query", query), ("is_gallery", gallery)) if holds}
    attributes |= {name: value for name, value in cells.items() if value and (name not in _KNOWN or name == "sequence")}
    yield Record(
        number,
        path,
        key=cells.get("item_id") or (path if box is None else f"{path}#{','.join(f'{corner:g}' for corner in box)}"),
        category=cells.get("category", ""),
        product=label,
        domain=cells.get("source", ""),
        split=split,
        box=box,
        attributes=attributes,
    )


def _has_role(cells: Mapping[str, str], name: str, split: str) -> bool:
    text = cells[name].lower()
    if split == "train" and text:
        raise ValueError(f"{name} must be empty in train.")
    if text and text not in _TRUE | _FALSE:
        raise ValueError(f"{name} is true or false, not {cells[name]}.")
    return text in _TRUE


def _box_of_row(number: int, cells: Mapping[str, str]) -> tuple[RawBox | None, RowFault | None]:
    try:
        return parse_box([cells.get(corner, "") for corner in _CORNERS]), None
    except ValueError as error:
        message = f"{error} The whole picture was taken."
        return None, RowFault(number, cells["path"], "bad-box", message, left_out=False)


def _attributes_of_row(cells: Mapping[str, str]) -> dict[str, str]:
    text = cells.get("attributes", "")
    if text.lstrip().startswith("{"):
        try:
            return {str(name): _cell_text(value) for name, value in json.loads(text).items()}
        except ValueError:
            raise ValueError("attributes is no JSON object.") from None
    pairs: Sequence[list[str]] = [part.split("=", 1) for part in text.split(";") if part.strip()]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError("attributes is neither JSON nor k=v;k=v.")
    return {pair[0].strip(): pair[1].strip() for pair in pairs}


def _cell_text(value: object) -> str:
    """A cell as text; what pandas writes for nothing is nothing, and whole numbers stay whole."""
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value).strip()
    return told_or_nothing(text)
