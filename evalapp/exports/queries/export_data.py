"""What an export is made of, in an order that does not change."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection, transaction
from django.utils.crypto import salted_hmac

from evalapp.core.domain.errors import NotFound
from evalapp.exports.domain import export_tables
from evalapp.exports.domain.export_tables import Table
from evalapp.exports.models import Export
from evalapp.exports.queries import sql_statements
from evalapp.exports.queries.copy_stream import copied_batches
from evalapp.studies.models import Contender, Study

if TYPE_CHECKING:
    import pyarrow as pa

_FETCHED = 5_000


@contextmanager
def one_moment() -> Iterator[None]:
    """All reads inside see the database as it was at the first of them, whatever is voted meanwhile."""
    nested = connection.in_atomic_block
    with transaction.atomic():
        if not nested:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def batches_of(table: Table, study: Study) -> Generator[pa.RecordBatch]:
    """The table's rows in batches with the table's columns."""
    batches = _typed_batches(sql_statements.STATEMENTS[table.name], table, study)
    return _with_pseudonyms(batches, pseudonyms_of(study)) if table is export_tables.VOTES else batches


def extra_batches_of(table: Table, study: Study) -> Generator[pa.RecordBatch]:
    """The rows of a table that stands beside the agreed ones, in batches."""
    return _typed_batches(sql_statements.STATEMENTS[table.name], table, study)


def expected_rows(study: Study) -> int:
    """About how many rows the tables have together: what a progress bar needs to know beforehand."""
    with connection.cursor() as cursor:
        cursor.execute(sql_statements.ROWS, {"study": study.pk})
        return int(cursor.fetchone()[0])


def recent_exports(limit: int = 100) -> list[Export]:
    """The newest first, with their studies and jobs."""
    return list(Export.objects.select_related("study", "job").order_by("-pk")[:limit])


def export_by_id(export_id: int) -> Export:
    """Raises NotFound."""
    export = Export.objects.select_related("study", "job").filter(pk=export_id).first()
    if export is None:
        raise NotFound(f"There is no export {export_id}.")
    return export


def archive_of(export: Export) -> Path:
    """Path of the finished archive; raises NotFound while it is being written, and if the file was deleted."""
    path = Path(settings.EXPORTS_DIR) / export.file
    if not export.is_whole or not path.is_file():
        raise NotFound(f"Export {export.pk} has no file to download.")
    return path


def contenders_of(study: Study) -> Iterator[Contender]:
    """Contenders of the study with their models."""
    return study.contenders.select_related("embedding__model").order_by("pk").iterator(chunk_size=_FETCHED)


def pseudonyms_of(study: Study) -> Callable[[str], str]:
    """Names for voters, the same for the same votes: who votes on gets a new name in the next export.

    Nobody who holds two exports can tell which of their voters are one person, unless nothing was voted in between,
    when both exports are the same to the byte.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql_statements.STATE, {"study": study.pk})
        state = "/".join(str(value) for value in cursor.fetchone())
    salt = f"evalapp.exports.voter/{study.slug}/{state}"

    @lru_cache(maxsize=10_000)
    def pseudonym_of(voter: str) -> str:
        return salted_hmac(salt, voter, algorithm="sha256").hexdigest()[:32]

    return pseudonym_of


def _typed_batches(statement: str, table: Table, study: Study) -> Generator[pa.RecordBatch]:
    import pyarrow as pa

    for batch in copied_batches(statement, {"study": study.pk}, _in_text(table.schema)):
        columns = [column.cast(field.type) for column, field in zip(batch.columns, table.schema, strict=True)]
        yield pa.RecordBatch.from_arrays(columns, schema=table.schema)


def _in_text(schema: pa.Schema) -> pa.Schema:
    """The types that the statements write: times without their zone, which is UTC."""
    import pyarrow as pa

    times = [pa.timestamp("us") if pa.types.is_timestamp(kind) else kind for kind in schema.types]
    return pa.schema(list(zip(schema.names, times, strict=True)))


def _with_pseudonyms(batches: Iterator[pa.RecordBatch], name: Callable[[str], str]) -> Generator[pa.RecordBatch]:
    import pyarrow as pa

    for batch in batches:
        column_number = batch.schema.get_field_index("voter")
        voters = batch.column(column_number).dictionary_encode()
        names = pa.array([name(voter) for voter in voters.dictionary.to_pylist()], pa.string())
        columns = [*batch.columns[:column_number], names.take(voters.indices), *batch.columns[column_number + 1 :]]
        yield pa.RecordBatch.from_arrays(columns, schema=batch.schema)
