"""Rows out of the database as Arrow batches: PostgreSQL writes text, Arrow reads it, and Python sees no value.

`COPY … TO STDOUT` is the fastest way out of PostgreSQL, and it streams. It runs in a thread of its own, a few blocks
of text ahead of the reader at most, so that memory does not grow with the rows.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Mapping
from queue import Queue
from typing import TYPE_CHECKING, Any

from django.db import connection

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 1 << 22
"""Bytes of text that become one batch."""


def copied_batches(query: str, parameters: Mapping[str, Any], schema: pa.Schema) -> Generator[pa.RecordBatch]:
    """The rows of a query, whose columns are those of `schema` in its order. The same rows come in the same batches.

    The connection belongs to the query until the last batch is taken or the iterator is closed.
    """
    with connection.cursor() as cursor:
        copy = _Copy(cursor.cursor, f"COPY ({cursor.mogrify(query, parameters).decode()}) TO STDOUT WITH (FORMAT csv)")
        try:
            for block in copy.blocks():
                yield _parse_block(block, schema)
        finally:
            copy.end_copy()


class _Left(Exception):
    """The reader has gone; nobody wants the rest."""


class _Copy:
    """A copy under way. It is the file that the rows are written to: one call of `write` for each."""

    def __init__(self, cursor: Any, statement: str) -> None:
        self._ready: Queue[bytes | None] = Queue(maxsize=1)
        self._lines: list[bytes] = []
        self._size = 0
        self._left = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run_copy, args=(cursor, statement), name="copy", daemon=True)
        self._thread.start()

    def write(self, line: bytes) -> None:
        self._lines.append(line)
        self._size += len(line)
        if self._size >= _BLOCK:
            self._hand_over()

    def blocks(self) -> Iterator[bytes]:
        while (block := self._ready.get()) is not None:
            yield block

    def end_copy(self) -> None:
        """Wait for the copy, which ends early if its reader does; raise what it died of."""
        self._left = True
        while self._thread.is_alive():
            if not self._ready.empty():
                self._ready.get_nowait()
            self._thread.join(0.01)
        if self._error is not None:
            with connection.wrap_database_errors:
                raise self._error

    def _run_copy(self, cursor: Any, statement: str) -> None:
        try:
            cursor.copy_expert(statement, self)
            if self._lines:
                self._hand_over()
        except _Left:
            pass
        except BaseException as error:  # carried over to the thread that reads
            self._error = None if self._left else error
        self._ready.put(None)

    def _hand_over(self) -> None:
        if self._left:
            raise _Left
        self._ready.put(b"".join(self._lines))
        self._lines.clear()
        self._size = 0


def _parse_block(block: bytes, schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa
    from pyarrow import csv

    table = csv.read_csv(
        pa.BufferReader(block),
        read_options=csv.ReadOptions(column_names=schema.names, block_size=len(block) + 1),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=dict(zip(schema.names, schema.types, strict=True)),
            null_values=[""],
            true_values=["t"],
            false_values=["f"],
            strings_can_be_null=False,
        ),
    )
    (batch,) = table.combine_chunks().to_batches()
    return batch
