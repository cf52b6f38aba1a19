"""A worker brings what was sent into a catalogue: unpack it, look at every picture, write the rows."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evalapp.catalog.domain.import_report import Report
from evalapp.catalog.domain.importers import open_source
from evalapp.catalog.domain.importers.importer_base import Source
from evalapp.catalog.domain.zip_archives import Contents, look_into, root_of, table_of, unpack_archive
from evalapp.catalog.models import CatalogueImport
from evalapp.catalog.pipeline.row_imports import FlagsNoted, import_rows
from evalapp.catalog.services.imports import import_by_id, most_unpacked, note_block
from evalapp.core.domain.errors import Problem
from evalapp.core.domain.job_plans import Fault, Piece, Plan, Stage
from evalapp.core.domain.job_targets import target_id
from evalapp.core.services.uploads import drop_upload, upload_path
from models_registry.pictures import EXTENSIONS

_FEWEST_ROWS, _MOST_BLOCKS = 64, 40
"""A block is a step of the bar; each reads the rows before it again, so that there must not be many."""
_FAULTS_KEPT = 100


def cut_unpacking(target: str) -> Iterator[Piece]:
    """One piece for a zip, none for a path."""
    catalogue_import = _import_of(target)
    if catalogue_import.upload and not _unpacked_folder(catalogue_import).exists():
        yield Piece({}, size=len(_zip_contents(catalogue_import).entries))


def unpack_upload(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    """Unpack the zip into a folder beside it, whole or not at all."""
    catalogue_import = _import_of(target)
    if _unpacked_folder(catalogue_import).exists():
        return []
    contents = _zip_contents(catalogue_import)
    draft = _unpacked_folder(catalogue_import).with_suffix(".part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    unpack_archive(upload_path(catalogue_import.upload), draft, contents)
    os.rename(draft, _unpacked_folder(catalogue_import))
    return contents.skipped[:_FAULTS_KEPT]


def cut_rows(target: str) -> Iterator[Piece]:
    """Blocks of rows."""
    count = source_of(_import_of(target)).count()
    size = max(_FEWEST_ROWS, -(-count // _MOST_BLOCKS))
    for start in range(0, count, size):
        # The count is a guess where rows are no files: the last block takes what is left.
        stop = start + size if start + size < count else None
        yield Piece({"start": start, "stop": stop}, size=min(size, count - start))


def bring_rows(target: str, arguments: dict[str, Any]) -> list[Fault]:
    """One block of rows into the catalogue; returns what was left out."""
    catalogue_import = _import_of(target)
    source = FlagsNoted(source_of(catalogue_import))
    with Report() as report:
        outcome = import_rows(
            catalogue_import.catalogue.slug, source, report, rows=(arguments["start"], arguments["stop"])
        )
    flagged = source.flag_noted(catalogue_import.catalogue.slug) if catalogue_import.flag_misleading else 0
    first_faults = [[fault.row, fault.path, fault.code, fault.message] for fault in report.first[:_FAULTS_KEPT]]
    counts = {"new": outcome.new, "updated": outcome.updated, "unchanged": outcome.unchanged}
    note_block(
        catalogue_import.pk,
        arguments["start"],
        {
            **counts,
            "left_out": report.left_out,
            "flagged": flagged,
            "codes": dict(report.counts),
            "first": first_faults,
        },
    )
    return [(fault.path, fault.message) for fault in report.first[:_FAULTS_KEPT] if fault.left_out]


def finish_import(target: str) -> None:
    """Sum up; the files that were sent have done their work. Raises Problem where nothing went in."""
    catalogue_import = _import_of(target)
    codes: Counter[str] = Counter()
    first: list[list[Any]] = []
    for start in sorted(catalogue_import.outcomes, key=int):
        codes.update(catalogue_import.outcomes[start]["codes"])
        first += catalogue_import.outcomes[start]["first"]
    catalogue_import.report = {"codes": dict(codes.most_common()), "first": first[:_FAULTS_KEPT]}
    catalogue_import.save(update_fields=["report"])
    if catalogue_import.upload:
        drop_upload(catalogue_import.upload)
    if not catalogue_import.count("new") + catalogue_import.count("updated") + catalogue_import.count("unchanged"):
        reason = f" The first: {first[0][1]}: {first[0][3]}" if first else ""
        raise Problem(f"No picture could be brought in from {catalogue_import.told}.{reason}")


def source_of(catalogue_import: CatalogueImport) -> Source:
    """The data set that was sent or named. Raises InvalidInput where it is none of the format's kind."""
    if not catalogue_import.upload:
        return open_source(Path(catalogue_import.folder), catalogue_import.format or None, catalogue_import.mapping)
    if not _unpacked_folder(catalogue_import).exists():
        raise Problem("What was sent is gone: send it again.")
    root = root_of(_unpacked_folder(catalogue_import))
    table = table_of(root)
    if catalogue_import.format in {"", "csv"} and table is not None:
        return open_source(table, "csv", catalogue_import.mapping)
    return open_source(root, catalogue_import.format or "folder", catalogue_import.mapping)


def _import_of(target: str) -> CatalogueImport:
    return import_by_id(target_id("import", target))


def _zip_contents(catalogue_import: CatalogueImport) -> Contents:
    path = upload_path(catalogue_import.upload)
    if not path.exists():
        raise Problem("What was sent is gone: send it again.")
    return look_into(path, most_bytes=most_unpacked(), endings=frozenset(EXTENSIONS))


def _unpacked_folder(catalogue_import: CatalogueImport) -> Path:
    return upload_path(catalogue_import.upload).with_name(f"{catalogue_import.upload}.unpacked")


PLAN = Plan(
    stages=(
        Stage("unpack", "files", cut_unpacking, unpack_upload),
        Stage("import", "pictures", cut_rows, bring_rows),
    ),
    finish=lambda target, _state: finish_import(target),
)
