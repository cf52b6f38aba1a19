"""`manage.py export STUDY --format csv|jsonl|parquet --output DIR [--json]`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evalapp.core.commands import Command as BaseCommand
from evalapp.core.commands import CommandParser
from evalapp.exports.services import export_study
from evalapp.exports.tables import Table
from evalapp.exports.writers import WRITERS, Batches
from evalapp.studies.queries import study_by_slug


class Command(BaseCommand):
    help = "Write the votes of a study, with all that belongs to them, into a folder of checksummed files."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", help="the study's slug")
        parser.add_argument("--format", choices=list(WRITERS), default="csv", help="kind of the files (default: csv)")
        parser.add_argument("--output", type=Path, required=True, help="a folder that is empty or not there yet")

    def run(self, **options: Any) -> dict[str, Any]:
        study = study_by_slug(options["study"])
        output = options["output"].absolute()
        manifest = export_study(study, options["format"], output, self._watch)
        for file in manifest["files"]:
            rows = "" if file["rows"] is None else f"{file['rows']:>10,} rows"
            self.say(f"{file['file']:<20} {rows}".rstrip())
        self.say(f"Written to {output}")
        return manifest

    def _watch(self, table: Table, batches: Batches) -> Batches:
        with self.progress(table.name, None, "rows") as bar:
            for batch in batches:
                yield batch
                bar.update(batch.num_rows)
