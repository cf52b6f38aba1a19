"""`backup`: the database of one moment, then the files that its rows speak of."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from evalapp.core.domain.backup_files import BackupWriter, written_backup
from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.core.domain.software import software
from evalapp.core.services.backups import postgres_client
from evalapp.core.services.deeds import recorded
from evalapp.core.services.embedded import secret

DATABASE = "database.dump"
PICTURES = "pictures"
FOLDERS = ("weights", "training", "exports", "embeddings")
"""What lies on this machine beside pictures; `embeddings`, the vectors, can be computed again."""
KEYS = (secret.NAME, "operator-password")


@dataclass(frozen=True, slots=True)
class Written:
    """What went into a backup."""

    files: int
    bytes: int
    has_secret_key: bool


def folder_of(name: str) -> Path:
    """Where a folder of `FOLDERS` lies."""
    places = {
        "weights": settings.WEIGHTS_DIR,
        "training": settings.TRAINING_DIR,
        "exports": settings.EXPORTS_DIR,
        "embeddings": settings.EMBEDDINGS_DIR,
    }
    return Path(places[name])


@recorded("backed up", "{file}", piecewise=True)
def write_backup(
    file: Path, *, vectors: bool = False, advance: Callable[[int], object] = lambda _bytes: None
) -> Written:
    """Write all of the installation to `file`, which must not be there yet; people may go on voting.

    The database is dumped as it is at one moment, and before the files: files are written before their rows, so that
    whatever a row of the dump speaks of is there when the files are read.
    """
    if file.exists():
        raise Conflict(f"{file} is there already; choose another name.")
    if not file.parent.is_dir():
        raise InvalidInput(f"{file.parent} is not a folder.")
    draft = file.with_name(f".{file.name}.partial")
    try:
        with _open_private(draft) as stream, written_backup(stream, _make_manifest(vectors)) as writer:
            _add_database(writer, file.parent)
            keys = _add_keys(writer)
            for name, source, size in _files_to_back_up(vectors):
                writer.add_member(name, source, size)
                advance(size)
            files = len(writer.sums)
        draft.rename(file)
    finally:
        draft.unlink(missing_ok=True)
    return Written(files, file.stat().st_size, secret.NAME in keys)


def _open_private(file: Path) -> IO[bytes]:
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _make_manifest(vectors: bool) -> dict[str, Any]:
    applied = MigrationRecorder(connection).applied_migrations()
    return {
        "software": software(),
        "made_at": timezone.now().isoformat(),
        "migrations": sorted(".".join(key) for key in applied),
        "vectors": vectors,
    }


def _add_database(writer: BackupWriter, beside: Path) -> None:
    with tempfile.TemporaryFile(dir=beside) as dump:
        postgres_client.dump_database(dump)
        size = dump.seek(0, os.SEEK_END)
        dump.seek(0)
        writer.add_member(DATABASE, dump, size)


def _add_keys(writer: BackupWriter) -> list[str]:
    key_names = [name for name in KEYS if (settings.VAR_DIR / name).exists()]
    for name in key_names:
        writer.add_text(f"keys/{name}", (settings.VAR_DIR / name).read_text(encoding="utf-8"))
    return key_names


def _files_to_back_up(vectors: bool) -> Iterator[tuple[str, IO[bytes], int]]:
    for name in _stored_names(""):
        try:
            with default_storage.open(name) as source:
                yield f"{PICTURES}/{name}", source, source.size
        except FileNotFoundError:
            # A draft that has its name by now, or a picture removed since: no row of the dump speaks of it.
            continue
    for folder in FOLDERS:
        if folder != "embeddings" or vectors:
            yield from _files_in(folder)


def _files_in(folder: str) -> Iterator[tuple[str, IO[bytes], int]]:
    root = folder_of(folder)
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            try:
                with path.open("rb") as source:
                    yield f"{folder}/{path.relative_to(root).as_posix()}", source, os.fstat(source.fileno()).st_size
            except FileNotFoundError:
                continue


def _stored_names(folder: str) -> Iterator[str]:
    """Names of all files of the picture storage, a folder or a bucket."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in sorted(files):
        yield f"{folder}{name}"
    for name in sorted(folders):
        yield from _stored_names(f"{folder}{name}/")
