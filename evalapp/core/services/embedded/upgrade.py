"""A cluster of an older PostgreSQL becomes one of the newest: dumped, loaded, compared, and only then put in its place.

The old cluster is not changed; it stays beside the new one, under its version's name, until somebody removes it. Nobody
sees either of them meanwhile: both listen in a folder of their own. Wherever it is cut short, the next start begins
anew or ends it.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalapp.core.services.embedded.programs import EmbeddedPostgresError, newest_version, version_of

if TYPE_CHECKING:
    from evalapp.core.services.embedded.postgres import EmbeddedPostgres

Counts = dict[str, dict[str, int]]
"""Rows by table by database."""

_ENDED = "upgraded"
"""A file in the draft that says that all of it is there: it may take the place of the old one."""
_TABLES = """
    SELECT format('%I.%I', schemaname, relname) FROM pg_stat_user_tables ORDER BY 1
"""


def upgrade_if_older(server: EmbeddedPostgres) -> None:
    """To be called by whoever is about to start the server, and by nobody else at that moment.

    Raises EmbeddedPostgresError where the new cluster is not the old one; the old one is then as it was.
    """
    _finish_last_time(server)
    old_version = version_of(server.data_folder)
    if old_version is None or old_version == newest_version():
        return
    print(f"Upgrading the database from PostgreSQL {old_version} to {newest_version()} …", file=sys.stderr, flush=True)
    draft = server.draft_folder
    server.remove_folder(draft)
    with _listening_apart(server) as apart, server.folder_for_dumps() as dumps:
        server.stop(server.data_folder)
        with server.running_cluster(server.data_folder, apart):
            before = _count_rows(apart)
            for name in before:
                server.run("pg_dump", "-h", str(apart), "-U", "postgres", "-Fc", "-f", str(dumps / name), name)
        server.make_cluster(draft)
        with server.running_cluster(draft, apart):
            for name in before:
                _load_dump(server, apart, name, dumps / name)
            after = _count_rows(apart)
    if before != after:
        raise EmbeddedPostgresError(
            f"After the upgrade to PostgreSQL {newest_version()} the tables do not hold the same rows; the old "
            f"database is untouched in {server.data_folder}. Please report this."
        )
    (draft / _ENDED).write_text(f"{old_version}\n", encoding="ascii")
    _finish_last_time(server)
    kept_folder = server.kept_cluster(old_version)
    print(
        f"Upgraded. The old database is kept in {kept_folder}; remove it when all is well.", file=sys.stderr, flush=True
    )


def _finish_last_time(server: EmbeddedPostgres) -> None:
    """Put a draft that is whole in the place of the old cluster, whichever of the two steps was left."""
    mark = server.draft_folder / _ENDED
    if not mark.exists():
        return
    old_version = int(mark.read_text(encoding="ascii"))
    if version_of(server.data_folder) == old_version:
        server.remove_folder(server.kept_cluster(old_version))
        server.data_folder.rename(server.kept_cluster(old_version))
    server.draft_folder.rename(server.data_folder)
    (server.data_folder / _ENDED).unlink()


def _load_dump(server: EmbeddedPostgres, apart: Path, name: str, dump: Path) -> None:
    if name != "postgres":
        server.run("createdb", "-h", str(apart), "-U", "postgres", "-T", "template0", name)
    server.run("pg_restore", "-h", str(apart), "-U", "postgres", "-d", name, "--exit-on-error", str(dump))


def _count_rows(apart: Path) -> Counts:
    names = [row[0] for row in _run_query(apart, "postgres", "SELECT datname FROM pg_database WHERE NOT datistemplate")]
    return {name: _count_rows_in(apart, name) for name in sorted(names)}


def _count_rows_in(apart: Path, name: str) -> dict[str, int]:
    tables = [str(row[0]) for row in _run_query(apart, name, _TABLES)]
    return {table: int(str(_run_query(apart, name, f"SELECT count(*) FROM {table}")[0][0])) for table in tables}  # noqa: S608


def _run_query(apart: Path, database: str, statement: str) -> list[tuple[Any, ...]]:
    import psycopg2

    connection = psycopg2.connect(host=str(apart), port="5432", user="postgres", dbname=database)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())
    finally:
        connection.close()


@contextmanager
def _listening_apart(server: EmbeddedPostgres) -> Iterator[Path]:
    apart = server.socket_folder_named("upgrade")
    server.make_folder(apart)
    try:
        yield apart
    finally:
        shutil.rmtree(apart, ignore_errors=True)
