"""`restore`: an empty installation becomes the one that was backed up, or nothing happens to it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from evalapp.core.domain.backup_files import CHECKSUMS, MANIFEST, backup_members, checked_manifest
from evalapp.core.domain.errors import Conflict, InvalidInput, Problem
from evalapp.core.services.backups import postgres_client
from evalapp.core.services.backups.writing import DATABASE, FOLDERS, KEYS, PICTURES, folder_of
from evalapp.core.services.deeds import recorded
from evalapp.core.services.embedded.workers import worker_is_alive

_TELLING = {
    "auth_user": "operators",
    "catalog_catalogue": "catalogues",
    "contenders_embeddingmodel": "models",
    "studies_study": "studies",
    "voting_vote": "votes",
}
"""A database without rows in these tables may be overwritten."""


@recorded("restored", "{file}", piecewise=True)
def restore_backup(file: Path, *, advance: Callable[[int], object] = lambda _bytes: None) -> dict[str, Any]:
    """Fill this installation from `file`; what the backup says of itself.

    All of the file is read and compared with its sums first. Raises InvalidInput for a file that is cut, changed or
    made by another version, Conflict where this installation is not empty; nothing has changed then.
    """
    manifest = checked_manifest(file, advance)
    _require_known(file, manifest)
    _require_nothing_here()
    staged = settings.VAR_DIR / "restore.partial"
    shutil.rmtree(staged, ignore_errors=True)
    try:
        _unpack_members(file, staged)
        postgres_client.require_readable(staged / DATABASE)
        try:
            postgres_client.load_database(staged / DATABASE)
        except Problem:
            # The empty tables went with the schema that the dump was to fill: they are made again.
            call_command("migrate", interactive=False, verbosity=0)
            raise
        _put_in_place(staged)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    # A backup of an older version of the product goes on from there.
    call_command("migrate", interactive=False, verbosity=0)
    return manifest


def _require_known(file: Path, manifest: dict[str, Any]) -> None:
    disk_migrations = MigrationLoader(None).disk_migrations
    # A migration that was squashed into another is known by that one.
    known_keys = {
        *disk_migrations,
        *(tuple(key) for migration in disk_migrations.values() for key in migration.replaces),
    }
    unknown_names = sorted(set(manifest["migrations"]) - {".".join(key) for key in known_keys})
    if unknown_names:
        raise InvalidInput(
            f"{file} was made by a newer version of the product (this one does not know {unknown_names[0]}); restore "
            "it with that version. Nothing was changed."
        )


def _require_nothing_here() -> None:
    if settings.BROKER_IS_EMBEDDED and worker_is_alive(settings.VAR_DIR):
        raise Conflict("This installation is running; stop serve and its workers first. Nothing was changed.")
    tables = set(connection.introspection.table_names())
    for table, contents in _TELLING.items():
        if table in tables and _has_rows(table):
            raise Conflict(
                f"This installation is not empty: it has {contents}. Restore to an empty VAR_DIR and database. "
                "Nothing was changed."
            )


def _has_rows(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {connection.ops.quote_name(table)})")  # noqa: S608
        return bool(cursor.fetchone()[0])


def _unpack_members(file: Path, staged: Path) -> None:
    for name, source, _ in backup_members(file):
        if name not in {MANIFEST, CHECKSUMS}:
            target = staged / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as copy:
                shutil.copyfileobj(source, copy, 1024 * 1024)


def _put_in_place(staged: Path) -> None:
    for path in sorted((staged / PICTURES).rglob("*")):
        if path.is_file():
            with path.open("rb") as source:
                _store_picture(path.relative_to(staged / PICTURES).as_posix(), source)
    for folder in FOLDERS:
        if (staged / folder).is_dir():
            shutil.copytree(staged / folder, folder_of(folder), dirs_exist_ok=True, copy_function=shutil.move)
    for name in KEYS:
        if (staged / "keys" / name).exists():
            shutil.move(staged / "keys" / name, settings.VAR_DIR / name)
            (settings.VAR_DIR / name).chmod(0o600)


def _store_picture(name: str, source: IO[bytes]) -> None:
    if default_storage.exists(name):
        default_storage.delete(name)
    default_storage.save(name, File(source))
