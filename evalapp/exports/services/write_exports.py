"""Asking for exports, and writing one: whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from evalapp.core.domain.errors import Conflict, InvalidInput, Problem
from evalapp.core.domain.job_targets import target_id
from evalapp.core.models import JobState
from evalapp.core.services.deeds import recorded
from evalapp.core.services.jobs import request_job
from evalapp.exports.domain import export_tables
from evalapp.exports.domain.export_tables import TABLES, Table
from evalapp.exports.domain.table_writers import WRITERS, Batches, WrittenFile, write_table
from evalapp.exports.models import Export
from evalapp.exports.queries.export_data import batches_of, contenders_of, expected_rows, extra_batches_of, one_moment
from evalapp.exports.services import extra_formats
from evalapp.exports.services.manifest import manifest_of
from evalapp.studies.models import Study
from evalapp.webhooks.domain.event_names import EXPORT_READY
from evalapp.webhooks.services import announce

MANIFEST = "manifest.json"


class Watch(Protocol):
    """Something that sees the batches of a table go by, such as a progress bar."""

    def __call__(self, table: Table, batches: Batches, /) -> Batches: ...


@recorded("asked for export", "study {study}", "{kind}")
def request_export(study: Study, kind: str) -> Export:
    """An export to be written by a worker, with its job. Raises InvalidInput for an unknown format."""
    _check_kind(kind)
    with transaction.atomic():
        export = Export.objects.create(study=study, format=kind, rows_expected=expected_rows(study))
        export.job = request_job("export", export.target)
        export.save(update_fields=["job"])
    return export


def note_rows(export: Export, written: int) -> None:
    """Note how far the writing is."""
    Export.objects.filter(pk=export.pk).update(rows_written=written)


def mark_whole(export: Export, file: str, size: int, sha256: str, manifest: dict[str, Any]) -> None:
    """The archive lies under its name: say so, with what it holds."""
    rows = sum(manifest["rows"][table.name] for table in TABLES)
    Export.objects.filter(pk=export.pk).update(
        file=file, size=size, sha256=sha256, manifest=manifest, rows_written=rows, finished_at=timezone.now()
    )


def announce_export(target: str, state: str) -> None:
    """Tell whoever listens that an export ended well; called in the transaction that ends its job."""
    export = Export.objects.select_related("study").get(pk=target_id("export", target))
    if state == JobState.DONE:
        facts = {"export": export.pk, "study": export.study.slug, "format": export.format, "sha256": export.sha256}
        announce(EXPORT_READY, {**facts, "size": export.size})


@recorded("removed", "export {export.pk} of study {export.study}")
def remove_export(export: Export) -> None:
    """Delete an export and its archive. Raises Conflict while it is being written."""
    if export.job is not None and not export.job.is_final:
        raise Conflict(f"Export {export.pk} is being written; cancel its job first.")
    if export.file:
        (Path(settings.EXPORTS_DIR) / export.file).unlink(missing_ok=True)
    export.delete()


@recorded("exported", "study {study}", "{kind} to {output}", piecewise=True)
def export_study(study: Study, kind: str, output: Path, watch: Watch | None = None) -> dict[str, Any]:
    """Write the study's tables and manifest into the folder `output`, and return the manifest.

    Everything is of one moment and written beside `output` first; the folder appears when it is complete. The same
    study gives the same bytes. Raises InvalidInput for an unknown kind, Conflict where there are files already, and
    Problem where the folder cannot be written.
    """
    _check_kind(kind)
    with _draft_folder(output) as draft, one_moment():
        files = list(_write_tables(study, kind, draft, watch))
        files.append(extra_formats.write_oml(extra_batches_of(export_tables.OML, study), draft))
        files.append(extra_formats.write_index_tuples(extra_batches_of(export_tables.VERDICTS, study), draft))
        contenders = list(contenders_of(study))
        files.append(extra_formats.write_card(manifest_of(study, contenders, files, kind), draft))
        manifest = manifest_of(study, contenders, files, kind)
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        (draft / MANIFEST).write_text(text, encoding="utf-8")
    return manifest


def _check_kind(kind: str) -> None:
    if kind not in WRITERS:
        raise InvalidInput(f"{kind!r} is not a format; choose one of {', '.join(WRITERS)}.")


def _write_tables(study: Study, kind: str, folder: Path, watch: Watch | None) -> Iterator[WrittenFile]:
    for table in TABLES:
        with closing(batches_of(table, study)) as batches:
            yield write_table(table, watch(table, batches) if watch else batches, folder, kind)


@contextmanager
def _draft_folder(output: Path) -> Iterator[Path]:
    """A folder that becomes `output` if all goes well, and otherwise leaves no trace."""
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise Conflict(f"{output} is there already and not empty; choose another folder for the export.")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    except OSError as error:
        raise Problem(f"{output} cannot be made: {error.strerror}.") from error
    try:
        yield draft
        draft.chmod(0o755)
        draft.rename(output)
    except OSError as error:
        raise Problem(f"The export could not be written to {output}: {error.strerror}.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
