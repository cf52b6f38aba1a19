"""Writing an export that was asked for: the files, then the archive, then the row that says it is whole."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from evalapp.core.domain.job_plans import Fault, Piece, Plan, Stage
from evalapp.core.domain.job_targets import target_id
from evalapp.exports.domain.export_tables import Table
from evalapp.exports.domain.table_writers import Batches
from evalapp.exports.models import Export
from evalapp.exports.pipeline.archives import pack_folder
from evalapp.exports.services import write_exports
from evalapp.exports.services.write_exports import Watch

_NOTE_SECONDS = 1.0


def _export_of(target: str) -> Export:
    return Export.objects.select_related("study__catalogue").get(pk=target_id("export", target))


def _cut_export(target: str) -> Iterator[Piece]:
    if not _export_of(target).is_whole:
        yield Piece({})


def _write_export(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    """May be done again: nothing is left of an earlier try but a hidden folder, which goes first."""
    export = _export_of(target)
    folder = exports_folder()
    for leftover in folder.glob(f".{export.name}-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f".{export.name}-", dir=folder) as draft, _noting_rows(export) as watch:
        manifest = write_exports.export_study(export.study, export.format, Path(draft) / "files", watch)
        archive = folder / f"{export.name}.zip"
        pack_folder(Path(draft) / "files", archive, export.study.slug)
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    write_exports.mark_whole(export, archive.name, archive.stat().st_size, digest, manifest)
    return []


def exports_folder() -> Path:
    """Where archives lie."""
    folder = Path(settings.EXPORTS_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _noting_rows(export: Export) -> Iterator[Watch]:
    """Note the rows written about once a second, over a connection of another thread: this one reads in a
    transaction that may write nothing."""
    with ThreadPoolExecutor(1, thread_name_prefix="note") as note_thread:
        written, noted = 0, time.monotonic()

        def count_rows(_table: Table, batches: Batches) -> Batches:
            nonlocal written, noted
            for batch in batches:
                yield batch
                written += batch.num_rows
                if time.monotonic() - noted > _NOTE_SECONDS:
                    noted = time.monotonic()
                    note_thread.submit(write_exports.note_rows, export, written)

        try:
            yield count_rows
        finally:
            note_thread.submit(_hang_up).result()


def _hang_up() -> None:
    """Close the connection of the thread that this runs in."""
    connection.close()


PLAN = Plan(stages=(Stage("write", "exports", _cut_export, _write_export),), finish=write_exports.announce_export)
