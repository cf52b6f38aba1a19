"""Files out of batches: the same rows always give the same bytes."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalapp.exports.domain.export_tables import Table

if TYPE_CHECKING:
    import pyarrow as pa

Batches = Iterable["pa.RecordBatch"]
Writer = Callable[[Table, Batches, Path], int]


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file of the export as the manifest lists it; `rows` is None for what is no table."""

    table: str
    file: str
    rows: int | None
    sha256: str


def write_table(table: Table, batches: Batches, folder: Path, kind: str) -> WrittenFile:
    """Write one table into the folder; `kind` is csv, jsonl or parquet."""
    path = folder / f"{table.name}.{kind}"
    return describe_file(table.name, path, WRITERS[kind](table, batches, path))


def describe_file(table: str, path: Path, rows: int | None = None) -> WrittenFile:
    """A file that was written, with its checksum."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return WrittenFile(table, path.name, rows, digest)


def _write_csv(table: Table, batches: Batches, path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.header)
        for batch in batches:
            writer.writerows(_plain_rows(batch, booleans_as_text=True))
            count += batch.num_rows
    return count


def _write_jsonl(table: Table, batches: Batches, path: Path) -> int:
    count = 0
    encode = json.JSONEncoder(ensure_ascii=False).encode
    with path.open("w", encoding="utf-8", newline="") as file:
        for batch in batches:
            file.writelines(encode(dict(zip(table.header, row, strict=True))) + "\n" for row in _plain_rows(batch))
            count += batch.num_rows
    return count


def _write_parquet(table: Table, batches: Batches, path: Path) -> int:
    from pyarrow import parquet

    count = 0
    with parquet.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def _plain_rows(batch: pa.RecordBatch, *, booleans_as_text: bool = False) -> Iterator[tuple[Any, ...]]:
    """The rows as plain values; times as ISO 8601 with microseconds and Z."""
    import pyarrow as pa
    from pyarrow import compute

    def plain_values(column: pa.Array) -> list[Any]:
        if pa.types.is_timestamp(column.type):
            column = compute.strftime(column, "%Y-%m-%dT%H:%M:%SZ")
        elif booleans_as_text and pa.types.is_boolean(column.type):
            column = column.cast(pa.string())
        values: list[Any] = column.to_pylist()
        return values

    return zip(*map(plain_values, batch.columns), strict=True)


WRITERS: dict[str, Writer] = {"csv": _write_csv, "jsonl": _write_jsonl, "parquet": _write_parquet}
