"""`manage.py import_catalogue SLUG PATH`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evalapp.catalog import pipeline
from evalapp.catalog.domain.import_report import Report
from evalapp.catalog.domain.importers import IMPORTERS, open_source
from evalapp.catalog.queries import keys_since, version_of
from evalapp.catalog.services.arrival_checks import CHECKS, check_arrivals
from evalapp.core.domain.values.slugs import check_slug
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Failed, Usage
from evalapp.core.models import Job
from evalapp.core.tasks import nudge
from models_registry.pictures import EXTENSIONS

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
        parser.add_argument("--check", choices=sorted(CHECKS), help="tell what the items that came in double")
        parser.add_argument("--report", type=Path, help="write every problem to this CSV file")

    def run(self, **options: Any) -> Any:
        slug, path = options["slug"], options["path"]
        check_slug(slug)
        before = version_of(slug)
        source = pipeline.FlagsNoted(open_source(path, options["format"], _parse_mapping(options["map"])))
        with Report(options["report"]) as report:
            with self.progress("Importing", source.count(), "pictures") as bar:
                outcome = pipeline.import_rows(slug, source, report, name=options["name"], advance=bar.update)
            if not outcome.items_taken:
                raise Failed(_why_nothing(path, report))
        flagged = source.flag_noted(slug) if options["flag_misleading"] else 0
        self._tell_outcome(outcome, report, options["report"])
        if flagged:
            self.say(f"{flagged:,} items flagged.")
        check_results = {}
        if check := options["check"]:
            check_results = {check: check_arrivals(check, slug, keys_since(slug, before))}
            self._tell_doubles(check_results[check])
        self.say(f"Next: python manage.py create_study SLUG --catalogue {slug} --contender MODEL:METRIC")
        return {
            **check_results,
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

    def _tell_doubles(self, doubles: dict[str, Any]) -> None:
        if doubles["job"]:
            nudge(Job.objects.get(pk=doubles["job"]))
        for pair in doubles["pairs"]:
            self.say(f"  {pair['item']} doubles {pair['other']} ({pair['level']})")
        looked = f"job {doubles['job']} looks for doubles" if doubles["job"] else f"doubles by {doubles['checked']}"
        self.say(f"{len(doubles['pairs']):,} pairs told, {looked}." + (f" {doubles['why']}" if doubles["why"] else ""))

    def _tell_outcome(self, outcome: pipeline.Outcome, report: Report, file: Path | None) -> None:
        self.say(
            f"{outcome.new:,} new, {outcome.updated:,} updated, {outcome.unchanged:,} unchanged, "
            f"{report.left_out:,} left out; version {outcome.version}."
        )
        if not report.fault_count:
            return
        for code, count in report.counts.most_common():
            self.say(f"  {count:,} {code}")
            of_kind = [fault for fault in report.first if fault.code == code]
            for fault in of_kind[:_SHOWN_PER_KIND]:
                self.say(f"    row {fault.row}: {fault.path or '-'}: {fault.message}")
        self.say(f"The whole list is in {file}." if file else "The whole list: run it again with --report FILE.csv.")


def _parse_mapping(texts: list[str]) -> dict[str, str]:
    mapping: dict[str, str] = {}
    for text in texts:
        field, equals, column = text.partition("=")
        if not equals or not field or not column:
            raise Usage(f"--map takes FIELD=COLUMN, not {text!r}.")
        if field in mapping:
            raise Usage(f"--map names the field {field!r} twice.")
        mapping[field] = column
    return mapping


def _why_nothing(path: Path, report: Report) -> str:
    if not report.fault_count:
        *others, last = (ending.removeprefix(".") for ending in EXTENSIONS)
        return f"Nothing to import: {path} holds no {', '.join(others)} or {last} pictures."
    kinds = ", ".join(f"{count:,} {code}" for code, count in report.counts.most_common())
    first = report.first[0]
    return f"Nothing could be imported from {path}: {kinds}. The first, row {first.row}: {first.path}: {first.message}"
