"""Files out of rows, a batch at a time: the same rows always give the same bytes."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalapp.exports.tables import Table

if TYPE_CHECKING:
    import pyarrow as pa

Row = tuple[Any, ...]
Writer = Callable[[Table, Iterable[Row], Path], int]

_BATCH = 10_000
"""Rows in memory at a time, and in one group of a parquet file."""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file of the export as the manifest lists it."""

    table: str
    file: str
    rows: int
    sha256: str


def write_table(table: Table, rows: Iterable[Row], folder: Path, kind: str) -> WrittenFile:
    """Write one table into the folder; `kind` is csv, jsonl or parquet."""
    path = folder / f"{table.name}.{kind}"
    count = WRITERS[kind](table, rows, path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return WrittenFile(table.name, path.name, count, digest)


def _write_csv(table: Table, rows: Iterable[Row], path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.header)
        for row in rows:
            writer.writerow([_plain(value) for value in row])
            count += 1
    return count


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _timestamp(value) if isinstance(value, datetime) else value


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _write_jsonl(table: Table, rows: Iterable[Row], path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        for row in rows:
            record = dict(zip(table.header, row, strict=True))
            file.write(json.dumps(record, ensure_ascii=False, default=_timestamp) + "\n")
            count += 1
    return count


def _write_parquet(table: Table, rows: Iterable[Row], path: Path) -> int:
    import pyarrow as pa
    from pyarrow import parquet

    schema = _schema(table)
    count = 0
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in _batches(iter(rows)):
            columns = zip(*batch, strict=True)
            arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
            count += len(batch)
    return count


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _schema(table: Table) -> pa.Schema:
    import pyarrow as pa

    kinds = {
        "int": pa.int64(),
        "float": pa.float64(),
        "text": pa.string(),
        "bool": pa.bool_(),
        "time": pa.timestamp("us", tz="UTC"),
    }
    return pa.schema([(column.name, kinds[column.kind]) for column in table.columns])


WRITERS: dict[str, Writer] = {"csv": _write_csv, "jsonl": _write_jsonl, "parquet": _write_parquet}
