"""Exports do not grow in memory with the votes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from evalapp.exports.queries import Row, one_moment, rows_of
from evalapp.exports.tables import TABLES, VOTES, Table
from evalapp.exports.writers import write_table
from evalapp.studies.models import Study
from evalapp.voting.pipeline import parse_taste, simulate_votes
from tests import cast


def many(count: int) -> Iterator[Row]:
    for number in range(count):
        yield number, number, "voter", "dope", "study", True, "", 800, None, None, 0.25, "left", False


def peak(rows: Iterable[Row], folder: Path, kind: str) -> int:
    """Bytes of Python's own that writing these rows took at most at once."""
    folder.mkdir()
    tracemalloc.start()
    try:
        write_table(VOTES, rows, folder, kind)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_four_times_the_rows_take_no_more_memory(tmp_path: Path, kind: str) -> None:
    write_table(VOTES, many(10), tmp_path, kind)
    few = peak(many(25_000), tmp_path / "few", kind)
    assert peak(many(100_000), tmp_path / "many", kind) < 1.3 * few


@pytest.mark.database
@pytest.mark.django_db
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_rows_come_through_a_cursor_of_the_server(table: Table) -> None:
    study: Study = cast.open_study()
    simulate_votes(study, votes=100, voters=10, taste=parse_taste("category"), seed=1)
    with one_moment():
        rows = rows_of(table, study)
        next(rows)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_cursors WHERE statement NOT LIKE '%pg_cursors%'")
            assert cursor.fetchone()[0] == 1
        assert list(rows)
