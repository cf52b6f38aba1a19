"""`manage.py import_catalogue SLUG PATH`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evalapp.catalog import pipeline, services
from evalapp.catalog.importers import IMPORTERS, open_source
from evalapp.catalog.report import Report
from evalapp.core.commands import Command as BaseCommand
from evalapp.core.commands import CommandParser, Failed, Usage

_SHOWN_PER_KIND = 3


class Command(BaseCommand):
    help = "Bring a folder, a CSV or a published data set into a catalogue; bad rows are reported, never fatal."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the catalogue; made if it is missing")
        parser.add_argument(
            "path",
            type=Path,
            help="a folder of pictures, a CSV file beside them, or the folder of a published data set",
        )
        parser.add_argument("--format", choices=sorted(IMPORTERS), help="told by the path if left out")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="FIELD=COLUMN",
            help="which column holds path, key, category, product, domain, split, x1, y1, x2, y2",
        )
        parser.add_argument("--name", default="", help="what people call the catalogue")
        parser.add_argument(
            "--flag-misleading",
            action="store_true",
            help="flag what the data set itself calls a back view or a close-up: it leaves training and decks",
        )
        parser.add_argument("--report", type=Path, help="write every problem to this CSV file")

    def run(self, **options: Any) -> Any:
        slug, path = options["slug"], options["path"]
        services.check_slug(slug)
        source = pipeline.FlagsNoted(open_source(path, options["format"], _mapping(options["map"])))
        with Report(options["report"]) as report:
            with self.progress("Importing", source.count(), "pictures") as bar:
                outcome = pipeline.import_rows(slug, source, report, name=options["name"], advance=bar.update)
            if not outcome.taken:
                raise Failed(_why_nothing(path, report))
        flagged = source.flag(slug) if options["flag_misleading"] else 0
        self._tell(outcome, report, options["report"])
        if flagged:
            self.say(f"{flagged:,} items flagged.")
        return {
            "catalogue": slug,
            "version": outcome.version,
            "new": outcome.new,
            "updated": outcome.updated,
            "unchanged": outcome.unchanged,
            "left_out": report.left_out,
            "flagged": flagged,
            "problems": [
                {"row": fault.row, "path": fault.path, "code": fault.code, "message": fault.message}
                for fault in report.first
            ],
        }

    def _tell(self, outcome: pipeline.Outcome, report: Report, file: Path | None) -> None:
        self.say(
            f"{outcome.new:,} new, {outcome.updated:,} updated, {outcome.unchanged:,} unchanged, "
            f"{report.left_out:,} left out; version {outcome.version}."
        )
        if not report.total:
            return
        for code, count in report.counts.most_common():
            self.say(f"  {count:,} {code}")
            of_kind = [fault for fault in report.first if fault.code == code]
            for fault in of_kind[:_SHOWN_PER_KIND]:
                self.say(f"    row {fault.row}: {fault.path or '-'}: {fault.message}")
        self.say(f"The whole list is in {file}." if file else "The whole list: run it again with --report FILE.csv.")


def _mapping(words: list[str]) -> dict[str, str]:
    mapping: dict[str, str] = {}
    for word in words:
        field, equals, column = word.partition("=")
        if not equals or not field or not column:
            raise Usage(f"--map takes FIELD=COLUMN, not {word!r}.")
        if field in mapping:
            raise Usage(f"--map names the field {field!r} twice.")
        mapping[field] = column
    return mapping


def _why_nothing(path: Path, report: Report) -> str:
    if not report.total:
        return f"Nothing to import: {path} holds no jpg, jpeg, png, webp, bmp or gif pictures."
    kinds = ", ".join(f"{count:,} {code}" for code, count in report.counts.most_common())
    first = report.first[0]
    return f"Nothing could be imported from {path}: {kinds}. The first, row {first.row}: {first.path}: {first.message}"
