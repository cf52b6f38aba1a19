"""`manage.py export STUDY --format csv|jsonl|parquet --output DIR [--json]`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Usage
from evalapp.exports.domain.export_tables import Table
from evalapp.exports.domain.table_writers import WRITERS, Batches
from evalapp.exports.queries.export_data import export_by_id
from evalapp.exports.services.write_exports import export_study, remove_export
from evalapp.studies.queries.study_reads import study_by_slug


class Command(BaseCommand):
    help = "Write the votes of a study, with all that belongs to them, into a folder of checksummed files."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", nargs="?", help="the study's slug")
        parser.add_argument("--format", choices=list(WRITERS), default="csv", help="kind of the files (default: csv)")
        wish = parser.add_mutually_exclusive_group(required=True)
        wish.add_argument("--output", type=Path, help="a folder that is empty or not there yet")
        wish.add_argument("--remove", type=int, metavar="ID", help="delete an export that was made in the lab")

    def run(self, **options: Any) -> dict[str, Any]:
        if options["remove"] is not None:
            remove_export(export_by_id(options["remove"]))
            self.say(f"Export {options['remove']} is deleted.")
            return {"removed": options["remove"]}
        if not options["study"]:
            raise Usage("Name the study to export.")
        study = study_by_slug(options["study"])
        output = options["output"].absolute()
        manifest = export_study(study, options["format"], output, self._watch_batches)
        for file in manifest["files"]:
            rows = "" if file["rows"] is None else f"{file['rows']:>10,} rows"
            self.say(f"{file['file']:<20} {rows}".rstrip())
        self.say(f"Written to {output}")
        return manifest

    def _watch_batches(self, table: Table, batches: Batches) -> Batches:
        with self.progress(table.name, None, "rows") as bar:
            for batch in batches:
                yield batch
                bar.update(batch.num_rows)
