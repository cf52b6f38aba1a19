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
from evalapp.catalog.domain.zip_archives import Contents, look_into, root_of, table_of, unpack
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
    found = _import(target)
    if found.upload and not _unpacked(found).exists():
        yield Piece({}, size=len(_contents(found).entries))


def unpack_upload(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    """Unpack the zip into a folder beside it, whole or not at all."""
    found = _import(target)
    if _unpacked(found).exists():
        return []
    contents = _contents(found)
    draft = _unpacked(found).with_suffix(".part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    unpack(upload_path(found.upload), draft, contents)
    os.rename(draft, _unpacked(found))
    return contents.skipped[:_FAULTS_KEPT]


def cut_rows(target: str) -> Iterator[Piece]:
    """Blocks of rows."""
    count = source_of(_import(target)).count()
    size = max(_FEWEST_ROWS, -(-count // _MOST_BLOCKS))
    for start in range(0, count, size):
        # The count is a guess where rows are no files: the last block takes what is left.
        stop = start + size if start + size < count else None
        yield Piece({"start": start, "stop": stop}, size=min(size, count - start))


def bring_rows(target: str, arguments: dict[str, Any]) -> list[Fault]:
    """One block of rows into the catalogue; returns what was left out."""
    found = _import(target)
    source = FlagsNoted(source_of(found))
    with Report() as report:
        outcome = import_rows(found.catalogue.slug, source, report, rows=(arguments["start"], arguments["stop"]))
    flagged = source.flag(found.catalogue.slug) if found.flag_misleading else 0
    told = [[fault.row, fault.path, fault.code, fault.message] for fault in report.first[:_FAULTS_KEPT]]
    counts = {"new": outcome.new, "updated": outcome.updated, "unchanged": outcome.unchanged}
    note_block(
        found.pk,
        arguments["start"],
        {**counts, "left_out": report.left_out, "flagged": flagged, "codes": dict(report.counts), "first": told},
    )
    return [(fault.path, fault.message) for fault in report.first[:_FAULTS_KEPT] if fault.left_out]


def finish_import(target: str) -> None:
    """Sum up; the files that were sent have done their work. Raises Problem where nothing went in."""
    found = _import(target)
    codes: Counter[str] = Counter()
    first: list[list[Any]] = []
    for start in sorted(found.outcomes, key=int):
        codes.update(found.outcomes[start]["codes"])
        first += found.outcomes[start]["first"]
    found.report = {"codes": dict(codes.most_common()), "first": first[:_FAULTS_KEPT]}
    found.save(update_fields=["report"])
    if found.upload:
        drop_upload(found.upload)
    if not found.count("new") + found.count("updated") + found.count("unchanged"):
        why = f" The first: {first[0][1]}: {first[0][3]}" if first else ""
        raise Problem(f"No picture could be brought in from {found.told}.{why}")


def source_of(found: CatalogueImport) -> Source:
    """The data set that was sent or named. Raises InvalidInput where it is none of the format's kind."""
    if not found.upload:
        return open_source(Path(found.folder), found.format or None, found.mapping)
    if not _unpacked(found).exists():
        raise Problem("What was sent is gone: send it again.")
    root = root_of(_unpacked(found))
    table = table_of(root)
    if found.format in {"", "csv"} and table is not None:
        return open_source(table, "csv", found.mapping)
    return open_source(root, found.format or "folder", found.mapping)


def _import(target: str) -> CatalogueImport:
    return import_by_id(target_id("import", target))


def _contents(found: CatalogueImport) -> Contents:
    path = upload_path(found.upload)
    if not path.exists():
        raise Problem("What was sent is gone: send it again.")
    return look_into(path, most_bytes=most_unpacked(), endings=frozenset(EXTENSIONS))


def _unpacked(found: CatalogueImport) -> Path:
    return upload_path(found.upload).with_name(f"{found.upload}.unpacked")


PLAN = Plan(
    stages=(
        Stage("unpack", "files", cut_unpacking, unpack_upload),
        Stage("import", "pictures", cut_rows, bring_rows),
    ),
    finish=lambda target, _state: finish_import(target),
)
