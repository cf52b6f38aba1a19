"""Exports do not grow in memory with the votes, and what goes wrong on the way out is told."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest
from django.db import DataError, connection, transaction

from evalapp.exports.domain.export_tables import Table, _make_table
from evalapp.exports.domain.table_writers import write_table
from evalapp.exports.queries import copy_stream
from evalapp.exports.queries.copy_stream import copied_batches

NUMBERS = _make_table("numbers", number="int", word="text")
COUNTING = "SELECT number, repeat('w', 200) || number FROM generate_series(1, %(last)s) AS number"


def counting(last: int) -> Iterator[pa.RecordBatch]:
    return copied_batches(COUNTING, {"last": last}, NUMBERS.schema)


def peak(table: Table, batches: Iterator[pa.RecordBatch], folder: Path, kind: str) -> int:
    """Bytes, of Python's own and of Arrow's, that writing these rows took at most at once."""
    folder.mkdir()
    before = pa.total_allocated_bytes()
    arrows = 0

    def watched() -> Iterator[pa.RecordBatch]:
        nonlocal arrows
        for batch in batches:
            arrows = max(arrows, pa.total_allocated_bytes() - before)
            yield batch

    tracemalloc.start()
    try:
        write_table(table, watched(), folder, kind)
        return tracemalloc.get_traced_memory()[1] + arrows
    finally:
        tracemalloc.stop()


@pytest.mark.database
@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_four_times_the_rows_take_no_more_memory(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_stream, "_BLOCK", 1 << 18)
    write_table(NUMBERS, counting(10), tmp_path, kind)
    few = peak(NUMBERS, counting(8_000), tmp_path / "few", kind)
    assert peak(NUMBERS, counting(32_000), tmp_path / "many", kind) < 1.3 * few


@pytest.mark.database
@pytest.mark.django_db
def test_rows_come_as_they_are_asked_for() -> None:
    """The first batch is there while the database still counts: nothing waits for the last row."""
    with closing(counting(100_000)) as batches:
        first = next(batches)
        assert 0 < first.num_rows < 50_000
        assert first.column(0)[0].as_py() == 1
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_an_error_half_way_is_raised_where_the_rows_are_read() -> None:
    failing = "SELECT 1 / (%(last)s - number), '' FROM generate_series(1, 100000) AS number"
    with pytest.raises(DataError, match="division by zero"):
        list(copied_batches(failing, {"last": 90_000}, NUMBERS.schema))


@pytest.mark.database
@pytest.mark.django_db
def test_nothing_is_null_that_is_empty_and_nothing_empty_that_is_null() -> None:
    (batch,) = copied_batches(
        "SELECT NULL::int, '' UNION ALL SELECT 0, 'a \"word\",' || chr(10) || 'more'", {}, NUMBERS.schema
    )
    assert batch.to_pydict() == {"number": [None, 0], "word": ["", 'a "word",\nmore']}
