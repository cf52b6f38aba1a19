"""Writing an export: whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from evalapp.core.errors import Conflict, InvalidInput, Problem
from evalapp.exports import extras, tables
from evalapp.exports.manifest import manifest_of
from evalapp.exports.queries import batches_of, contenders_of, extra_batches_of, one_moment
from evalapp.exports.tables import TABLES, Table
from evalapp.exports.writers import WRITERS, Batches, WrittenFile, write_table
from evalapp.studies.models import Study

MANIFEST = "manifest.json"


class Watch(Protocol):
    """Something that sees the batches of a table go by, such as a progress bar."""

    def __call__(self, table: Table, batches: Batches) -> Batches: ...


def export_study(study: Study, kind: str, output: Path, watch: Watch | None = None) -> dict[str, Any]:
    """Write the study's tables and manifest into the folder `output`, and return the manifest.

    Everything is of one moment and written beside `output` first; the folder appears when it is complete. The same
    study gives the same bytes. Raises InvalidInput for an unknown kind, Conflict where there are files already, and
    Problem where the folder cannot be written.
    """
    if kind not in WRITERS:
        raise InvalidInput(f"{kind!r} is not a format; choose one of {', '.join(WRITERS)}.")
    with _appearing(output) as draft, one_moment():
        files = list(_tables(study, kind, draft, watch))
        files.append(extras.write_oml(extra_batches_of(tables.OML, study), draft))
        files.append(extras.write_index_tuples(extra_batches_of(tables.VERDICTS, study), draft))
        contenders = list(contenders_of(study))
        files.append(extras.write_card(manifest_of(study, contenders, files, kind), draft))
        manifest = manifest_of(study, contenders, files, kind)
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        (draft / MANIFEST).write_text(text, encoding="utf-8")
    return manifest


def _tables(study: Study, kind: str, folder: Path, watch: Watch | None) -> Iterator[WrittenFile]:
    for table in TABLES:
        with closing(batches_of(table, study)) as batches:
            yield write_table(table, watch(table, batches) if watch else batches, folder, kind)


@contextmanager
def _appearing(output: Path) -> Iterator[Path]:
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
